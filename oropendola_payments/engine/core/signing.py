"""Signatures for values that leave this site in an address or a form and must come back unchanged."""

import hashlib
import hmac
import json

from frappe.utils.password import get_encryption_key

LENGTH = 32  # hexadecimal digits: 128 bits


def sign(purpose: str, *parts: object) -> str:
	"""Return the signature of these values for one purpose. It is of no use for another one, or on another site."""
	key = hashlib.sha256(f"oropendola|{purpose}|{get_encryption_key()}".encode()).digest()
	text = json.dumps([str(part) for part in parts])
	return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()[:LENGTH]


def is_signed(signature: object, purpose: str, *parts: object) -> bool:
	if not isinstance(signature, str) or not signature:
		return False
	return hmac.compare_digest(signature.encode(), sign(purpose, *parts).encode())
