"""Close an order at the gateway, so that it can no longer be paid. The answer may be that it was paid."""

import frappe

from oropendola_payments.ai_billing.doctype.ai_invoice.ai_invoice import SETTLED, AIInvoice
from oropendola_payments.ai_billing.doctype.payment_attempt.payment_attempt import PaymentAttempt
from oropendola_payments.ai_billing.known_gateways import is_known
from oropendola_payments.engine.core.transactions import in_transaction, lock_attempt, read
from oropendola_payments.engine.gateway import polling
from oropendola_payments.engine.gateway.call import call_gateway
from oropendola_payments.engine.gateway.mode_guard import is_current_mode, says_nothing
from oropendola_payments.engine.gateway.registry import adapter_of
from oropendola_payments.engine.inbound.capture import settle_answer
from oropendola_payments.engine.settlement.attempt_outcomes import (
	PAID_OTHERWISE_REASON,
	close_invoice_if_last,
)
from oropendola_payments.exceptions import Refusal
from oropendola_payments.gateways.base import Outcome, PaymentEvent
from oropendola_payments.gateways.errors import GatewayError, NotSupported
from oropendola_payments.money import to_decimal

# Outcomes after which an attempt can no longer be paid: also what the gateway does not know, because nobody has a page to pay on.
UNPAYABLE = (Outcome.CANCELLED, Outcome.EXPIRED, Outcome.FAILED, Outcome.NOT_FOUND)


def withdraw(name: str) -> None:
	"""Close an attempt at the gateway, if it supports that, and settle the answer."""
	attempt = frappe.get_doc("Payment Attempt", name)
	event = close_at_gateway(attempt)
	if event and not says_nothing(attempt, event):
		settle_answer(attempt, event)


def withdraw_if_possible(name: str) -> None:
	"""The same, but an outage of the gateway is no error: a late payment is still accepted."""
	try:
		withdraw(name)
	except (GatewayError, Refusal):
		frappe.db.rollback()


def close_at_gateway(attempt: PaymentAttempt) -> PaymentEvent | None:
	"""Close an attempt at the gateway and return the outcome, which may be paid. None if the gateway cannot close it."""
	adapter = adapter_of(attempt.gateway)
	if not adapter.capabilities.cancel:
		return None
	try:
		return call_gateway(attempt.gateway, adapter.cancel, attempt.payment_ref())
	except NotSupported:
		return None


def is_unpayable(attempt: PaymentAttempt, event: PaymentEvent) -> bool:
	"""Return whether the answer to a cancel says that nobody can pay the attempt any more."""
	return event.outcome in UNPAYABLE and not says_nothing(attempt, event)


# Payments of an invoice that was paid in another way ------------------------------------------------


def withdraw_if_unneeded(name: str) -> None:
	"""Close an attempt for more than is still due, so that nobody pays twice. At a gateway that cannot close orders it is only cancelled here."""
	of_attempt = (
		"`name` = (SELECT `invoice` FROM `tabPayment Attempt` WHERE `name` = %s AND `status` = 'Processing')"
	)
	paid = read("AI Invoice", f"{of_attempt} AND (`status` IN %s OR `amount_paid` > 0)", (name, SETTLED))
	if not paid:
		return
	attempt = frappe.get_doc("Payment Attempt", name)
	if not _is_unneeded(paid[0], attempt) or not is_known(attempt.gateway) or not is_current_mode(attempt):
		return
	event = close_at_gateway(attempt)
	if event is None or is_unpayable(attempt, event):
		in_transaction(_cancel_locked, attempt)
	elif event.outcome not in UNPAYABLE:
		settle_answer(attempt, event)


def _is_unneeded(invoice: AIInvoice, attempt: PaymentAttempt) -> bool:
	"""Return whether the invoice was paid, or so much of it that the attempt is too much. One that is created now sees that itself."""
	if attempt.status != "Processing" or attempt.in_transit:
		return False
	was_paid = invoice.status in SETTLED or invoice.paid() > 0
	return was_paid and to_decimal(attempt.amount) > invoice.outstanding()


def _cancel_locked(attempt: PaymentAttempt) -> None:
	invoice, attempt = lock_attempt(attempt)
	if not _is_unneeded(invoice, attempt):
		return
	attempt.mark_as_cancelled(error_message=PAID_OTHERWISE_REASON, next_check_at=polling.next_check(attempt))
	invoice.record("attempt_cancelled", attempt, "Processing", "Cancelled", reason=PAID_OTHERWISE_REASON)
	close_invoice_if_last(invoice, attempt)
