"""What Razorpay's webhooks and the customer's return say: https://razorpay.com/docs/webhooks/payments"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from oropendola_payments.gateways.base import AnyEvent, Callback, Gateway, Notice, Outcome, PaymentEvent
from oropendola_payments.gateways.errors import BadAnswer, MalformedNotice, SignatureError
from oropendola_payments.gateways.parsing import matching, member, parse_object, short_text, unix_time
from oropendola_payments.gateways.razorpay.client import LABEL
from oropendola_payments.gateways.razorpay.mapping import (
	ID,
	dispute_event,
	payment_event,
	reference_of,
	refund_event,
	was_never_captured,
)
from oropendola_payments.gateways.razorpay.signature import check_signature

PAYMENT_EVENTS = {"payment.authorized", "payment.captured", "payment.failed", "order.paid"}
CAPTURED_EVENTS = ("payment.captured", "order.paid")
EVENT_ID = re.compile(r"[\x21-\x7e]{1,140}")


def verify(callback: Callback, gateway: Gateway) -> None:
	"""Raise SignatureError unless Razorpay signed the webhook, or the return where it carries a signature."""
	if callback.kind != "return":
		signature = callback.header("X-Razorpay-Signature")
		check_signature(callback.body, signature, gateway.secrets_in_use("webhook_secret"))
	elif callback.form.get("razorpay_signature"):
		signed = "|".join(_signed_ids(callback)).encode()
		secrets = filter(None, [gateway.secrets.get("key_secret")])
		check_signature(signed, callback.form["razorpay_signature"], secrets)


def parse(callback: Callback, gateway: Gateway) -> Notice:
	"""The notice in a verified webhook or return."""
	if callback.kind == "return":
		return _return_notice(callback)
	try:
		return _webhook_notice(callback, parse_object(callback.body, LABEL))
	except (BadAnswer, ValueError) as error:
		raise MalformedNotice(f"A Razorpay webhook cannot be read: {error}") from None


def _signed_ids(callback: Callback) -> tuple[str, str]:
	"""Order and payment as claimed. A `|` inside one of them would let the signed text be cut differently."""
	order_id, payment_id = (
		matching(ID, callback.form.get(f"razorpay_{name}_id")) for name in ("order", "payment")
	)
	if not order_id or not payment_id:
		raise SignatureError("The ids in the Razorpay return are missing or malformed.")
	return order_id, payment_id


def _return_notice(callback: Callback) -> Notice:
	"""The signature proves that the order was authorized, not how much was taken: so a status query is needed."""
	notice = Notice(reference=matching(ID, callback.query.get("attempt")), event_type="return")
	if not callback.form.get("razorpay_signature"):
		return notice
	order_id, payment_id = (callback.form.get(f"razorpay_{name}_id") for name in ("order", "payment"))
	return replace(
		notice,
		verified=True,
		confirm=True,
		order_id=order_id,
		payment_id=payment_id,
		event_key=f"return:{payment_id}",
	)


def _webhook_notice(callback: Callback, body: Mapping[str, Any]) -> Notice:
	name = short_text(body.get("event"), 100)
	if not name:
		raise ValueError("the event has no name")
	events = _events_of(name, body)
	decides = any(
		isinstance(event, PaymentEvent) and event.outcome is not Outcome.PENDING for event in events
	)
	return Notice(
		events=events,
		verified=True,
		# Test and live events look alike, and the buyer writes the notes: only the order in our account proves money.
		confirm=decides or name in CAPTURED_EVENTS,
		reference=next((event.reference for event in events), None),
		order_id=next((event.order_id for event in events), None),
		payment_id=next((event.payment_id for event in events), None),
		event_key=_event_key(callback),
		event_type=name,
	)


def _events_of(name: str, body: Mapping[str, Any]) -> tuple[AnyEvent, ...]:
	"""The events in a webhook; none when its kind means nothing to us."""
	payment, at = member(body, "payload", "payment", "entity"), unix_time(body.get("created_at"))
	if name in PAYMENT_EVENTS:
		event = payment_event(payment)
		receipt = short_text(member(body, "payload", "order", "entity", "receipt"))
		return (replace(event, reference=event.reference or receipt, occurred_at=at or event.occurred_at),)
	if name.startswith("refund."):
		refund = refund_event(member(body, "payload", "refund", "entity"))
		if was_never_captured(payment) and not refund.key:
			return (replace(payment_event(payment), occurred_at=at),)
		reference, order_id = (
			refund.reference or reference_of(payment),
			short_text(member(payment, "order_id")),
		)
		return (replace(refund, reference=reference, order_id=order_id, occurred_at=at),)
	if name.startswith("payment.dispute."):
		dispute = dispute_event(member(body, "payload", "dispute", "entity"), payment)
		return (replace(dispute, occurred_at=at),)
	return ()


def _event_key(callback: Callback) -> str:
	event_id = matching(EVENT_ID, callback.header("x-razorpay-event-id"))
	return event_id or "body:" + hashlib.sha256(callback.body).hexdigest()
