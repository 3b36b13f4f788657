"""Closing an order at the gateway, so that nobody can pay it any more. The answer may be that somebody did."""

import frappe

from oropendola_payments.engine.gateway.call import call_gateway
from oropendola_payments.engine.gateway.registry import adapter_of
from oropendola_payments.engine.inbound.capture import settle_answer
from oropendola_payments.gateways.base import Outcome, PaymentEvent
from oropendola_payments.gateways.errors import NotSupported

# What a gateway says of an attempt that nobody can pay any more.
CLOSED = (Outcome.CANCELLED, Outcome.EXPIRED, Outcome.FAILED)


def withdraw(name: str):
	"""Close an attempt at the gateway, where it can, and settle what became of it."""
	attempt = frappe.get_doc("Payment Attempt", name)
	event = close_at_gateway(attempt)
	if event:
		settle_answer(attempt, event)


def close_at_gateway(attempt) -> PaymentEvent | None:
	"""What became of the attempt, which may be that it was paid. None where the gateway cannot close it."""
	adapter = adapter_of(attempt.gateway)
	if not adapter.capabilities.cancel:
		return None
	try:
		return call_gateway(attempt.gateway, adapter.cancel, attempt.payment_ref())
	except NotSupported:
		return None
