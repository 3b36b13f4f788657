"""A new API key waits, encrypted, until its owner looks: shown once, then gone."""

import json

import frappe
from frappe.utils.password import decrypt, encrypt

NEW_KEY_SECONDS = 24 * 3600


def keep_until_revealed(subscription: str, key: str) -> None:
	"""The customer may be away when a webhook makes the key: keep it sealed for a day, to be shown once."""
	frappe.db.after_commit.add(lambda: _store_key(subscription, key))


def take_new_key(subscription: str) -> str | None:
	"""The new key in clear, the first time only."""
	sealed = frappe.cache.get_value(_pickup(subscription), expires=True)
	# Of two pages that ask at once, the one that removes it may show it.
	if not sealed or not frappe.cache.delete(frappe.cache.make_key(_pickup(subscription))):
		return None
	return json.loads(decrypt(sealed))


def has_new_key(subscription: str) -> bool:
	return bool(frappe.cache.get_value(_pickup(subscription), expires=True))


def _store_key(subscription: str, key: str) -> None:
	frappe.cache.set_value(_pickup(subscription), encrypt(json.dumps(key)), expires_in_sec=NEW_KEY_SECONDS)


def _pickup(subscription: str) -> str:
	return f"oropendola_new_key:{subscription}"
