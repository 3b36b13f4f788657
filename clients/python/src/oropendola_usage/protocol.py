"""What is sent to the site and how its answers are read, without any input or output."""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass, field
from typing import Any

from oropendola_usage.errors import Refused, Unavailable

PATH = "/api/method/oropendola_payments.api.usage."
PREFIX = "oro_"
ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
LENGTH = 53
CHECKSUM_LENGTH = 6


@dataclass(frozen=True)
class Call:
	"""One POST. The key is not part of its `repr`."""

	url: str
	key: str = field(repr=False)
	values: dict[str, Any]

	@property
	def body(self) -> bytes:
		return json.dumps({name: value for name, value in self.values.items() if value is not None}).encode()

	@property
	def headers(self) -> dict[str, str]:
		return {"X-API-Key": self.key, "Content-Type": "application/json", "Accept": "application/json"}


def call_of(site: str, endpoint: str, key: str, values: dict[str, Any]) -> Call:
	return Call(f"{site.rstrip('/')}{PATH}{endpoint}", key, values)


def read(status: int, body: bytes) -> dict[str, Any]:
	"""Return what the site answered. Raises Refused, or Unavailable if the site could not decide."""
	try:
		message = json.loads(body)["message"]
		if message["success"]:
			return dict(message)
		text, code = str(message["error"]), str(message["error_code"])
	except (ValueError, KeyError, TypeError):
		raise Unavailable(f"The site answered {status} without an envelope.") from None
	if status >= 500 or code == "concurrent_change":
		raise Unavailable(text)
	details = (message.get(name) for name in ("retry_after", "reason", "window", "offer"))
	raise Refused(text, status, code, *details)


def require_form(key: str) -> None:
	"""Raise Refused if this cannot be a key: it is missing, mistyped or cut off. The site need not be asked about it."""
	if not key:
		raise Refused("Please send your API key.", 401, "unauthorized", reason="key_missing")
	body, checksum = key[len(PREFIX) : -CHECKSUM_LENGTH], key[-CHECKSUM_LENGTH:]
	has_form = key.isascii() and key.startswith(PREFIX) and len(key) == LENGTH
	if not has_form or checksum != _checksum(body):
		message = "This is not a valid API key. Please check that you copied all of it."
		raise Refused(message, 401, "unauthorized", reason="key_malformed")


def _checksum(body: str) -> str:
	number, digits = zlib.crc32(body.encode()), ""
	for _place in range(CHECKSUM_LENGTH):
		number, rest = divmod(number, len(ALPHABET))
		digits = ALPHABET[rest] + digits
	return digits
