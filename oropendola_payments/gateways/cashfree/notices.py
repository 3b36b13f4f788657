"""Cashfree's webhooks: base64 HMAC-SHA256 of timestamp and raw body, under the client secret.

https://www.cashfree.com/docs/payments/online/webhooks/signature-verification
"""

import base64
import hashlib
import hmac
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta, timezone

from oropendola_payments.gateways.base import Callback, Notice, Outcome
from oropendola_payments.gateways.cashfree.mapping import (
	dispute_event,
	id_of,
	moment_of,
	payment_event,
	refund_event,
	status_of,
)
from oropendola_payments.gateways.errors import MalformedNotice, SignatureError
from oropendola_payments.gateways.http import member, short_text

# Retries reach over hours, and whether they carry a new timestamp is not documented.
OLDEST = timedelta(hours=24)
FURTHEST_AHEAD = timedelta(minutes=15)
PAYMENT_TYPES = frozenset(
	{"PAYMENT_SUCCESS_WEBHOOK", "PAYMENT_FAILED_WEBHOOK", "PAYMENT_USER_DROPPED_WEBHOOK"}
)
REFUND_TYPES = {"REFUND_STATUS_WEBHOOK": "refund", "AUTO_REFUND_STATUS_WEBHOOK": "auto_refund"}
DISPUTE_TYPES = frozenset({"DISPUTE_CREATED", "DISPUTE_UPDATED", "DISPUTE_CLOSED"})


def check_signature(callback: Callback, secrets: Iterable[str], now: datetime) -> None:
	"""SignatureError unless one of the secrets signed the raw body, and not too long ago."""
	timestamp, received = callback.header("x-webhook-timestamp"), callback.header("x-webhook-signature")
	if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 14):
		raise SignatureError("Cashfree's webhook has no timestamp in milliseconds.")
	message, given = timestamp.encode() + callback.body, received[:200].encode("utf-8", "replace")
	digests = [hmac.new(secret.encode(), message, hashlib.sha256).digest() for secret in secrets if secret]
	if not any(hmac.compare_digest(base64.b64encode(digest), given) for digest in digests):
		raise SignatureError(
			"Cashfree's webhook does not match its signature. Please check the Client Secret."
		)
	sent = datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(milliseconds=int(timestamp))
	if not now - OLDEST <= sent <= now + FURTHEST_AHEAD:
		raise SignatureError("Cashfree's webhook is too old, or this server's clock is wrong.")


def read(told: Mapping, callback: Callback) -> Notice:
	"""The notice of a webhook whose signature was right."""
	kind, data = short_text(told.get("type"), 80) or "", member(told, "data")
	moment = moment_of(told.get("event_time"))
	if kind in PAYMENT_TYPES:
		return _payment_notice(kind, data)
	if kind in REFUND_TYPES:
		return _refund_notice(kind, member(data, REFUND_TYPES[kind]), moment)
	if kind in DISPUTE_TYPES:
		return _dispute_notice(kind, data, moment)
	# Cashfree's own key of the message stands in a header that the signature does not cover: only for what has no id.
	named = short_text(callback.header("x-idempotency-key")) or hashlib.sha256(callback.body).hexdigest()
	return Notice(verified=True, event_type=kind, event_key=_digest(kind, named))


def _payment_notice(kind: str, data) -> Notice:
	reference, payment = short_text(member(data, "order", "order_id")), member(data, "payment")
	payment_id = id_of(member(payment, "cf_payment_id"))
	if not reference or not payment_id:
		raise MalformedNotice("Cashfree's webhook lacks the order or the payment.")
	# The webhook tells the amount of the order beside the payment, the status query inside it.
	event = payment_event({"order_amount": member(data, "order", "order_amount"), **payment}, reference)
	return Notice(
		events=(event,),
		verified=True,
		# The webhook of a mere hold looks the same, so the order is asked whether the money was captured.
		confirm=event.outcome is Outcome.PAID and payment.get("is_captured") is not True,
		reference=reference,
		payment_id=payment_id,
		event_key=_digest(kind, payment_id, status_of(payment)),
		event_type=kind,
	)


def _refund_notice(kind: str, refund, moment: datetime | None) -> Notice:
	refund_id = id_of(member(refund, "cf_refund_id"))
	if not refund_id:
		raise MalformedNotice("Cashfree's webhook does not name a refund.")
	event = refund_event(refund, short_text(refund.get("refund_id")), moment)
	return Notice(
		events=(event,),
		verified=True,
		reference=event.reference,
		payment_id=event.payment_id,
		event_key=_digest(kind, refund_id, short_text(refund.get("refund_status"), 40)),
		event_type=kind,
	)


def _dispute_notice(kind: str, data, moment: datetime | None) -> Notice:
	event = dispute_event(data, moment)
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


def _digest(*parts) -> str:
	"""A name for the message, from signed content: the same on every repetition."""
	return hashlib.sha256(repr(parts).encode()).hexdigest()
