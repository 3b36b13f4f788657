"""What PayU's returns and webhooks say: https://docs.payu.in/docs/webhook-events-and-sample-payloads"""

from collections.abc import Mapping
from hashlib import sha256
from urllib.parse import parse_qsl

from oropendola_payments.gateways.base import Callback, Notice
from oropendola_payments.gateways.errors import GatewayError, MalformedNotice, SignatureError
from oropendola_payments.gateways.http import parse_object
from oropendola_payments.gateways.payu.mapping import dispute_event, payment_event, text_of

MAX_KEY = 140
MAX_FIELD = 4000


def fields_of(callback: Callback) -> dict[str, str]:
	"""The posted fields as text, from a form or JSON; what cannot be read is not proven."""
	if callback.form:
		told: Mapping = callback.form
	elif callback.body.lstrip()[:1] in (b"{", b"["):
		told = _json_fields(callback.body)
	else:
		told = _form_fields(callback.body)
	return {name: _plain(value) for name, value in told.items() if isinstance(name, str)}


def is_refund(fields: Mapping[str, str]) -> bool:
	return fields.get("action") == "refund"


def is_dispute(fields: Mapping[str, str]) -> bool:
	return fields.get("event") == "dispute" and "cb_id" in fields


def payment_notice(fields: Mapping[str, str]) -> Notice:
	reference, status = text_of(fields.get("txnid")), text_of(fields.get("status")).lower()
	if not reference or not status:
		raise MalformedNotice("PayU's message lacks the transaction or the status.")
	event = payment_event(fields, reference, fields.get("amount"))
	return Notice(
		events=(event,),
		verified=True,
		# The hash covers amount, status and transaction, but not the payment id nor the capture.
		confirm=True,
		reference=reference,
		payment_id=event.payment_id,
		# The signed transaction is part of the key: nobody can take the key of another customer's message.
		event_key=_event_key("payment", reference, event.payment_id or "", status),
		event_type=f"payment.{status}"[:MAX_KEY],
	)


def refund_bell(fields: Mapping[str, str]) -> Notice:
	"""PayU's refund notices carry no hash, so this one only says where to look."""
	return Notice(
		reference=text_of(fields.get("merchantTxnId")) or None,
		payment_id=text_of(fields.get("mihpayid"), 64) or None,
		event_type=f"refund.{text_of(fields.get('status')).lower()}"[:MAX_KEY],
	)


def dispute_notice(fields: Mapping[str, str], is_signed: bool) -> Notice:
	"""A fact when it is signed, which is an option of the account; otherwise a bell."""
	event = dispute_event(fields)
	kind = f"dispute.{event.state}"
	if not is_signed:
		return Notice(payment_id=event.payment_id, event_type=kind)
	parts = (text_of(fields.get(name)) for name in ("cb_id", "cb_type", "cb_amount", "cb_status"))
	return Notice(
		(event,),
		verified=True,
		payment_id=event.payment_id,
		event_key=_event_key("dispute", *parts),
		event_type=kind,
	)


def _json_fields(body: bytes) -> Mapping:
	try:
		return parse_object(body, "PayU")
	except GatewayError:
		raise SignatureError("PayU's message cannot be read.") from None


def _form_fields(body: bytes) -> Mapping:
	try:
		return dict(parse_qsl(body.decode(), keep_blank_values=True, errors="strict", max_num_fields=200))
	except ValueError:
		raise SignatureError("PayU's message cannot be read.") from None


def _plain(value) -> str:
	if isinstance(value, str):
		return value if len(value) <= MAX_FIELD else ""
	return text_of(value)


def _event_key(kind: str, *parts: str) -> str:
	key = ":".join((kind, *parts))
	return key if len(key) <= MAX_KEY else f"{kind}:{sha256(key.encode()).hexdigest()}"
