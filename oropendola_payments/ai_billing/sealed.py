"""Values that are kept encrypted for a while, in Redis or beside a payment."""

import json
from typing import Any

from cryptography.fernet import Fernet, InvalidToken
from frappe.utils.password import encrypt, get_encryption_key


def seal(value: Any) -> str:
	return encrypt(json.dumps(value, default=str))


def unseal(sealed: str | None) -> Any:
	"""Return the value, or None if there is none or it was sealed under an earlier encryption key of the site: then it is lost."""
	text = decrypted(sealed) if sealed else None
	return json.loads(text) if text else None


def decrypted(text: str) -> str | None:
	"""Return what Frappe encrypted, or None if that was under another encryption key.

	Frappe's `decrypt` would raise for that, and tell customers to look into site_config.json.
	"""
	try:
		return Fernet(get_encryption_key().encode()).decrypt(text.encode()).decode()
	except InvalidToken:
		return None
