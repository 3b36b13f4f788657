"""What PayU's returns and webhooks say: https://docs.payu.in/docs/webhook-events-and-sample-payloads"""

from collections.abc import Mapping
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qsl

from oropendola_payments.gateways.base import Callback, Gateway, Notice
from oropendola_payments.gateways.errors import GatewayError, MalformedNotice, SignatureError
from oropendola_payments.gateways.parsing import parse_object
from oropendola_payments.gateways.payu.client import LABEL
from oropendola_payments.gateways.payu.mapping import dispute_event, payment_event, text_of
from oropendola_payments.gateways.payu.signature import accepted_salts, is_signed, is_signed_dispute

DISPUTE_HEADER = "X-PayU-Dispute-Webhook-Signature-V2"
MAX_KEY = 140
MAX_FIELD = 4000


def verify(callback: Callback, gateway: Gateway) -> None:
	"""Raise SignatureError unless the hash is right; refund notices and some disputes come without one."""
	fields = _fields_of(callback)
	if not fields and callback.kind == "return":
		return  # the customer only opened the address
	key, salts = gateway.secrets.get("key_id", ""), accepted_salts(gateway.secrets_in_use("key_secret"))
	if fields.get("key", key) != key:
		raise SignatureError("This message is for another PayU account.")
	if _is_refund(fields):
		return
	if _is_dispute(fields):
		signature = callback.header(DISPUTE_HEADER)
		if signature and not is_signed_dispute(fields, signature, key, salts):
			raise SignatureError("PayU's dispute signature does not match the message.")
	elif not is_signed(fields, salts):
		raise SignatureError("PayU's hash does not match the message.")


def parse(callback: Callback) -> Notice:
	"""The notice in a verified return or webhook."""
	fields = _fields_of(callback)
	if not fields:
		return Notice(reference=text_of(callback.query.get("attempt")) or None, event_type="return")
	if _is_refund(fields):
		return _refund_notice(fields)
	if _is_dispute(fields):
		return _dispute_notice(fields, bool(callback.header(DISPUTE_HEADER)))
	return _payment_notice(fields)


def _fields_of(callback: Callback) -> dict[str, str]:
	"""The posted fields as text, from a form or JSON; SignatureError for what cannot be read."""
	if callback.form:
		fields: Mapping[str, Any] = callback.form
	elif callback.body.lstrip()[:1] in (b"{", b"["):
		fields = _json_fields(callback.body)
	else:
		fields = _form_fields(callback.body)
	return {name: _plain(value) for name, value in fields.items() if isinstance(name, str)}


def _is_refund(fields: Mapping[str, str]) -> bool:
	return fields.get("action") == "refund"


def _is_dispute(fields: Mapping[str, str]) -> bool:
	return fields.get("event") == "dispute" and "cb_id" in fields


def _payment_notice(fields: Mapping[str, str]) -> Notice:
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


def _refund_notice(fields: Mapping[str, str]) -> Notice:
	"""An unsigned notice: PayU's refund notices carry no hash."""
	return Notice(
		reference=text_of(fields.get("merchantTxnId")) or None,
		payment_id=text_of(fields.get("mihpayid"), 64) or None,
		event_type=f"refund.{text_of(fields.get('status')).lower()}"[:MAX_KEY],
	)


def _dispute_notice(fields: Mapping[str, str], is_signed: bool) -> Notice:
	"""Verified when it is signed, which is an option of the account; otherwise an unsigned notice."""
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


def _json_fields(body: bytes) -> Mapping[str, Any]:
	try:
		return parse_object(body, LABEL)
	except GatewayError:
		raise SignatureError("PayU's message cannot be read.") from None


def _form_fields(body: bytes) -> Mapping[str, str]:
	try:
		return dict(parse_qsl(body.decode(), keep_blank_values=True, errors="strict", max_num_fields=200))
	except ValueError:
		raise SignatureError("PayU's message cannot be read.") from None


def _plain(value: Any) -> str:
	if isinstance(value, str):
		return value if len(value) <= MAX_FIELD else ""
	return text_of(value)


def _event_key(kind: str, *parts: str) -> str:
	key = ":".join((kind, *parts))
	return key if len(key) <= MAX_KEY else f"{kind}:{sha256(key.encode()).hexdigest()}"
