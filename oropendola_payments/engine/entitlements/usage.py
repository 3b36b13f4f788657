"""Quota: consume requests with one atomic UPDATE, so that concurrent calls cannot exceed it."""

from datetime import timedelta

import frappe
from frappe import _
from frappe.utils import getdate

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
# Also finds suspended keys, whose subscription has ended, so that the error can say so instead of "invalid key".
FIND = """
	SELECT k.name, k.last_used_on, k.suspended, s.name AS subscription, s.status, s.end_date, s.daily_quota_limit,
		s.pause_until, s.switch_on
	FROM `tabAI API Key` k JOIN `tabAI Subscription` s ON s.name = k.subscription
	WHERE k.key_hash = %s AND ((k.status = 'Active' AND s.api_key_link = k.name) OR k.suspended = 1)
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
	return _balance(key.subscription)


def _authenticate(api_key: str | None) -> frappe._dict:
	if not api_key:
		raise Unauthorized(_("Please send your API key in the header X-API-Key."))
	if not is_well_formed(api_key):
		raise Unauthorized(_("This is not a valid API key. Please check that you copied all of it."))
	rows = frappe.db.sql(FIND, hash_key(api_key), as_dict=True)
	if not rows:
		raise Unauthorized(_("This API key is no longer valid. Please use your current one."))
	if rows[0].status == "Paused":
		raise _paused(rows[0])
	if rows[0].suspended:
		raise _ended()
	return rows[0]


def _ended() -> PaymentRequired:
	return PaymentRequired(_("Your subscription has ended. Please renew it to continue."))


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
