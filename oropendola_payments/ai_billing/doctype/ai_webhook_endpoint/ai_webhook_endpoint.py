from datetime import datetime

import frappe
from frappe.utils import cint, get_datetime, now_datetime

from oropendola_payments.ai_billing import webhook_types
from oropendola_payments.ai_billing.current import forget
from oropendola_payments.ai_billing.records import StatefulRecord
from oropendola_payments.compat import add_index
from oropendola_payments.roles import is_manager


class AIWebhookEndpoint(StatefulRecord):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		claim: DF.Data | None
		claimed_until: DF.Datetime | None
		description: DF.Data | None
		disabled_on: DF.Datetime | None
		disabled_reason: DF.Literal["", "By Hand", "Gone", "Failing", "Customer Left", "Manager Left"]
		enabled_on: DF.Datetime | None
		events: DF.SmallText | None
		failing_since: DF.Datetime | None
		failures: DF.Int
		is_slow: DF.Check
		last_error: DF.SmallText | None
		last_position: DF.Int
		last_success_on: DF.Datetime | None
		last_tried_on: DF.Datetime | None
		made_by: DF.Link | None
		not_before: DF.Datetime | None
		secret: DF.Password | None
		secret_before: DF.Password | None
		secret_before_until: DF.Datetime | None
		secret_made_on: DF.Datetime | None
		site: DF.Data | None
		status: DF.Literal["Active", "Disabled"]
		url: DF.Data
		user: DF.Link | None
		warned_on: DF.Datetime | None
	# end: auto-generated types

	"""An address that is told about events. Its secrets are stored encrypted, beside the record."""

	transitions = {"Active": {"Disabled"}, "Disabled": {"Active"}}
	first_status = "Active"
	system_fields = (
		*(
			"url",
			"description",
			"user",
			"made_by",
			"events",
			"disabled_reason",
			"disabled_on",
			"enabled_on",
			"site",
		),
		*("last_success_on", "failing_since", "failures", "last_error", "warned_on", "not_before"),
		*("secret", "secret_before", "secret_made_on", "secret_before_until"),
		*("claim", "claimed_until", "last_position", "is_slow", "last_tried_on"),
	)

	def chosen(self) -> tuple[str, ...]:
		"""Return the types that were chosen; none means all."""
		return tuple((self.events or "").split())

	def wants(self, kind: str) -> bool:
		if self.user and kind in webhook_types.STAFF_ONLY:
			return False
		return not self.chosen() or kind in self.chosen()

	def has_owner(self) -> bool:
		"""Return whether its customer can log in, or whoever is responsible for it is a manager who can."""
		owner = self.user or self.made_by
		if not owner or not cint(frappe.db.get_value("User", owner, "enabled")):
			return False
		return bool(self.user) or is_manager(owner)

	def disable(self, reason: str) -> bool:
		values = {"disabled_reason": reason, "disabled_on": now_datetime(), "not_before": None}
		changed = self._move_to("Disabled", **values)
		forget(self.doctype)
		return changed

	def enable(self) -> bool:
		fresh = {"failing_since": None, "failures": 0, "warned_on": None, "not_before": None}
		changed = self._move_to(
			"Active", disabled_reason="", disabled_on=None, enabled_on=now_datetime(), **fresh
		)
		forget(self.doctype)
		return changed

	def note_success(self, is_slow: bool) -> None:
		good = {"failing_since": None, "failures": 0, "warned_on": None, "not_before": None}
		now = now_datetime()
		self.write(last_success_on=now, last_tried_on=now, is_slow=int(is_slow), last_error=None, **good)

	def note_failure(self, error: str, not_before: datetime, is_slow: bool) -> None:
		self.write(
			last_tried_on=now_datetime(),
			is_slow=int(is_slow),
			failing_since=self.failing_since or now_datetime(),
			failures=cint(self.failures) + 1,
			last_error=error,
			not_before=not_before,
		)

	def next_position(self) -> int:
		"""Return the place of a new delivery in the order of this endpoint. The caller holds the lock."""
		self.write(last_position=cint(self.last_position) + 1)
		return cint(self.last_position)

	def overlaps(self) -> bool:
		"""Return whether the secret before the last rotation still signs too."""
		until = self.secret_before_until
		return bool(until) and get_datetime(until) > now_datetime()


def on_doctype_update() -> None:
	add_index("AI Webhook Endpoint", ["status", "user"])
