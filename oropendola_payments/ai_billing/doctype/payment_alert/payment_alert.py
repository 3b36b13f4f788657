import frappe
from frappe.model.document import Document
from frappe.utils import add_to_date, now_datetime


class PaymentAlert(Document):
	"""Something that needs a person. Opened, escalated and closed by the system; there is one open alert to a kind and subject."""

	@staticmethod
	def clear_old_logs(days: int = 180):
		"""For Log Settings: alerts that are over. Open ones stay."""
		before = add_to_date(now_datetime(), days=-days)
		frappe.db.delete("Payment Alert", {"status": "Closed", "closed_on": ("<", before)})
