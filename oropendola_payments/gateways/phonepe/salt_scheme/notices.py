"""What the callbacks of PhonePe's salt scheme say: https://developer.phonepe.com/v1/reference/server-to-server-callback-5"""

import base64
import binascii
import hashlib
from collections.abc import Mapping
from typing import Any

from oropendola_payments.gateways.base import AnyEvent, Notice
from oropendola_payments.gateways.errors import MalformedNotice
from oropendola_payments.gateways.parsing import member, parse_object, short_text
from oropendola_payments.gateways.phonepe.client import LABEL
from oropendola_payments.gateways.phonepe.salt_scheme.mapping import payment_event, refund_event
from oropendola_payments.gateways.phonepe.salt_scheme.payloads import REFUND_MARK


def parse(body: Mapping[str, Any], query: Mapping[str, str], merchant: str) -> Notice:
	"""The notice in a verified callback; PhonePe wants a status query after each."""
	try:
		message = parse_object(base64.b64decode(body["response"], validate=True), LABEL)
	except (binascii.Error, ValueError) as error:
		raise MalformedNotice("PhonePe's callback is not base64.") from error
	if member(message, "data", "merchantId") != merchant:
		raise MalformedNotice("PhonePe's callback is for another merchant.")
	name = short_text(member(message, "data", "merchantTransactionId"))
	event: AnyEvent = refund_event(message, name) if REFUND_MARK in query else payment_event(message, name)
	parts = (short_text(message.get("code")), name, short_text(member(message, "data", "transactionId")))
	return Notice(
		events=(event,) if name else (),
		verified=True,
		confirm=True,
		reference=event.reference,
		event_key=hashlib.sha256(repr(parts).encode()).hexdigest(),
		event_type=parts[0] or "",
	)
