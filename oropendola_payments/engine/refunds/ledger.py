"""Refund ledger: store the outcome of a refund and update the balances of capture, credit and invoice."""

from decimal import Decimal

import frappe
from frappe import _

from oropendola_payments.ai_billing import document_states, invoice_price
from oropendola_payments.ai_billing.doctype.ai_invoice.ai_invoice import AIInvoice
from oropendola_payments.ai_billing.doctype.payment_capture.payment_capture import PaymentCapture
from oropendola_payments.ai_billing.doctype.payment_refund.payment_refund import OPEN, PaymentRefund
from oropendola_payments.ai_billing.formatting import exact_money, money
from oropendola_payments.engine.core import after_commit
from oropendola_payments.engine.core.event_order import is_newer, utc_text
from oropendola_payments.engine.core.redaction import redact_text
from oropendola_payments.engine.core.transactions import in_transaction, lock
from oropendola_payments.engine.coupons import redemptions
from oropendola_payments.engine.entitlements.fulfilment import revoke_period
from oropendola_payments.engine.parts import schedule
from oropendola_payments.engine.refunds import gateway_calls
from oropendola_payments.engine.wallet.refunds import follow_money
from oropendola_payments.exceptions import Conflict
from oropendola_payments.gateways.base import RefundEvent, RefundOutcome
from oropendola_payments.money import to_decimal

ISSUE_DOCUMENTS = "oropendola_payments.engine.notifications.hooks.issue_documents"
FINAL = {RefundOutcome.REFUNDED: "Refunded", RefundOutcome.FAILED: "Failed"}


class Contradicted(Conflict):
	"""Two messages give different final outcomes of a refund, and their times do not show which is newer."""


def record(name: str, event: RefundEvent, asked_as: str | None = None) -> bool:
	"""Settle an event of one refund. Return whether anything changed.

	`asked_as` is the refund's status when the gateway was queried for this event. If it is still the same, the answer is the newest.
	"""
	# Read before in_transaction: a plain read between its commit and the invoice's lock would start the snapshot too early.
	invoice = frappe.db.get_value("Payment Refund", name, "invoice")
	try:
		changed = in_transaction(_record_locked, invoice, name, event, asked_as)
	except Contradicted:
		if asked_as:
			raise
		return _resolve_contradiction(name, event)
	notify_finished(name, changed, event)
	return changed


def _resolve_contradiction(name: str, event: RefundEvent) -> bool:
	"""Query the gateway for the final outcome after two contradictory messages."""
	refund = frappe.get_doc("Payment Refund", name)
	answer = gateway_calls.refund_status(refund)
	if answer.outcome in FINAL:
		return record(name, answer, asked_as=refund.status)
	if event.outcome is RefundOutcome.FAILED:
		raise Conflict(
			_(
				"The gateway does not report the outcome of refund {0}. Its status will be checked again later."
			).format(name)
		)
	return record(name, event, asked_as=refund.status)  # keeping the balance reserved is the safe choice


def notify_finished(name: str, changed: bool, event: RefundEvent) -> None:
	"""Queue the notification of a final outcome, if it is a change."""
	if changed and event.outcome in (RefundOutcome.REFUNDED, RefundOutcome.FAILED):
		after_commit.enqueue(
			"oropendola_payments.engine.documents.credit_notes.issue_for_refund", refund=name
		)
		after_commit.enqueue(
			"oropendola_payments.engine.notifications.hooks.refund_finished",
			queue=after_commit.MAILS,
			refund=name,
		)


def _record_locked(invoice_name: str, name: str, event: RefundEvent, asked_as: str | None) -> bool:
	return apply_event(lock("AI Invoice", invoice_name), lock("Payment Refund", name), event, asked_as)


def apply_event(
	invoice: AIInvoice, refund: PaymentRefund, event: RefundEvent, asked_as: str | None = None
) -> bool:
	"""Apply an event to a locked refund and its balances. Return whether the status changed."""
	if _is_stale(refund, event, asked_as):
		return False
	before = refund.status
	if event.amount is not None and to_decimal(event.amount) != to_decimal(refund.amount):
		message = _("The gateway refunded {0} instead of {1} for refund {2}.")
		reported = exact_money(event.amount, refund.currency)
		invoice.flag_for_review(message.format(reported, money(refund.amount, refund.currency), refund.name))
	changed = _move(refund, event)
	if changed:
		reason = redact_text(event.reason or "") or None
		invoice.record(f"refund_{refund.status.lower()}", refund, before, refund.status, reason=reason)
		_update_balances(invoice, refund, before)
	elif FINAL.get(event.outcome) == before and is_newer(event.occurred_at, refund.last_fact_at):
		refund.write(last_fact_at=utc_text(event.occurred_at))
	return changed


def _is_stale(refund: PaymentRefund, event: RefundEvent, asked_as: str | None) -> bool:
	"""Return whether the refund already has the opposite final status from a newer event."""
	says = FINAL.get(event.outcome)
	ended = refund.status in FINAL.values()
	if not (ended and says) or says == refund.status or refund.status == asked_as:
		return False
	newer = is_newer(event.occurred_at, refund.last_fact_at)
	if newer is None:
		raise Contradicted(_("The gateway gives contradictory answers about refund {0}.").format(refund.name))
	return not newer


