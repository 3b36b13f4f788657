"""Spend credit from earlier overpayments on a new invoice."""

import frappe
from frappe.query_builder import DocType

from oropendola_payments.ai_billing.doctype.ai_invoice.ai_invoice import AIInvoice
from oropendola_payments.ai_billing.doctype.payment_capture.payment_capture import PaymentCapture
from oropendola_payments.engine.core.transactions import lock
from oropendola_payments.engine.settlement import captures
from oropendola_payments.gateways.base import Outcome, PaymentEvent
from oropendola_payments.money import to_decimal


def apply_credit(invoice_name: str) -> bool:
	"""Spend the customer's credit on an invoice. Return whether that paid it in full. Runs inside the caller's transaction."""
	invoice = lock("AI Invoice", invoice_name)
	for name in _captures_with_credit(invoice.user, invoice.currency):
		if not invoice.outstanding():
			break
		_spend(invoice, lock("Payment Capture", name))
	return invoice.status == "Paid"


def _captures_with_credit(user: str, currency: str) -> list[str]:
	capture, invoice = DocType("Payment Capture"), DocType("AI Invoice")
	query = frappe.qb.from_(capture).join(invoice).on(invoice.name == capture.invoice).select(capture.name)
	query = query.where(invoice.user == user).where(capture.currency == currency)
	query = query.where(capture.resolution == "Credit")
	query = query.where(capture.dispute_state.isnull() | capture.dispute_state.notin(("Open", "Lost")))
	query = query.where(capture.surplus > capture.credit_used + capture.amount_refunded)
	return query.orderby(capture.creation).run(pluck=True)


def _spend(invoice: AIInvoice, source: PaymentCapture) -> None:
	amount = min(source.credit_left(), invoice.outstanding())
	if amount <= 0:
		return
	source.write(credit_used=to_decimal(source.credit_used or 0) + amount)
	invoice.record("credit_spent", source, amount=amount, currency=invoice.currency)
	event = PaymentEvent(
		Outcome.PAID, payment_id=f"{source.name}:{invoice.name}", amount=amount, currency=invoice.currency
	)
	attempt = frappe._dict(name=source.attempt, gateway="credit")
	whole = amount == invoice.outstanding()
	capture = captures.insert_capture(invoice, attempt, event, "Applied" if whole else "Short", amount)
	capture.write(credit_from=source.name)
	captures.apply_capture(invoice, capture, expected_part=True)
