"""Refunds and the balances that follow them: what is held, what is on its way, what went back for good."""

from decimal import Decimal

import frappe
from frappe import _

from oropendola_payments.ai_billing.doctype.ai_invoice.ai_invoice import OPEN as OPEN_INVOICES
from oropendola_payments.ai_billing.doctype.ai_invoice.ai_invoice import AIInvoice
from oropendola_payments.ai_billing.doctype.payment_capture.payment_capture import PaymentCapture
from oropendola_payments.ai_billing.doctype.payment_refund.payment_refund import OPEN, PaymentRefund
from oropendola_payments.ai_billing.formatting import exact_money, money
from oropendola_payments.engine.core import after_commit
from oropendola_payments.engine.core.event_order import is_newer, utc_text
from oropendola_payments.engine.core.redaction import redact_text
from oropendola_payments.engine.core.transactions import in_transaction, lock
from oropendola_payments.engine.entitlements.fulfilment import revoke_period
from oropendola_payments.engine.refunds import gateway_calls
from oropendola_payments.exceptions import Conflict
from oropendola_payments.gateways.base import RefundEvent, RefundOutcome
from oropendola_payments.money import to_decimal

FINAL = {RefundOutcome.REFUNDED: "Refunded", RefundOutcome.FAILED: "Failed"}


class Contradicted(Conflict):
	"""A refund that came to an end is said to have ended otherwise, and no time tells which is newer."""


def record(name: str, event: RefundEvent, asked_as: str | None = None) -> bool:
	"""Settle what a gateway says of one refund. True when it was news.

	`asked_as`: the gateway was asked just now, while the refund had this status, so its answer is the newest fact.
	"""
	# Nothing may be read after the commit and before the invoice's lock: it would fix what later reads can see.
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
	"""Two messages contradict each other: the gateway tells how the refund ended."""
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
	return record(name, event, asked_as=refund.status)  # to hold the balance is the safe side


def notify_finished(name: str, changed: bool, event: RefundEvent) -> None:
	"""Tell the customer and other apps, when this is news and the end."""
	if changed and event.outcome in (RefundOutcome.REFUNDED, RefundOutcome.FAILED):
		after_commit.enqueue("oropendola_payments.engine.notifications.hooks.refund_finished", refund=name)


def _record_locked(invoice_name: str, name: str, event: RefundEvent, asked_as: str | None) -> bool:
	return apply_event(lock("AI Invoice", invoice_name), lock("Payment Refund", name), event, asked_as)


def apply_event(
	invoice: AIInvoice, refund: PaymentRefund, event: RefundEvent, asked_as: str | None = None
) -> bool:
	"""Bring a locked refund and its balances up to date. True when it was news."""
	if _is_overtaken(refund, event, asked_as):
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
		_book(invoice, refund, before)
	elif FINAL.get(event.outcome) == before and is_newer(event.occurred_at, refund.last_fact_at):
		refund.write(last_fact_at=utc_text(event.occurred_at))
	return changed


def _is_overtaken(refund: PaymentRefund, event: RefundEvent, asked_as: str | None) -> bool:
	"""True when what ended this refund is newer than this fact, which says the opposite."""
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


def _book(invoice: AIInvoice, refund: PaymentRefund, before: str) -> None:
	"""Balances follow the refund: a failed one frees what it held, a finished one shows on the invoice."""
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
		_give_credit_back(capture, to_decimal(refund.amount))
	if refund.status == "Refunded" or before == "Refunded":
		_update_invoice(invoice)


def _hold_again(invoice: AIInvoice, capture: PaymentCapture, refund: PaymentRefund) -> None:
	"""The gateway did refund what it had called failed; a second refund may have used the balance meanwhile."""
	if to_decimal(refund.amount) > capture.refundable():
		message = _(
			"Refund {0} was reported as failed but was made after all. Payment {1} has been refunded by more than was left of it."
		)
		invoice.flag_for_review(message.format(refund.name, capture.gateway_payment_id))
	capture.write(amount_refunded=to_decimal(capture.amount_refunded or 0) + to_decimal(refund.amount))


def _give_credit_back(capture: PaymentCapture, amount: Decimal) -> None:
	"""What was paid with credit goes back to the credit, from where it can be spent again or really sent back."""
	source = lock("Payment Capture", capture.credit_from)
	source.write(credit_used=to_decimal(source.credit_used or 0) - amount)


def _update_invoice(invoice: AIInvoice) -> None:
	refunded = refunded_of_invoice(invoice.name)
	if refunded >= invoice.paid() > 0 and invoice.can_move_to("Refunded"):
		invoice.mark_as_refunded(refunded)
		_end_service(invoice)
	elif 0 < refunded < invoice.paid() and invoice.status == "Paid":
		invoice.mark_as_partly_refunded(refunded)
	else:
		_keep_open(invoice, refunded)


def _keep_open(invoice: AIInvoice, refunded: Decimal) -> None:
	"""What was paid only in part served nobody: what went back is due again, and can be paid with the rest."""
	values = {"amount_refunded": refunded}
	invoice.update(values)
	if invoice.status in OPEN_INVOICES:
		values["outstanding_amount"] = invoice.outstanding()
	invoice.write(**values)


def refunded_of_invoice(invoice: str) -> Decimal:
	"""How much of what paid the invoice went back for good."""
	total = Decimal(0)
	for row in frappe.get_all("Payment Capture", {"invoice": invoice}, pluck="name"):
		capture = frappe.get_doc("Payment Capture", row)
		amounts = frappe.get_all("Payment Refund", {"capture": row, "status": "Refunded"}, pluck="amount")
		total += capture.refunded_of_applied(sum((to_decimal(a) for a in amounts), Decimal(0)))
	return total


def _end_service(invoice: AIInvoice) -> None:
	if invoice.fulfilled_on and invoice.subscription:
		revoke_period(invoice)
