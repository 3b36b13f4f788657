"""What PhonePe's webhooks say: https://developer.phonepe.com/payment-gateway, Handle webhooks"""

import hashlib
from collections.abc import Mapping
from typing import Any

from oropendola_payments.gateways.base import AnyEvent, Gateway, Notice
from oropendola_payments.gateways.parsing import short_text
from oropendola_payments.gateways.phonepe.mapping import attempt_of, order_event, refund_event

# `checkout.transaction.attempt.failed` is not among them: one attempt failed, the order may still be paid.
ORDER_EVENTS = frozenset(
	{"checkout.order.completed", "checkout.order.failed", "pg.order.completed", "pg.order.failed"}
)
REFUND_EVENTS = frozenset({"pg.refund.accepted", "pg.refund.completed", "pg.refund.failed"})


def parse(body: Mapping[str, Any], gateway: Gateway) -> Notice:
	"""The notice in a verified webhook; unsigned under the SHA header, a constant that covers no content."""
	event = short_text(body.get("event"), 80) or ""
	payload = body["payload"] if isinstance(body.get("payload"), dict) else {}
	name = "originalMerchantOrderId" if event in REFUND_EVENTS else "merchantOrderId"
	reference, order_id = short_text(payload.get(name)), short_text(payload.get("orderId"))
	if gateway.secrets.get("webhook_id"):
		return Notice(reference=reference, order_id=order_id, event_type=event)
	return Notice(
		events=_events_of(event, payload, reference),
		verified=True,
		confirm=True,
		reference=reference,
		order_id=order_id,
		event_key=_event_key(event, payload),
		event_type=event,
	)


def _events_of(event: str, payload: Mapping[str, Any], reference: str | None) -> tuple[AnyEvent, ...]:
	if event in ORDER_EVENTS:
		return (order_event(payload, reference),)
	if event in REFUND_EVENTS:
		return (refund_event(payload, short_text(payload.get("merchantRefundId")), reference),)
	return ()


def _event_key(event: str, payload: Mapping[str, Any]) -> str:
	names = ("merchantRefundId", "merchantOrderId", "originalMerchantOrderId", "state")
	parts = [event, *(short_text(payload.get(name)) for name in names)]
	if event not in ORDER_EVENTS | REFUND_EVENTS:
		parts.append(short_text(attempt_of(payload).get("transactionId")))
	return hashlib.sha256(repr(parts).encode()).hexdigest()
