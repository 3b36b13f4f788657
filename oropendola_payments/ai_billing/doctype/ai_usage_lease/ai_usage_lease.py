import frappe
from frappe.utils import add_to_date, now_datetime

from oropendola_payments.ai_billing.records import StatefulRecord


class AIUsageLease(StatefulRecord):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		api_key: DF.Link | None
		credit_units: DF.Int
		expires_at: DF.Datetime | None
		given_back: DF.Int
		granted: DF.Int
		holder: DF.Data | None
		idempotency_key: DF.Data | None
		model: DF.Data | None
		quota_day: DF.Date | None
		spent: DF.Int
		status: DF.Literal["Open", "Closed"]
		subscription: DF.Link
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
		"expires_at",
		"windows_end_at",
		"model",
		"quota_day",
		"idempotency_key",
	)

	def mark_as_closed(self, spent: int, given_back: int) -> bool:
		return self._move_to("Closed", spent=spent, given_back=given_back)

	@staticmethod
	def clear_old_logs(days: int = 30) -> None:
		"""Delete old leases, for Log Settings. Nothing can be given back to their windows any more."""
		frappe.db.delete("AI Usage Lease", {"windows_end_at": ("<", add_to_date(now_datetime(), days=-days))})
