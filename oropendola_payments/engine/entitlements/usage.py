"""Quota: consume requests with one atomic UPDATE, so that concurrent calls cannot exceed it."""

from datetime import timedelta

import frappe
from frappe import _
from frappe.utils import get_datetime, getdate, now_datetime

from oropendola_payments.ai_billing import formatting
from oropendola_payments.ai_billing.doctype.ai_api_key.ai_api_key import hash_key, is_well_formed
from oropendola_payments.ai_billing.periods import today
from oropendola_payments.compat import affected_rows
from oropendola_payments.engine.entitlements.scheduled_change import is_due, switch
from oropendola_payments.exceptions import (
	BadRequest,
	PaymentRequired,
	SubscriptionPaused,
	TooManyRequests,
	Unauthorized,
)

MAX_REQUESTS = 100_000

# Also does the daily reset on the first use of a new day, so that quotas work while the scheduler is stopped.
# `quota_reset_on` is set last: MariaDB evaluates assignments from left to right.
TAKE = """
	UPDATE `tabAI Subscription` SET
		daily_quota_remaining = CASE
			WHEN daily_quota_limit = -1 THEN -1
			WHEN quota_reset_on <= %(today)s THEN daily_quota_limit - %(wanted)s
			ELSE daily_quota_remaining - %(wanted)s END,
		quota_reset_on = CASE WHEN quota_reset_on <= %(today)s THEN %(tomorrow)s ELSE quota_reset_on END
	WHERE name = %(subscription)s AND status IN ('Active', 'Trial')
		AND (end_date IS NULL OR end_date > %(today)s)
		AND (daily_quota_limit = -1 OR %(wanted)s <= CASE
			WHEN quota_reset_on <= %(today)s THEN daily_quota_limit ELSE daily_quota_remaining END)
"""
# Finds every key that ever worked, so that the error can say why one does not.
FIND = """
	SELECT k.name, k.last_used_on, k.status AS key_status, k.suspended, k.valid_until, k.replaced_by,
		s.name AS subscription, s.status, s.end_date, s.daily_quota_limit, s.pause_until, s.switch_on
	FROM `tabAI API Key` k JOIN `tabAI Subscription` s ON s.name = k.subscription
	WHERE k.key_hash = %s
"""


def consume(api_key: str | None, requests: int) -> dict:
	"""Consume quota for `requests` calls, all or nothing, and return the balance."""
	if not 1 <= requests <= MAX_REQUESTS:
		raise BadRequest(_("requests must be between 1 and {0}.").format(MAX_REQUESTS))
	key = _authenticate(api_key)
	if is_due(key.switch_on) and switch(key.subscription):
		key = _authenticate(api_key)
	days = {"today": today(), "tomorrow": today() + timedelta(days=1)}
	frappe.db.sql(TAKE, {"subscription": key.subscription, "wanted": requests, **days})
	if affected_rows() != 1 and not _is_unlimited_now(key):
		_refuse(key, requests)
	_note_use(key)
	ends = {"key_valid_until": key.valid_until} if key.key_status == "Retiring" else {}
	return {**_balance(key.subscription), **ends}


def _authenticate(api_key: str | None) -> frappe._dict:
	if not api_key:
		raise Unauthorized(_("Please send your API key in the header X-API-Key."), reason="key_missing")
	if not is_well_formed(api_key):
		message = _("This is not a valid API key. Please check that you copied all of it.")
		raise Unauthorized(message, reason="key_malformed")
	rows = frappe.db.sql(FIND, hash_key(api_key), as_dict=True)
	if not rows:
		message = _("This API key is no longer valid. Please use your current one.")
		raise Unauthorized(message, reason="key_unknown")
	_require_working(rows[0])
	return rows[0]


def _require_working(key: frappe._dict) -> None:
	"""Raise Unauthorized for a key that never works again, PaymentRequired for one that sleeps."""
	is_over = bool(key.valid_until) and get_datetime(key.valid_until) <= now_datetime()
	if key.suspended and not is_over:
		raise _paused(key) if key.status == "Paused" else _ended()
	if key.key_status != "Revoked" and not is_over:
		return
	if key.status == "Cancelled":
		message = _("The subscription of this API key was cancelled. Please subscribe again.")
		raise Unauthorized(message, reason="subscription_cancelled")
	if is_over or key.replaced_by:
		message = _("This API key is no longer valid, because it was replaced. Please use the new one.")
		raise Unauthorized(message, reason="key_retired")
	message = _("This API key is no longer valid, because it was revoked. Please use your current one.")
	raise Unauthorized(message, reason="key_revoked")


def _ended() -> PaymentRequired:
	message = _("Your subscription has ended. Please renew it to continue.")
	return PaymentRequired(message, reason="subscription_ended")


def _paused(key: frappe._dict) -> SubscriptionPaused:
	message = _("Your subscription is paused until {0}. You can resume it on the billing page.")
	is_over = getdate(key.pause_until) <= today()
	return SubscriptionPaused(
		message.format(formatting.day(key.pause_until)), key.subscription if is_over else None
	)


def _is_unlimited_now(key: frappe._dict) -> bool:
	"""Return whether the key is unlimited and active: its UPDATE changes no value, and MariaDB then reports no affected row."""
	served = key.status in ("Active", "Trial") and (not key.end_date or key.end_date > today())
	return key.daily_quota_limit == -1 and served


def _refuse(key: frappe._dict, wanted: int) -> None:
	balance = _balance(key.subscription)
	if key.status not in ("Active", "Trial") or (key.end_date and key.end_date <= today()):
		raise _ended()
	message = _("You have {0} requests left today but asked for {1}. Your quota resets on {2}.")
	raise TooManyRequests(message.format(balance["remaining"], wanted, balance["reset_on"]))


def _balance(subscription: str) -> dict:
	row = frappe.db.get_value(
		"AI Subscription", subscription, ["daily_quota_remaining", "quota_reset_on"], as_dict=True
	)
	return {"allowed": True, "remaining": row.daily_quota_remaining, "reset_on": row.quota_reset_on}


def _note_use(key: frappe._dict) -> None:
	"""Store the date of use. At most one write a day, which is enough to see which keys are in use."""
	if key.last_used_on != today():
		frappe.db.sql("UPDATE `tabAI API Key` SET last_used_on = %s WHERE name = %s", (today(), key.name))
