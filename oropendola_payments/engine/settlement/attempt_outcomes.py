"""What a gateway says before money moves, or instead of it. The caller holds the locks of invoice and attempt, and commits."""

import frappe

from oropendola_payments.ai_billing.doctype.payment_attempt.payment_attempt import OPEN as OPEN_ATTEMPTS
from oropendola_payments.engine.core.redaction import redact_text
from oropendola_payments.engine.gateway import polling
from oropendola_payments.gateways.base import Outcome, PaymentEvent

# Kept in English, whoever's request or worker writes them down, and translated where a customer reads them.
CLOSING_REASONS = {
	Outcome.CANCELLED: "The payment was cancelled.",
	Outcome.EXPIRED: "The payment was not completed in time.",
	Outcome.NOT_FOUND: "The payment never reached the payment provider.",
}
FAILED_REASON = "The payment failed. You were not charged."
MISMATCH_REASON = "We received a payment that does not match this invoice. We are checking it."
ABANDONED_REASON = (
	"The payment was not completed in time. According to the payment provider, you were not charged."
)
CANCELLED_REASON = "You cancelled the payment."


def note_authorized(invoice, attempt, event: PaymentEvent) -> bool:
	if attempt.status in ("Paid", "Authorized"):
		return False
	before = attempt.status
	attempt.mark_as_authorized(
		error_code=None,
		error_message=None,
		gateway_payment_id=event.payment_id or attempt.gateway_payment_id,
		gateway_order_id=attempt.gateway_order_id or event.order_id,
		payment_method=event.method or attempt.payment_method,
		next_check_at=polling.soon(),
	)
	invoice.record("attempt_authorized", attempt, before, "Authorized")
	if invoice.can_move_to("Processing"):
		invoice.mark_as_processing()
	return True


def note_pending(invoice, attempt, event: PaymentEvent):
	"""Nothing final. A bank's refusal inside an open order is kept for the customer to read."""
	reason = redact_text(event.reason or "")[:500]
	if event.error_code and reason and reason != attempt.error_message and attempt.is_open():
		attempt.write(error_code=event.error_code[:140], error_message=reason)
		invoice.record("attempt_refused_once", attempt, reason=reason, code=event.error_code)


def close_attempt(invoice, attempt, event: PaymentEvent) -> bool:
	"""The gateway says this attempt came to nothing. True when that was news."""
	if not attempt.is_open():
		return False
	before, reason = (
		attempt.status,
		redact_text(event.reason or CLOSING_REASONS.get(event.outcome, FAILED_REASON))[:500],
	)
	move = {
		Outcome.CANCELLED: attempt.mark_as_cancelled,
		Outcome.EXPIRED: attempt.mark_as_expired,
		Outcome.NOT_FOUND: attempt.mark_as_expired,
	}.get(event.outcome, attempt.mark_as_failed)
	move(
		error_code=(event.error_code or event.outcome.value)[:140],
		error_message=reason,
		next_check_at=polling.next_check(attempt),
	)
	invoice.record(f"attempt_{attempt.status.lower()}", attempt, before, attempt.status, reason=reason)
	_close_invoice(invoice, attempt, event, reason)
	return True


def _close_invoice(invoice, attempt, event: PaymentEvent, reason: str):
	if event.outcome in (Outcome.EXPIRED, Outcome.NOT_FOUND):
		close_invoice_if_last(invoice, attempt, lambda: invoice.mark_as_abandoned(reason))
	else:
		close_invoice_if_last(invoice, attempt, lambda: invoice.mark_as_failed(reason))


def close_invoice_if_last(invoice, attempt, move):
	"""Make this move of the invoice, unless another attempt of it is still open or a part was paid before."""
	others = {"invoice": invoice.name, "name": ("!=", attempt.name), "status": ("in", OPEN_ATTEMPTS)}
	if invoice.status != "Processing" or frappe.db.exists("Payment Attempt", others):
		return
	if invoice.paid():
		invoice.mark_as_partly_paid(invoice.paid())
	else:
		move()
