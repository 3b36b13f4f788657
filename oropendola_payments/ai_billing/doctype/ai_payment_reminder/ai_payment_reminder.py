from typing import Any

from frappe.utils import now_datetime

from oropendola_payments.ai_billing.records import StatefulRecord
from oropendola_payments.compat import add_index

TRANSITIONS: dict[str, set[str]] = {"Planned": {"Sent", "Stopped"}, "Sent": set(), "Stopped": set()}


class AIPaymentReminder(StatefulRecord):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		attempt: DF.Link | None
		channel: DF.Literal["Email", "SMS"]
		failure_class: DF.Literal["Left", "Soft", "Step", "Hard", "Ours", "Due"]
		gateway: DF.Data | None
		invoice: DF.Link
		is_last: DF.Check
		planned_for: DF.Datetime | None
		sent_on: DF.Datetime | None
		status: DF.Literal["Planned", "Sent", "Stopped"]
		step: DF.Int
		stop_reason: DF.Data | None
		suggested_gateway: DF.Data | None
		unique_key: DF.Data | None
		user: DF.Link
	# end: auto-generated types

	"""One reminder of an unpaid invoice: planned, then sent or stopped. Written by the system only."""

	transitions = TRANSITIONS
	first_status = "Planned"
	system_fields = (
		"invoice",
		"user",
		"attempt",
		"channel",
		"failure_class",
		"gateway",
		"is_last",
		"planned_for",
		"sent_on",
		"step",
		"stop_reason",
		"suggested_gateway",
		"unique_key",
	)

	def mark_as_sent(self, **values: Any) -> bool:
		return self._move_to("Sent", sent_on=now_datetime(), **values)

	def mark_as_stopped(self, reason: str) -> bool:
		return self._move_to("Stopped", stop_reason=reason)


def on_doctype_update() -> None:
	add_index("AI Payment Reminder", ["status", "planned_for"])
