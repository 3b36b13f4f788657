"""Outcomes of an attempt other than paid. The caller holds the locks of invoice and attempt, and commits."""

from collections.abc import Callable

import frappe

from oropendola_payments.ai_billing.doctype.ai_invoice.ai_invoice import AIInvoice
from oropendola_payments.ai_billing.doctype.payment_attempt.payment_attempt import OPEN as OPEN_ATTEMPTS
from oropendola_payments.ai_billing.doctype.payment_attempt.payment_attempt import PaymentAttempt
from oropendola_payments.engine.core.redaction import redact_text
from oropendola_payments.engine.core.transactions import lock_attempt
from oropendola_payments.engine.gateway import polling
from oropendola_payments.engine.refunds.ledger import update_invoice
from oropendola_payments.gateways.base import HOLD_RETURNED, Outcome, PaymentEvent

# Stored in English, whatever the language of the request or worker, and translated when shown to a customer.
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
RETURNED_REASON = "Your bank had reserved the amount, and the payment provider is returning it to you. This can take some days."
CANCELLED_REASON = "You cancelled the payment."
PAID_OTHERWISE_REASON = "This payment was cancelled, because the invoice was paid in another way."


def note_authorized(invoice: AIInvoice, attempt: PaymentAttempt, event: PaymentEvent) -> bool:
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


def note_pending(invoice: AIInvoice, attempt: PaymentAttempt, event: PaymentEvent) -> bool:
	"""Store whether money is in transit, and a bank's decline inside an open order, so that the customer can read it."""
	if event.in_transit:
		return _note_in_transit(invoice, attempt, event)
	if attempt.in_transit:
		attempt.write(in_transit=0)
		invoice.record("attempt_not_in_transit", attempt)
	reason = redact_text(event.reason or "")[:500]
	if event.error_code and reason and reason != attempt.error_message and attempt.is_open():
		attempt.write(error_code=event.error_code[:140], error_message=reason)
		invoice.record("attempt_refused_once", attempt, reason=reason, code=event.error_code)
	return False


def _note_in_transit(invoice: AIInvoice, attempt: PaymentAttempt, event: PaymentEvent) -> bool:
	"""Mark the attempt, so that nobody pays again. One that was closed is open again: it was closed because nobody had paid."""
	if attempt.status == "Paid" or attempt.in_transit:
		return False
	before, reason = attempt.status, redact_text(event.reason or "")[:500]
	values = {
		"in_transit": 1,
		"error_code": (event.error_code or "")[:140] or None,
		"error_message": reason or None,
	}
	if before in ("Processing", "Authorized"):
		attempt.write(**values)
	else:
		attempt.mark_as_processing(**values, completed_at=None, next_check_at=polling.soon())
	invoice.record("attempt_in_transit", attempt, before, attempt.status, reason=reason)
	if invoice.can_move_to("Processing"):
		invoice.mark_as_processing()
	return True


def close_attempt(invoice: AIInvoice, attempt: PaymentAttempt, event: PaymentEvent) -> bool:
	"""Close an attempt that the gateway reports as failed, cancelled, expired or not found. Return False if it was closed already."""
	if not attempt.is_open():
		return False
	before, reason = attempt.status, _reason(event)
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


def _reason(event: PaymentEvent) -> str:
	if event.error_code == HOLD_RETURNED:
		return RETURNED_REASON  # an account that shows a debit must not read that nothing was charged
	return redact_text(event.reason or CLOSING_REASONS.get(event.outcome, FAILED_REASON))[:500]


def cancel_attempt(invoice: AIInvoice, attempt: PaymentAttempt) -> bool:
	return close_attempt(invoice, attempt, PaymentEvent(Outcome.CANCELLED, reference=attempt.name))


def lock_and_cancel(attempt: PaymentAttempt) -> None:
	cancel_attempt(*lock_attempt(attempt))


def _close_invoice(invoice: AIInvoice, attempt: PaymentAttempt, event: PaymentEvent, reason: str) -> None:
	if event.outcome in (Outcome.EXPIRED, Outcome.NOT_FOUND):
		close_invoice_if_last(invoice, attempt, lambda: invoice.mark_as_abandoned(reason))
	else:
		close_invoice_if_last(invoice, attempt, lambda: invoice.mark_as_failed(reason))


def close_invoice_if_last(
	invoice: AIInvoice, attempt: PaymentAttempt, move: Callable[[], object] | None = None
) -> None:
	"""Call `move` to close the invoice, unless another attempt is still open. A partly paid invoice becomes Partly Paid again."""
	others = {"invoice": invoice.name, "name": ("!=", attempt.name), "status": ("in", OPEN_ATTEMPTS)}
	if invoice.status != "Processing" or frappe.db.exists("Payment Attempt", others):
		return
	if invoice.paid():
		invoice.mark_as_partly_paid(invoice.paid())
		if not invoice.kept():
			update_invoice(invoice)  # everything was refunded while this attempt was open
	elif move:
		move()
