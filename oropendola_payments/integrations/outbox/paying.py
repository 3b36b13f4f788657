"""Which capture paid for a document of another app. Money that is to go back, or has gone back, paid for nothing."""

from decimal import Decimal

import frappe

from oropendola_payments.ai_billing.doctype.ai_invoice.ai_invoice import SETTLED, AIInvoice
from oropendola_payments.ai_billing.doctype.payment_capture.payment_capture import PaymentCapture
from oropendola_payments.money import quantize

COMPLETING = ("Applied", "Overpaid")
PAYING = (*COMPLETING, "Short")


def completed_by(invoice: AIInvoice) -> PaymentCapture | None:
	"""Return the capture that completed the payment of an invoice whose money is kept."""
	if invoice.status not in SETTLED or invoice.kept() <= 0:
		return None
	filters = {"invoice": invoice.name, "disposition": ("in", COMPLETING)}
	names = frappe.get_all(
		"Payment Capture", filters, pluck="name", order_by="creation desc, name desc", limit=1
	)
	return frappe.get_doc("Payment Capture", names[0]) if names else None


def paid_by(capture: PaymentCapture) -> Decimal:
	"""Return how much of a capture paid for the document. The policy decides about one that came twice or too late."""
	if capture.disposition not in PAYING:
		return Decimal(0)
	return quantize(capture.applied_amount or 0, capture.currency)
