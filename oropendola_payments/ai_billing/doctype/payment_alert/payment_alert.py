import frappe
from frappe.model.document import Document
from frappe.utils import add_to_date, now_datetime


class PaymentAlert(Document):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		closed_on: DF.Datetime | None
		details: DF.LongText | None
		fingerprint: DF.Data | None
		kind: DF.Data
		last_seen_on: DF.Datetime | None
		level: DF.Float
		live_key: DF.Data | None
		opened_on: DF.Datetime | None
		severity: DF.Literal["Warning", "Critical"]
		status: DF.Literal["Open", "Closed"]
		subject: DF.Data
		summary: DF.SmallText | None
		times_told: DF.Int
		told_on: DF.Datetime | None
	# end: auto-generated types

	"""A problem for Payments Managers, opened, escalated and closed by the system. At most one is open for each kind and subject."""

	@staticmethod
	def clear_old_logs(days: int = 180) -> None:
		"""Delete old closed alerts, for Log Settings. Open ones stay."""
		before = add_to_date(now_datetime(), days=-days)
		frappe.db.delete("Payment Alert", {"status": "Closed", "closed_on": ("<", before)})
