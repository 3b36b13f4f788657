"""What Cashfree's webhooks and the customer's return say: https://www.cashfree.com/docs/payments/online/webhooks"""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from oropendola_payments.gateways.base import Callback, Gateway, Notice, Outcome
from oropendola_payments.gateways.cashfree.client import LABEL
from oropendola_payments.gateways.cashfree.mapping import (
	dispute_event,
	id_of,
	payment_event,
	refund_event,
	status_of,
)
from oropendola_payments.gateways.cashfree.signature import check_signature
from oropendola_payments.gateways.errors import BadAnswer, MalformedNotice
from oropendola_payments.gateways.parsing import iso_time, member, parse_object, short_text

PAYMENT_TYPES = frozenset(
	{"PAYMENT_SUCCESS_WEBHOOK", "PAYMENT_FAILED_WEBHOOK", "PAYMENT_USER_DROPPED_WEBHOOK"}
)
REFUND_TYPES = {"REFUND_STATUS_WEBHOOK": "refund", "AUTO_REFUND_STATUS_WEBHOOK": "auto_refund"}
DISPUTE_TYPES = frozenset({"DISPUTE_CREATED", "DISPUTE_UPDATED", "DISPUTE_CLOSED"})


def verify(callback: Callback, gateway: Gateway) -> None:
	"""Raise SignatureError unless Cashfree signed the webhook. Nothing in a return is signed."""
	if callback.kind != "return":
		check_signature(callback, gateway.secrets_in_use("key_secret"), gateway.now())


def parse(callback: Callback) -> Notice:
	"""The notice in a verified webhook, or the unsigned notice of a return."""
	if callback.kind == "return":
		return Notice(reference=short_text(callback.query.get("attempt")), event_type="return")
	try:
		return _webhook_notice(parse_object(callback.body, LABEL), callback)
	except BadAnswer as error:
		raise MalformedNotice(str(error)) from error


def _webhook_notice(message: Mapping[str, Any], callback: Callback) -> Notice:
	kind, data = short_text(message.get("type"), 80) or "", member(message, "data")
	occurred_at = iso_time(message.get("event_time"))
	if kind in PAYMENT_TYPES:
		return _payment_notice(kind, data)
	if kind in REFUND_TYPES:
		return _refund_notice(kind, member(data, REFUND_TYPES[kind]), occurred_at)
	if kind in DISPUTE_TYPES:
		return _dispute_notice(kind, data, occurred_at)
	# Cashfree's own key of the message is in a header that the signature does not cover: only for what has no id.
	own_key = short_text(callback.header("x-idempotency-key")) or hashlib.sha256(callback.body).hexdigest()
	return Notice(verified=True, event_type=kind, event_key=_digest(kind, own_key))


def _payment_notice(kind: str, data: Any) -> Notice:
	reference, payment = short_text(member(data, "order", "order_id")), member(data, "payment")
	payment_id = id_of(member(payment, "cf_payment_id"))
	if not reference or not payment_id:
		raise MalformedNotice("Cashfree's webhook lacks the order or the payment.")
	# A webhook has the amount of the order beside the payment, the status query inside it.
	event = payment_event({"order_amount": member(data, "order", "order_amount"), **payment}, reference)
	return Notice(
		events=(event,),
		verified=True,
		# The webhook of a mere hold looks the same: a status query finds out whether the money was captured.
		confirm=event.outcome is Outcome.PAID and payment.get("is_captured") is not True,
		reference=reference,
		payment_id=payment_id,
		event_key=_digest(kind, payment_id, status_of(payment)),
		event_type=kind,
	)


def _refund_notice(kind: str, refund: Any, occurred_at: datetime | None) -> Notice:
	refund_id = id_of(member(refund, "cf_refund_id"))
	if not refund_id:
		raise MalformedNotice("Cashfree's webhook does not name a refund.")
	event = refund_event(refund, short_text(refund.get("refund_id")), occurred_at)
	return Notice(
		events=(event,),
		verified=True,
		reference=event.reference,
		payment_id=event.payment_id,
		event_key=_digest(kind, refund_id, short_text(refund.get("refund_status"), 40)),
		event_type=kind,
	)


def _dispute_notice(kind: str, data: Any, occurred_at: datetime | None) -> Notice:
	event = dispute_event(data, occurred_at)
	dispute_id = event.details["dispute_id"]
	if not dispute_id:
		raise MalformedNotice("Cashfree's webhook does not name a dispute.")
	return Notice(
		events=(event,),
		verified=True,
		reference=event.reference,
		payment_id=event.payment_id,
		event_key=_digest(kind, dispute_id, event.details["status"]),
		event_type=kind,
	)


def _digest(*parts: Any) -> str:
	"""The key of a message, from signed content: the same on every repetition."""
	return hashlib.sha256(repr(parts).encode()).hexdigest()
