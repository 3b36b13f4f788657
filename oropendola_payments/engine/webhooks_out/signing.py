"""Signatures after Standard Webhooks 1.0.0, and the secrets that make them.

Signed are id, time of this attempt and body, joined with dots, over the very bytes that are sent.
"""

import base64
import hashlib
import hmac
import secrets

PREFIX = "whsec_"
SECRET_BYTES = 32


def new_secret() -> str:
	return PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def headers(event: str, seconds: int, body: bytes, keys: list[str]) -> dict[str, str]:
	"""Return the three headers. With two secrets, either of them verifies the message."""
	return {
		"webhook-id": event,
		"webhook-timestamp": str(seconds),
		"webhook-signature": " ".join(_signature(event, seconds, body, key) for key in keys),
	}


def _signature(event: str, seconds: int, body: bytes, secret: str) -> str:
	key = base64.b64decode(secret.removeprefix(PREFIX))
	signed = f"{event}.{seconds}.".encode() + body
	return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
