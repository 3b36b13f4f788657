"""The secret with which frontends verify what our result page tells them. It is stored encrypted and shown once."""

import secrets
from datetime import timedelta

import frappe
from frappe.utils import get_datetime, now_datetime
from frappe.utils.password import get_decrypted_password, set_encrypted_password

from oropendola_payments.ai_billing.current import forget, payment_settings
from oropendola_payments.ai_billing.doctype.payment_event.payment_event import append_to_site

SETTINGS = "Payment Settings"
NEW, BEFORE = "frontend_secret", "frontend_secret_before"
OVERLAP = timedelta(hours=24)


def rotate() -> str:
	"""Create and return a new secret. The one before signs as well for a day, so that frontends can be changed in between."""
	secret = secrets.token_urlsafe(32)
	if before := _read(NEW):
		set_encrypted_password(SETTINGS, SETTINGS, before, BEFORE)
	set_encrypted_password(SETTINGS, SETTINGS, secret, NEW)
	frappe.db.set_single_value(SETTINGS, "frontend_secret_made_on", now_datetime())
	forget(SETTINGS)
	append_to_site("frontend_secret_rotated")
	return secret


def current_secrets() -> list[str]:
	"""Return the secrets that sign now, the newest first. Empty until a manager created one."""
	made_on = payment_settings().frontend_secret_made_on
	overlaps = made_on and get_datetime(made_on) > now_datetime() - OVERLAP
	return [secret for name in ((NEW, BEFORE) if overlaps else (NEW,)) if (secret := _read(name))]


def _read(name: str) -> str | None:
	return get_decrypted_password(SETTINGS, SETTINGS, name, raise_exception=False)
