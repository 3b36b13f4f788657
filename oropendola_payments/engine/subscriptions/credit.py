"""Credit from earlier payments, spent on a new invoice."""

import frappe

from oropendola_payments.ai_billing.doctype.ai_invoice.ai_invoice import AIInvoice
from oropendola_payments.ai_billing.doctype.payment_capture.payment_capture import PaymentCapture
from oropendola_payments.engine.core.transactions import lock
from oropendola_payments.engine.settlement import captures
from oropendola_payments.gateways.base import Outcome, PaymentEvent
from oropendola_payments.money import to_decimal


def apply_credit(invoice_name: str) -> bool:
	"""Spend the customer's credit on a new invoice. True when that paid it. Runs inside the caller's transaction."""
	invoice = lock("AI Invoice", invoice_name)
	for name in _captures_with_credit(invoice.user, invoice.currency):
		if not invoice.outstanding():
			break
		_spend(invoice, lock("Payment Capture", name))
	return invoice.status == "Paid"


def _captures_with_credit(user: str, currency: str) -> list[str]:
	rows = frappe.db.sql(
		"""SELECT c.name FROM `tabPayment Capture` c JOIN `tabAI Invoice` i ON i.name = c.invoice
		WHERE c.resolution = 'Credit' AND c.currency = %s AND i.user = %s
		AND (c.dispute_state IS NULL OR c.dispute_state NOT IN ('Open', 'Lost'))
		AND c.surplus > c.credit_used + c.amount_refunded ORDER BY c.creation""",
		(currency, user),
	)
	return [row[0] for row in rows]


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
