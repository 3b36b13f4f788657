"""Settle the answers of gateways, and capture authorized payments first."""

from collections.abc import Callable
from dataclasses import replace

import frappe

from oropendola_payments.ai_billing.doctype.ai_invoice.ai_invoice import AIInvoice
from oropendola_payments.ai_billing.doctype.payment_attempt.payment_attempt import PaymentAttempt
from oropendola_payments.engine.gateway.call import call_gateway
from oropendola_payments.engine.gateway.idempotency import operation_key
from oropendola_payments.engine.gateway.registry import adapter_of
from oropendola_payments.engine.settlement.settle import find_attempt, settle_attempt, should_capture
from oropendola_payments.engine.settlement.types import Settled
from oropendola_payments.gateways.base import Gateway, Outcome, PaymentEvent
from oropendola_payments.gateways.errors import GatewayError


def settle_answer(attempt: PaymentAttempt, event: PaymentEvent, adapter: Gateway | None = None) -> Settled:
	"""Settle the answer to a query about `attempt`. The answer may name another attempt of ours."""
	is_of_its_order = bool(event.order_id) and event.order_id == attempt.gateway_order_id
	if event.reference and not is_of_its_order and event.reference != attempt.name:
		attempt = find_attempt(attempt.gateway, event)
	return settle_and_capture(attempt, replace(event, reference=attempt.name), adapter)


def settle_and_capture(
	attempt: PaymentAttempt,
	event: PaymentEvent,
	adapter: Gateway | None = None,
	at_end: Callable[[AIInvoice], None] | None = None,
) -> Settled:
	"""Settle an event. An authorized payment is captured first, if the invoice still needs it and the gateway leaves capture to us.

	`at_end` is called in the same transaction, with the locked invoice.
	"""
	if event.outcome is not Outcome.AUTHORIZED:
		return settle_attempt(attempt, event, at_end)
	adapter = adapter or adapter_of(attempt.gateway)
	if not adapter.capabilities.capture or not should_capture(attempt):
		return settle_attempt(attempt, event, at_end)
	frappe.db.commit()
	key = operation_key(attempt.name, "capture")
	try:
		captured = call_gateway(attempt.gateway, adapter.capture, attempt.payment_ref(), event, key)
	except GatewayError:
		settle_attempt(attempt, event)  # at least record that it is authorized
		raise
	return settle_attempt(attempt, captured, at_end)