def _move(refund: PaymentRefund, event: RefundEvent) -> bool:
	values = {
		"gateway_refund_id": refund.gateway_refund_id or event.refund_id,
		"last_fact_at": utc_text(event.occurred_at),
	}
	if event.outcome is RefundOutcome.REFUNDED:
		return refund.mark_as_refunded(**values)
	if event.outcome is RefundOutcome.FAILED:
		return refund.mark_as_failed(error_message=_reason(event), **values)
	return refund.status in OPEN and refund.mark_as_processing(error_message=None, **values)


def _reason(event: RefundEvent) -> str:
	return redact_text(event.reason or _("The gateway could not make the refund."))[:500]


def _update_balances(invoice: AIInvoice, refund: PaymentRefund, before: str) -> None:
	"""Release the balance of a failed refund, reserve it again if it did not fail after all, and update the invoice."""
	capture = lock("Payment Capture", refund.capture)
	held = to_decimal(capture.amount_refunded or 0)
	if refund.status == "Failed":
		capture.write(amount_refunded=held - to_decimal(refund.amount))
		message = _("Refund {0} of {1} failed: {2}")
		invoice.flag_for_review(
			message.format(refund.name, money(refund.amount, refund.currency), refund.error_message)
		)
	elif before == "Failed":
		_hold_again(invoice, capture, refund)
	if refund.status == "Refunded" and capture.credit_from:
		_restore_credit(capture, to_decimal(refund.amount))
	follow_money(invoice)
	# What was reserved for a refund that failed is credit again. Both amounts: what is spent of it divides them anew.
	if "Refunded" in (refund.status, before) or capture.resolution == "Credit":
		update_invoice(invoice)


def _hold_again(invoice: AIInvoice, capture: PaymentCapture, refund: PaymentRefund) -> None:
	"""Reserve the balance of a refund that was reported as failed first. Another refund may have used it in between."""
	if to_decimal(refund.amount) > capture.refundable():
		message = _(
			"Refund {0} was reported as failed but was made after all. Payment {1} has been refunded by more than was left of it."
		)
		invoice.flag_for_review(message.format(refund.name, capture.gateway_payment_id))
	capture.write(amount_refunded=to_decimal(capture.amount_refunded or 0) + to_decimal(refund.amount))


def _restore_credit(capture: PaymentCapture, amount: Decimal) -> None:
	"""Return the amount to the credit it was paid with, where it can be spent or refunded again.

	If the rest of that payment was refunded meanwhile, its surplus is used up; what comes back is credit all the same.
	"""
	source = lock("Payment Capture", capture.credit_from)
	used = to_decimal(source.credit_used or 0)
	taken = used + to_decimal(source.amount_refunded or 0)
	source.write(credit_used=used - amount, surplus=max(taken, to_decimal(source.surplus or 0)))


def update_invoice(invoice: AIInvoice) -> None:
	"""Bring the invoice up to date with what was refunded. The caller holds its lock."""
	refunded, credited, spent = _taken_back(invoice.name)
	_update_credited(invoice, credited)
	if refunded >= invoice.paid() > 0 and invoice.can_move_to("Refunded"):
		invoice.mark_as_refunded(refunded)
		_end_service(invoice)
	elif 0 < refunded < invoice.paid() and invoice.status == "Paid":
		invoice.mark_as_partly_refunded(refunded)
	else:
		_update_refunded(invoice, refunded)
	if 0 < refunded < invoice.paid() <= refunded + spent:
		_end_service(invoice)  # the rest of the money pays for something else


def update_credited(invoice: AIInvoice) -> None:
	"""Bring the invoice up to date with what was sold, taken back and kept as credit. The caller holds its lock and commits."""
	_update_credited(invoice, _taken_back(invoice.name)[1])


def _update_credited(invoice: AIInvoice, credited: Decimal) -> None:
	if credited == to_decimal(invoice.amount_credited or 0):
		return
	document = document_states.after_credit(invoice, credited)
	invoice.write(amount_credited=credited, **document)
	if document:
		after_commit.enqueue_after_commit(ISSUE_DOCUMENTS, queue=after_commit.MAILS, invoice=invoice.name)


def _update_refunded(invoice: AIInvoice, refunded: Decimal) -> None:
	"""Write the refunded amount. On an open (partly paid) invoice it is due again, unless it has bought days of service."""
	document = document_states.after_refund(invoice, refunded)
	invoice.amount_refunded = refunded
	invoice.write(amount_refunded=refunded, outstanding_amount=invoice.outstanding(), **document)
	if invoice.instalment_plan and not invoice.covered_days:
		schedule.sync(invoice)


def _taken_back(invoice: str) -> tuple[Decimal, Decimal, Decimal]:
	"""Return how much of the amount applied to the invoice has been refunded, how much more of it was kept as credit, and was spent."""
	refunded = credited = spent = Decimal(0)
	for row in frappe.get_all("Payment Capture", {"invoice": invoice}, pluck="name"):
		capture = frappe.get_doc("Payment Capture", row)
		amounts = frappe.get_all("Payment Refund", {"capture": row, "status": "Refunded"}, pluck="amount")
		total = sum((to_decimal(amount) for amount in amounts), Decimal(0))
		part = capture.refunded_of_applied(total)
		kept = max(Decimal(0), capture.taken_back(total) - part)
		refunded, credited = refunded + part, credited + kept
		spent += min(kept, to_decimal(capture.credit_used or 0))
	return refunded, credited, spent


def _end_service(invoice: AIInvoice) -> None:
	if not (invoice.fulfilled_on or invoice.covered_days):
		invoice_price.release_coupon(invoice, redemptions.REFUNDED_REASON)  # its parts bought nothing
	elif invoice.subscription:
		revoke_period(invoice)
