"""Checks the header `Stripe-Signature`: https://docs.stripe.com/webhooks#verify-manually"""

import re
from datetime import datetime

from oropendola_payments.gateways.errors import SignatureError
from oropendola_payments.gateways.signing import hmac_sha256, is_one_of

TOLERANCE_SECONDS = 300
MAX_SIGNATURES = 20


def check_signature(header: str, body: bytes, secrets: list[str], now: datetime) -> None:
	"""Raise SignatureError unless one of the secrets signed these bytes within the last five minutes."""
	timestamp, received = _parts_of(header)
	signed = timestamp.encode() + b"." + body
	expected = [hmac_sha256(secret, signed).hex() for secret in secrets]
	if not any(is_one_of(signature, expected) for signature in received):
		raise SignatureError("The Stripe signature is missing or wrong.")
	if int(timestamp) < now.timestamp() - TOLERANCE_SECONDS:
		raise SignatureError("The Stripe signature is too old.")


def _parts_of(header: str) -> tuple[str, list[str]]:
	"""Timestamp and v1 signatures of `t=…,v1=…,v1=…`; other schemes are decoys."""
	parts = [part.partition("=") for part in header[:4096].split(",")]
	timestamp = next((value for name, _, value in parts if name == "t"), "")
	if not re.fullmatch(r"[0-9]{1,12}", timestamp):
		raise SignatureError("The Stripe signature is missing or malformed.")
	return timestamp, [value for name, _, value in parts if name == "v1"][:MAX_SIGNATURES]
