"""Credit from earlier overpayments: how much there is, spend it on a new invoice, and give it back."""

from decimal import Decimal
from typing import Any

import frappe
from frappe.query_builder import DocType

from oropendola_payments.ai_billing.doctype.ai_invoice.ai_invoice import AIInvoice
from oropendola_payments.ai_billing.doctype.payment_capture.payment_capture import PaymentCapture
from oropendola_payments.engine.core.transactions import lock
from oropendola_payments.engine.refunds import ledger
from oropendola_payments.engine.refunds.record import open_refund
from oropendola_payments.engine.settlement import captures
from oropendola_payments.gateways.base import Outcome, PaymentEvent, RefundEvent, RefundOutcome
from oropendola_payments.money import quantize, to_decimal


def apply_credit(invoice_name: str) -> bool:
	"""Spend the customer's credit on an invoice. Return whether that paid it in full. Runs inside the caller's transaction."""
	invoice = lock("AI Invoice", invoice_name)
	for name in _with_credit(invoice.user, invoice.currency, "name").run(pluck=True):
		if not invoice.outstanding():
			break
		_spend(invoice, lock("Payment Capture", name))
	return invoice.status == "Paid"


def available(user: str, currency: str, held_by: str | None = None) -> Decimal:
	"""Return the customer's credit. What the unpaid invoice `held_by` was paid with counts too, because it can be released."""
	rows = _with_credit(user, currency, "surplus", "credit_used", "amount_refunded").run(as_dict=True)
	left = [row.surplus - row.credit_used - row.amount_refunded for row in rows]
	if held_by:
		held = {"invoice": held_by, "credit_from": ("is", "set")}
		rows = frappe.get_all("Payment Capture", held, ["amount", "amount_refunded"])
		left += [row.amount - row.amount_refunded for row in rows]
	return quantize(sum(to_decimal(amount) for amount in left), currency)


def release(invoice: AIInvoice, reason: str) -> None:
	"""Give back, at once, the credit that pays a part of an invoice that is not paid in full. The caller holds its lock and commits."""
	parts = {"invoice": invoice.name, "credit_from": ("is", "set")}
	for name in frappe.get_all("Payment Capture", parts, pluck="name"):
		capture = lock("Payment Capture", name)
		if capture.refundable() > 0:
			refund = open_refund(invoice, capture, capture.refundable(), reason, key=f"release:{name}")
			ledger.apply_event(invoice, refund, RefundEvent(RefundOutcome.REFUNDED))


def _with_credit(user: str, currency: str, *fields: str) -> Any:
	capture, invoice = DocType("Payment Capture"), DocType("AI Invoice")
	query = frappe.qb.from_(capture).join(invoice).on(invoice.name == capture.invoice)
	query = query.select(*(capture[field] for field in fields))
	query = query.where(invoice.user == user).where(capture.currency == currency)
	query = query.where(capture.resolution == "Credit")
	query = query.where(capture.dispute_state.isnull() | capture.dispute_state.notin(("Open", "Lost")))
	query = query.where(capture.surplus > capture.credit_used + capture.amount_refunded)
	return query.orderby(capture.creation)


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
