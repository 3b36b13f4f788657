"""Comparing signatures of callbacks and webhooks in constant time."""

import hashlib
import hmac
from collections.abc import Iterable


def hmac_sha256(secret: str, message: bytes) -> bytes:
	"""The digest that the sender of a message makes with a shared secret."""
	return hmac.new(secret.encode(), message, hashlib.sha256).digest()


def is_one_of(received: str, expected: Iterable[str]) -> bool:
	"""Whether a signature that came in is one of those that may be; never stops at the first wrong character."""
	given = received.encode("utf-8", "replace")
	return any(hmac.compare_digest(given, one.encode()) for one in expected)
