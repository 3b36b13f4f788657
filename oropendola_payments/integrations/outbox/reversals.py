"""How much of each refund takes back what was sold."""

from decimal import Decimal

import frappe

from oropendola_payments.ai_billing.doctype.ai_invoice.ai_invoice import AIInvoice
from oropendola_payments.ai_billing.doctype.payment_capture.payment_capture import PaymentCapture
from oropendola_payments.money import quantize, to_decimal


def reversed_by(invoice: AIInvoice, refund: str) -> Decimal:
	"""Return how much of a refund takes back what was sold. A surplus or a double payment was never sold."""
	return next((amount for name, _day, amount in reversals(invoice) if name == refund), Decimal(0))


def reversals(invoice: AIInvoice) -> list[tuple[str, object, Decimal]]:
	"""Return refund, time and reversed amount, in the order in which the refunds were made.

	The first ones may be of parts that were due again and paid again before everything was sold.
	"""
	filters = {"invoice": invoice.name, "status": "Refunded"}
	fields = ["name", "capture", "amount", "completed_at"]
	rows = frappe.get_all("Payment Refund", filters, fields, order_by="completed_at, name")
	found, refunded = [], dict.fromkeys((row.capture for row in rows), Decimal(0))
	paid_again = invoice.paid_again()
	for row in rows:
		capture: PaymentCapture = frappe.get_doc("Payment Capture", row.capture)
		before = capture.refunded_of_applied(refunded[row.capture])
		refunded[row.capture] += to_decimal(row.amount)
		amount = capture.refunded_of_applied(refunded[row.capture]) - before
		skipped = min(paid_again, amount)
		paid_again, amount = paid_again - skipped, amount - skipped
		if amount > 0:
			found.append((row.name, row.completed_at, quantize(amount, invoice.currency)))
	return found
