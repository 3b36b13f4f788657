"""Redaction: remove personal data and secrets from messages and requests before they are stored."""

import json
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl, urlencode

from oropendola_payments.gateways.cards import passes_luhn

MASK = "***"
# Parts of key names, compared without case and punctuation.
PERSONAL = (
	"email", "phone", "mobile", "contact", "firstname", "lastname", "fullname", "customername", "payername", "givenname",
	"surname", "holder", "address", "city", "zip", "postal", "vpa", "upiid", "birth", "ipaddress", "nameoncard", "payeremail",
)  # fmt: skip
SECRET = (
	"secret", "password", "passwd", "token", "authorization", "signature", "apikey", "salt", "cvv", "cvc", "otp", "cardnum",
	"cardno", "cardnumber", "accountnumber", "hash", "clientsecret", "sessionid", "xverify", "cookie",
)  # fmt: skip
PRIVATE, PUNCTUATION = re.compile("|".join((*PERSONAL, *SECRET))), re.compile("[^a-z0-9]")
EXACT = {"name", "customer", "payer", "billing_details", "shipping", "pan", "pin"}
CARD = re.compile(r"(?<!\d)(?:\d[ -]?){12,18}\d(?!\d)")
# Also UPI addresses, which have no top-level domain.
EMAIL = re.compile(r"[^\s@\"'<>,;=&:/]+@[A-Za-z][A-Za-z0-9.-]*[A-Za-z]")
PHONE = re.compile(r"\+\d[\d -]{7,14}\d")
KEPT_HEADERS = {
	"content-type", "user-agent", "x-razorpay-event-id", "paypal-transmission-id", "paypal-transmission-time",
	"x-webhook-timestamp", "x-webhook-version", "x-webhook-attempt", "x-idempotency-key",
}  # fmt: skip


def redact(value: Any) -> Any:
	"""Return the same structure with personal data and secrets masked."""
	if isinstance(value, Mapping):
		return {
			_shown_key(str(key)): MASK if _is_private(str(key)) and item else redact(item)
			for key, item in value.items()
		}
	if isinstance(value, list | tuple):
		return [redact(item) for item in value]
	return redact_text(value) if isinstance(value, str) else value


def redact_text(text: str) -> str:
	"""Return free text with mail addresses, phone and card numbers masked. References and ids stay."""
	return CARD.sub(_mask_card, PHONE.sub(MASK, EMAIL.sub(MASK, text)))


def redact_body(body: bytes, limit: int = 50_000) -> str:
	"""Return a request body as it may be stored: JSON and forms redacted by key, of anything else only the length."""
	text = body.decode("utf-8", errors="replace")
	kept = _masked_json(text) if text.lstrip()[:1] in ("{", "[") else _masked_form(text)
	return kept[:limit] if kept else f"({len(body)} bytes that are neither JSON nor a form)"


def _masked_json(text: str) -> str | None:
	try:
		return json.dumps(redact(json.loads(text)), ensure_ascii=False)
	except (ValueError, RecursionError):
		return None


def _masked_form(text: str) -> str | None:
	fields = parse_qsl(text, keep_blank_values=True) if "=" in text else ()
	return urlencode(redact(dict(fields)), safe="*@ ") if fields else None


def redact_headers(headers: Mapping) -> dict:
	return {key: value[:200] for key, value in headers.items() if key.lower() in KEPT_HEADERS}


@lru_cache(maxsize=2000)
def _shown_key(key: str) -> str:
	return redact_text(key)


@lru_cache(maxsize=2000)
def _is_private(key: str) -> bool:
	return key.lower() in EXACT or bool(PRIVATE.search(PUNCTUATION.sub("", key.lower())))


def _mask_card(match: re.Match) -> str:
	digits = re.sub(r"\D", "", match.group())
	return f"{MASK}{digits[-4:]}" if passes_luhn(digits) else match.group()
