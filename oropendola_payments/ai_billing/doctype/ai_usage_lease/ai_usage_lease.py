import json
from typing import TYPE_CHECKING

import frappe
from frappe.utils import add_to_date, cint, now_datetime

from oropendola_payments.ai_billing.records import StatefulRecord
from oropendola_payments.compat import add_index

if TYPE_CHECKING:
	from datetime import datetime


class AIUsageLease(StatefulRecord):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		api_key: DF.Link | None
		credit_units: DF.Int
		credits_back: DF.Int
		expires_at: DF.Datetime | None
		given_back: DF.Int
		granted: DF.Int
		holder: DF.Data | None
		idempotency_key: DF.Data | None
		lapsed_on: DF.Datetime | None
		model: DF.Data | None
		plan: DF.Link | None
		quota_day: DF.Date | None
		spent: DF.Int
		status: DF.Literal["Open", "Closed"]
		subscription: DF.Link
		taken: DF.SmallText | None
		windows: DF.SmallText | None
		windows_end_at: DF.Datetime | None
	# end: auto-generated types

	"""A slice of the quota that a caller spends by itself. It is taken from the quota when it is granted."""

	transitions = {"Open": {"Closed"}, "Closed": set()}
	first_status = "Open"
	system_fields = (
		"subscription",
		"api_key",
		"holder",
		"granted",
		"spent",
		"given_back",
		"credit_units",
		"credits_back",
		"lapsed_on",
		"expires_at",
		"windows_end_at",
		"model",
		"quota_day",
		"idempotency_key",
		"plan",
		"taken",
		"windows",
	)

	def price_of(self, spent: int) -> int:
		"""Return the share of the credits that so many requests cost. What is left for the others never exceeds what was taken."""
		return self._share(cint(self.credit_units), spent)

	def costs_of(self, spent: int) -> dict[str, int]:
		"""Return by meter the share of what was taken, whatever the plan costs by now. All shares together are never more than that."""
		taken = json.loads(self.taken) if self.taken else {"Requests": cint(self.granted)}
		return {meter: self._share(amount, spent) for meter, amount in taken.items()}

	def costs_between(self, less: int, more: int) -> dict[str, int]:
		before = self.costs_of(less)
		return {meter: amount - before[meter] for meter, amount in self.costs_of(more).items()}

	def _share(self, taken: int, spent: int) -> int:
		granted = cint(self.granted)
		return taken - taken * (granted - spent) // granted

	def mark_as_closed(
		self, spent: int, given_back: int, credits_back: int = 0, lapsed_on: "datetime | None" = None
	) -> bool:
		"""`lapsed_on` is set if nobody has closed it, so that a late report is still possible."""
		values = {"given_back": given_back, "credits_back": credits_back, "lapsed_on": lapsed_on}
		return self._move_to("Closed", spent=spent, **values)

	@staticmethod
	def clear_old_logs(days: int = 30) -> None:
		"""Delete old leases, for Log Settings. One that still holds credits stays: it is the only way to give them back."""
		lease = frappe.qb.DocType("AI Usage Lease")
		old = lease.windows_end_at < add_to_date(now_datetime(), days=-days)
		holds_nothing = (lease.status == "Closed") | (lease.credit_units == 0)
		frappe.qb.from_(lease).delete().where(old & holds_nothing).run()


def on_doctype_update() -> None:
	add_index("AI Usage Lease", ["status", "credit_units"])
