"""Customers can stop payment reminders, from the email itself and without a login. Receipts and other notices still come."""

import hashlib
import hmac

import frappe
from frappe import _
from frappe.utils import get_url
from frappe.utils.password import get_encryption_key

from oropendola_payments.ai_billing import records
from oropendola_payments.exceptions import BadRequest

OPT_OUT = "AI Reminder Opt Out"
CHANNELS = ("Email", "SMS")


def has_opted_out(user: str, channel: str) -> bool:
	return bool(frappe.db.exists(OPT_OUT, {"user": user, "channel": channel}))


def address(invoice: str, channel: str) -> str:
	"""Return the page where the customer of this invoice can stop reminders. It names the invoice, not the person."""
	return get_url(f"/reminders?invoice={invoice}&channel={channel}&token={token_of(invoice, channel)}")


def stop_reminders(invoice: str, channel: str, token: str) -> None:
	"""Stop reminders for the customer of this invoice. Raises BadRequest unless the token is the one we sent. The caller commits."""
	user = _user_of(invoice, channel, token)
	if user:
		set_reminders(user, channel, enabled=False)


def stop_all_reminders(invoice: str, channel: str, token: str) -> None:
	"""As `stop_reminders`, by every channel: an SMS has no room for a link of its own. The caller commits."""
	user = _user_of(invoice, channel, token)
	if user:
		set_all_reminders(user, enabled=False)


def _user_of(invoice: str, channel: str, token: str) -> str | None:
	require_token(invoice, channel, token)
	return frappe.db.get_value("AI Invoice", invoice, "user")


def require_token(invoice: str, channel: str, token: str) -> None:
	expected = token_of(invoice, channel)
	if channel not in CHANNELS or not hmac.compare_digest(expected.encode(), token.encode()):
		raise BadRequest(_("This link is not complete. Please open it again from the email."))


def set_reminders(user: str, channel: str, enabled: bool) -> dict:
	"""Switch reminders by this channel on or off. The caller commits."""
	if channel not in CHANNELS:
		raise BadRequest(_("The channel must be one of: {0}.").format(", ".join(CHANNELS)))
	if enabled:
		frappe.db.delete(OPT_OUT, {"user": user, "channel": channel})
	elif not has_opted_out(user, channel):
		_add(user, channel)
	return {"channel": channel, "reminders": enabled}


def set_all_reminders(user: str, enabled: bool) -> None:
	"""Switch reminders on or off by every channel. The caller commits."""
	for channel in CHANNELS:
		set_reminders(user, channel, enabled)


def _add(user: str, channel: str) -> None:
	doc = records.new(OPT_OUT)
	doc.update({"user": user, "channel": channel})
	doc.add()


def token_of(invoice: str, channel: str) -> str:
	"""Return the secret part of the link, which only the emails of this invoice carry."""
	key = hashlib.sha256(b"oropendola-reminders|" + get_encryption_key().encode()).digest()
	return hmac.new(key, f"{invoice}|{channel}".encode(), hashlib.sha256).hexdigest()[:32]
