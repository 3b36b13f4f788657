"""Money that is only reserved is captured, then settled."""

import frappe

from oropendola_payments.engine.gateway.call import call_gateway
from oropendola_payments.engine.gateway.idempotency import operation_key
from oropendola_payments.engine.gateway.registry import adapter_of
from oropendola_payments.engine.settlement.settle import find_attempt, settle, should_capture
from oropendola_payments.engine.settlement.types import Settled
from oropendola_payments.gateways.base import Gateway, Outcome, PaymentEvent
from oropendola_payments.gateways.errors import GatewayError


def settle_and_capture(
	gateway: str, event: PaymentEvent, attempt=None, adapter: Gateway | None = None
) -> Settled:
	"""Settle. Money that is only reserved is captured first, when it is still wanted and the capture is ours to make."""
	if event.outcome is not Outcome.AUTHORIZED:
		return settle(gateway, event, attempt)
	if attempt is None or attempt.name != event.reference:
		attempt = find_attempt(gateway, event)
	adapter = adapter or adapter_of(gateway)
	if not adapter.capabilities.capture or not should_capture(attempt):
		return settle(gateway, event, attempt)
	frappe.db.commit()
	key = operation_key(attempt.name, "capture")
	try:
		event = call_gateway(gateway, adapter.capture, attempt.payment_ref(), event, key)
	except GatewayError:
		settle(gateway, event, attempt)  # that it is reserved is known at least
		raise
	return settle(gateway, event, attempt)
