"""The X-VERIFY checksum of PhonePe's salt scheme, for calls and for callbacks."""

import hashlib

from oropendola_payments.gateways.base import Callback, Gateway
from oropendola_payments.gateways.errors import SignatureError
from oropendola_payments.gateways.parsing import parse_object
from oropendola_payments.gateways.phonepe.client import LABEL
from oropendola_payments.gateways.signing import is_one_of


def checksum(text: str, gateway: Gateway) -> str:
	"""SHA-256 of a text and the Salt Key, with the Salt Index behind it."""
	salt, index = (gateway.secrets.get(name, "") for name in ("legacy_secret", "legacy_version"))
	return hashlib.sha256((text + salt).encode()).hexdigest() + "###" + index


def check_checksum(callback: Callback, gateway: Gateway) -> None:
	"""Raise SignatureError unless the checksum covers the base64 text as received, without a path."""
	payload = parse_object(callback.body, LABEL).get("response")
	if not (gateway.secrets.get("legacy_secret") and isinstance(payload, str) and payload.isascii()):
		raise SignatureError("PhonePe's callback contains nothing that can be verified.")
	if not is_one_of(callback.header("X-VERIFY")[:200], [checksum(payload, gateway)]):
		raise SignatureError("PhonePe's callback does not match its checksum. Please check the Salt Key.")
