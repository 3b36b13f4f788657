"""From a gateway's word to a settled fact. Money that is only reserved is captured on the way."""

from dataclasses import replace

import frappe

from oropendola_payments.engine.gateway.call import call_gateway
from oropendola_payments.engine.gateway.idempotency import operation_key
from oropendola_payments.engine.gateway.registry import adapter_of
from oropendola_payments.engine.settlement.settle import find_attempt, settle_attempt, should_capture
from oropendola_payments.engine.settlement.types import Settled
from oropendola_payments.gateways.base import Gateway, Outcome, PaymentEvent
from oropendola_payments.gateways.errors import GatewayError


def settle_answer(attempt, event: PaymentEvent, adapter: Gateway | None = None) -> Settled:
	"""Settle what a gateway answered when it was asked about `attempt`, which may be about another attempt of ours."""
	is_of_its_order = bool(event.order_id) and event.order_id == attempt.gateway_order_id
	if event.reference and not is_of_its_order and event.reference != attempt.name:
		attempt = find_attempt(attempt.gateway, event)
	return settle_and_capture(attempt, replace(event, reference=attempt.name), adapter)


def settle_and_capture(attempt, event: PaymentEvent, adapter: Gateway | None = None) -> Settled:
	"""Settle. Money that is only reserved is captured first, when it is still wanted and the capture is ours to make."""
	if event.outcome is not Outcome.AUTHORIZED:
		return settle_attempt(attempt, event)
	adapter = adapter or adapter_of(attempt.gateway)
	if not adapter.capabilities.capture or not should_capture(attempt):
		return settle_attempt(attempt, event)
	frappe.db.commit()
	key = operation_key(attempt.name, "capture")
	try:
		captured = call_gateway(attempt.gateway, adapter.capture, attempt.payment_ref(), event, key)
	except GatewayError:
		settle_attempt(attempt, event)  # that it is reserved is known at least
		raise
	return settle_attempt(attempt, captured)
