"""Close an order at the gateway, so that it can no longer be paid. The answer may be that it was paid."""

import frappe

from oropendola_payments.ai_billing.doctype.payment_attempt.payment_attempt import PaymentAttempt
from oropendola_payments.engine.gateway.call import call_gateway
from oropendola_payments.engine.gateway.mode_guard import says_nothing
from oropendola_payments.engine.gateway.registry import adapter_of
from oropendola_payments.engine.inbound.capture import settle_answer
from oropendola_payments.exceptions import Refusal
from oropendola_payments.gateways.base import Outcome, PaymentEvent
from oropendola_payments.gateways.errors import GatewayError, NotSupported

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
