"""What the Desk may offer on a record: the server decides, the form shows. Each action checks again when it is used."""

import frappe
from frappe.utils import cint, flt

from oropendola_payments.ai_billing.doctype.ai_invoice.ai_invoice import OPEN

MANAGER = "Payments Manager"


def is_manager() -> bool:
	return frappe.session.user == "Administrator" or MANAGER in frappe.get_roles()


def invoice_actions(invoice) -> dict:
	"""Actions by name, with what their dialogs start from. Empty for everybody but managers."""
	if not is_manager():
		return {}
	actions = {
		"pay": _payable(invoice),
		"refund": _refundable(invoice),
		"ask": _attempt_to_ask(invoice.name),
		"fulfil": invoice.status == "Paid" and not invoice.fulfilled_on,
		"review": cint(invoice.needs_review) and invoice.review_reason,
	}
	return {name: value for name, value in actions.items() if value}


def can_ask(attempt) -> bool:
	return is_manager() and attempt.mode != "Manual"


def _payable(invoice) -> float | None:
	return flt(invoice.outstanding()) if invoice.status in OPEN else None


def _refundable(invoice) -> float:
	"""What can still be sent back, over all payments of the invoice."""
	from oropendola_payments.engine.refunds.record import CONTESTED, has_refunds

	names = frappe.get_all("Payment Capture", {"invoice": invoice.name}, pluck="name")
	captures = [frappe.get_doc("Payment Capture", name) for name in names]
	left = [
		capture.refundable()
		for capture in captures
		if capture.dispute_state not in CONTESTED and has_refunds(capture.gateway)
	]
	return flt(sum(left))


def _attempt_to_ask(invoice: str) -> str | None:
	"""The latest attempt at a gateway; a payment by hand has nobody to ask."""
	filters = {"invoice": invoice, "mode": ("!=", "Manual")}
	return frappe.db.get_value("Payment Attempt", filters, "name", order_by="creation desc")
