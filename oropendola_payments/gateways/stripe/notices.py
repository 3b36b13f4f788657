"""What Stripe's events and the customer's return say: https://docs.stripe.com/api/events/types"""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from oropendola_payments.gateways.base import AnyEvent, Callback, Gateway, Notice, Outcome, PaymentEvent
from oropendola_payments.gateways.errors import BadAnswer, MalformedNotice
from oropendola_payments.gateways.parsing import matching, member, parse_object, short_text, unix_time
from oropendola_payments.gateways.stripe.client import LABEL
from oropendola_payments.gateways.stripe.mapping import (
	ID,
	charge_ids,
	dispute_event,
	intent_event,
	is_undecided,
	refund_event,
	session_event,
)
from oropendola_payments.gateways.stripe.signature import check_signature

COMPLETED = "checkout.session.completed"
SESSION_EVENTS = {
	COMPLETED,
	"checkout.session.async_payment_succeeded",
	"checkout.session.async_payment_failed",
	"checkout.session.expired",
}
INTENT_EVENTS = {
	"payment_intent.succeeded",
	"payment_intent.processing",
	"payment_intent.payment_failed",
	"payment_intent.canceled",
}
REFUND_EVENTS = {"refund.created", "refund.updated", "refund.failed", "charge.refund.updated"}
# A charge says that something was refunded, not by which refund: a status query finds out.
CHARGE_REFUNDED = "charge.refunded"


def verify(callback: Callback, gateway: Gateway) -> None:
	"""Raise SignatureError unless Stripe signed the webhook. Nothing in a return is signed."""
	if callback.kind != "return":
		header = callback.header("Stripe-Signature")
		check_signature(header, callback.body, gateway.secrets_in_use("webhook_secret"), gateway.now())


def parse(callback: Callback, gateway: Gateway) -> Notice:
	"""The notice in a verified webhook, or the unsigned notice of a return."""
	if callback.kind == "return":
		return _return_notice(callback)
	try:
		return _event_notice(parse_object(callback.body, LABEL), gateway.mode)
	except (BadAnswer, ValueError) as error:
		raise MalformedNotice(f"A Stripe event cannot be read: {error}") from None


def _return_notice(callback: Callback) -> Notice:
	return Notice(
		reference=matching(ID, callback.query.get("attempt")),
		order_id=matching(ID, callback.query.get("session_id")),
		event_type="return",
	)


def _event_notice(body: Mapping[str, Any], mode: str) -> Notice:
	key, name = matching(ID, body.get("id")), short_text(body.get("type"))
	if body.get("object") != "event" or not key or not name:
		raise ValueError("it is not an event")
	if body.get("livemode") is not (mode == "Live"):
		raise ValueError(f"it is not meant for {mode} mode")
	entity = member(body, "data", "object")
	events = _events_of(name, entity, unix_time(body.get("created")))
	first = events[0] if events else None
	if name == CHARGE_REFUNDED:
		first = PaymentEvent(Outcome.PENDING, **charge_ids(entity))
	return Notice(
		events=events,
		verified=True,
		confirm=name == CHARGE_REFUNDED or (name == COMPLETED and bool(events) and is_undecided(entity)),
		reference=first.reference if first else None,
		order_id=first.order_id if first else None,
		payment_id=first.payment_id if first else None,
		event_key=key if len(key) <= 140 else hashlib.sha256(key.encode()).hexdigest(),
		event_type=name,
	)


def _events_of(name: str, entity: Any, at: datetime | None) -> tuple[AnyEvent, ...]:
	"""The events in an event's object; none when its kind means nothing to us, or the payment is not ours."""
	if name in SESSION_EVENTS or name in INTENT_EVENTS:
		event = session_event(entity) if name in SESSION_EVENTS else intent_event(entity)
		if name == "checkout.session.async_payment_failed" and event.outcome is Outcome.PENDING:
			event = replace(event, outcome=Outcome.FAILED, in_transit=False)
		return (replace(event, occurred_at=at),) if event.reference else ()
	if name in REFUND_EVENTS:
		return (replace(refund_event(entity), occurred_at=at),)
	if name.startswith("charge.dispute."):
		return (replace(dispute_event(entity), occurred_at=at),)
	return ()
