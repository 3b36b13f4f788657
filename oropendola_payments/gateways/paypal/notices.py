"""What PayPal's webhooks and the customer's return say: https://developer.paypal.com/api/rest/webhooks/event-names/"""

from typing import Any

from oropendola_payments.gateways.base import AnyEvent, Callback, Gateway, Notice
from oropendola_payments.gateways.errors import BadAnswer, MalformedNotice
from oropendola_payments.gateways.parsing import parse_object
from oropendola_payments.gateways.paypal.client import LABEL
from oropendola_payments.gateways.paypal.mapping import (
	capture_event,
	order_events,
	refund_event,
	reversal_event,
	word,
)
from oropendola_payments.gateways.paypal.signature import check_signature

ORDER_EVENTS = frozenset({"CHECKOUT.ORDER.APPROVED", "CHECKOUT.ORDER.COMPLETED"})
CAPTURE_EVENTS = frozenset(
	f"PAYMENT.CAPTURE.{name}" for name in ("COMPLETED", "PENDING", "DENIED", "DECLINED")
)
REFUND_EVENTS = frozenset({"PAYMENT.CAPTURE.REFUNDED", "PAYMENT.REFUND.PENDING", "PAYMENT.REFUND.FAILED"})
CAPTURE_REVERSED = "PAYMENT.CAPTURE.REVERSED"
APPROVAL_REVERSED = "CHECKOUT.PAYMENT-APPROVAL.REVERSED"


def verify(callback: Callback, gateway: Gateway) -> None:
	"""Raise SignatureError unless PayPal signed the webhook. Nothing in a return is signed."""
	if callback.kind != "return":
		check_signature(callback, gateway)


def parse(callback: Callback) -> Notice:
	"""The notice in a verified webhook, or the unsigned notice of a return."""
	if callback.kind == "return":
		return _return_notice(callback)
	try:
		return _webhook_notice(parse_object(callback.body, LABEL))
	except BadAnswer as error:
		raise MalformedNotice(str(error)) from None


def _return_notice(callback: Callback) -> Notice:
	reference, order_id = callback.query.get("attempt"), word(callback.query.get("token"))
	return Notice(reference=reference[:140] if reference else None, order_id=order_id, event_type="return")


def _webhook_notice(message: dict[str, Any]) -> Notice:
	event_key, event_type = word(message.get("id")), message.get("event_type")
	if not event_key or not isinstance(event_type, str):
		raise BadAnswer("PayPal sent a message without an id or a type.")
	events = _events_of(event_type, message.get("resource"))
	# A CRC32 protects the body, which does not verify its content: a status query does.
	return Notice(
		events=tuple(events),
		verified=True,
		confirm=True,
		reference=next((event.reference for event in events), None),
		order_id=next((event.order_id for event in events), None),
		payment_id=next((event.payment_id for event in events), None),
		event_key=event_key,
		event_type=event_type[:140],
	)


def _events_of(event_type: str, resource: Any) -> list[AnyEvent]:
	"""The events in a message; none when its kind means nothing to us."""
	if not isinstance(resource, dict):
		return []
	if event_type in ORDER_EVENTS:
		return [*order_events(resource)]
	if event_type == APPROVAL_REVERSED:
		order_id = resource.get("id") or resource.get("order_id")
		return [*order_events({**resource, "id": order_id, "status": "VOIDED"})]
	if event_type in CAPTURE_EVENTS:
		return [capture_event(resource, {})]
	if event_type in REFUND_EVENTS:
		return [refund_event(resource)]
	return [reversal_event(resource)] if event_type == CAPTURE_REVERSED else []
