"""Overpayment: apply the double-payment policy to money that came twice, in excess, or for a cancelled invoice."""

from decimal import Decimal

import frappe
from frappe import _

from oropendola_payments.ai_billing.current import payment_settings
from oropendola_payments.ai_billing.doctype.ai_invoice.ai_invoice import AIInvoice
from oropendola_payments.ai_billing.doctype.payment_capture.payment_capture import PaymentCapture
from oropendola_payments.ai_billing.formatting import money
from oropendola_payments.engine.core.transactions import lock
from oropendola_payments.engine.refunds import ledger
from oropendola_payments.engine.refunds import record as refund_record
from oropendola_payments.money import to_decimal


def apply_policy(
	invoice: AIInvoice, capture: PaymentCapture, unwanted: Decimal, may_be_fee: bool = False
) -> None:
	"""Open a refund, keep the money as credit, or flag it. Runs inside the settling transaction; the refund is sent after the commit.

	What may be a fee of the gateway is flagged: we may not have received it.
	"""
	policy = "Flag" if may_be_fee else _policy(capture, unwanted)
	invoice.record("surplus_decided", capture, to_status=policy, unwanted=unwanted, currency=capture.currency)
	capture.decide(policy, surplus=to_decimal(capture.amount) - capture.refundable() + unwanted)
	if policy == "Refund":
		refund_record.open_refund(
			invoice, capture, unwanted, _("More was paid than was due."), key=f"surplus:{capture.name}"
		)
	elif policy == "Credit" and capture.taken_back(Decimal(0)):
		ledger.update_credited(invoice)
	elif policy == "Flag":
		message = _("Payment {0} was {1} too much. Please refund the difference or keep it as credit.")
		invoice.flag_for_review(message.format(capture.gateway_payment_id, money(unwanted, capture.currency)))


def apply_policy_to_parts(invoice: AIInvoice, excluding: str | None = None) -> None:
	"""Apply the policy to every part paid for an invoice that grants no service. `excluding` names a capture already decided on."""
	parts = {"invoice": invoice.name, "name": ("!=", excluding or ""), "applied_amount": (">", 0)}
	for name in frappe.get_all("Payment Capture", parts, pluck="name", order_by="creation"):
		capture = lock("Payment Capture", name)
		left = capture.refundable()
		if left > 0 and not capture.resolution:
			apply_policy(invoice, capture, left)


def _policy(capture: PaymentCapture, unwanted: Decimal) -> str:
	if capture.credit_from:
		return "Refund"  # credit always goes back to the capture it came from
	policy = payment_settings().double_payment_policy or "Refund"
	return "Flag" if policy == "Refund" and not refund_record.can_refund(capture, unwanted) else policy
