"""Check an API key: find its subscription, or say why the key does not work."""

import time
from collections.abc import Callable

import frappe
from frappe import _
from frappe.utils import get_datetime, getdate, now_datetime

from oropendola_payments.ai_billing import formatting
from oropendola_payments.ai_billing.doctype.ai_api_key.ai_api_key import hash_key, is_well_formed
from oropendola_payments.ai_billing.periods import today
from oropendola_payments.engine.entitlements.scheduled_change import is_due, switch
from oropendola_payments.exceptions import PaymentRequired, Refusal, SubscriptionPaused, Unauthorized

# Finds every key that ever worked, so that the error can say why one does not. One row for each window in use, or one without.
FIND = """
	SELECT k.name, k.key_prefix, k.last_used_on, k.status AS key_status, k.suspended, k.valid_until, k.replaced_by,
		s.name AS subscription, s.modified, s.user, s.plan, s.status, s.start_date, s.end_date, s.months_from, s.month_days, s.weeks_from,
		s.daily_quota_limit, s.daily_quota_remaining, s.quota_reset_on, s.pause_until, s.switch_on,
		i.currency,
		(SELECT SUM(g.remaining) FROM `tabAI Credit Grant` g WHERE g.user = s.user AND g.remaining > 0
			AND (g.valid_until IS NULL OR g.valid_until >= %s)
			AND (COALESCE(g.plans, '') = '' OR FIND_IN_SET(s.plan, g.plans) > 0)) AS credits,
		w.name AS window_row, w.unique_key, w.used, w.not_bought, w.ends_at
	FROM `tabAI API Key` k JOIN `tabAI Subscription` s ON s.name = k.subscription
		LEFT JOIN `tabAI Invoice` i ON i.name = s.current_invoice
		LEFT JOIN `tabAI Usage Window` w ON w.subscription = s.name
	WHERE k.key_hash = %s
"""

WINDOW_FIELDS = ("unique_key", "used", "not_bought", "ends_at")

# With these a key sleeps or has ended with its subscription. What it took before can still be closed.
WITHOUT_SERVICE = ("subscription_cancelled", "subscription_ended", "subscription_paused")

WORDS_SECONDS, MOST_WORDS = 20, 1000
_words: dict[tuple[str, str | None, str], tuple[float, str]] = {}


def authenticate(api_key: str | None) -> tuple[frappe._dict, list[frappe._dict]]:
	"""Return the key with its subscription, and the records of the windows in use. A change of plan that is due happens first."""
	found = _find(api_key)
	return _find(api_key) if is_due(found[0].switch_on) and switch(found[0].subscription) else found


def identify(api_key: str | None) -> tuple[frappe._dict, Refusal | None]:
	"""Return the key, and the refusal if it does not work now. One that never existed is refused at once."""
	key = _rows(api_key)[0]
	try:
		_require_working(key)
	except Refusal as refusal:
		return key, refusal
	return key, None


def may_still_close(key: frappe._dict, refusal: Refusal, taken_with: str | None) -> bool:
	"""Return whether a key that does not work now may close what was taken with the key `taken_with`."""
	return refusal.reason in WITHOUT_SERVICE and taken_with == key.name


def _find(api_key: str | None) -> tuple[frappe._dict, list[frappe._dict]]:
	rows = _rows(api_key)
	_require_working(rows[0])
	return rows[0], [_window_of(row) for row in rows if row.window_row]


def _rows(api_key: str | None) -> list[frappe._dict]:
	frappe.local.flags.payments_key = None
	if not api_key:
		raise _no_key("key_missing", lambda: _("Please send your API key in the header X-API-Key."))
	if not is_well_formed(api_key):
		raise _no_key(
			"key_malformed",
			lambda: _("This is not a valid API key. Please check that you copied all of it."),
		)
	rows = frappe.db.sql(FIND, (today(), hash_key(api_key)), as_dict=True)
	if not rows:
		raise _no_key(
			"key_unknown", lambda: _("This API key is no longer valid. Please use your current one.")
		)
	frappe.local.flags.payments_key = rows[0]  # an answer may say what to buy
	return rows


def _no_key(reason: str, sentence: Callable[[], str]) -> Unauthorized:
	"""Return a refusal whose words this process keeps for a while: to look them up takes longer than to see that a key is none."""
	place, now = (frappe.local.site, frappe.local.lang, reason), time.monotonic()
	until, text = _words.get(place, (0, ""))
	if now >= until:
		if len(_words) >= MOST_WORDS:
			_words.clear()
		text = sentence()
		_words[place] = (now + WORDS_SECONDS, text)
	return Unauthorized(text, reason=reason)


def _window_of(row: frappe._dict) -> frappe._dict:
	return frappe._dict({field: row[field] for field in WINDOW_FIELDS}, name=row.window_row)


def _require_working(key: frappe._dict) -> None:
	"""Raise Unauthorized for a key that never works again, PaymentRequired for one that sleeps."""
	is_over = bool(key.valid_until) and get_datetime(key.valid_until) <= now_datetime()
	if key.suspended and not is_over:
		raise _paused(key) if key.status == "Paused" else ended()
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


def ended() -> PaymentRequired:
	message = _("Your subscription has ended. Please renew it to continue.")
	return PaymentRequired(message, reason="subscription_ended")


def _paused(key: frappe._dict) -> SubscriptionPaused:
	message = _("Your subscription is paused until {0}. You can resume it on the billing page.")
	is_over = getdate(key.pause_until) <= today()
	return SubscriptionPaused(
		message.format(formatting.day(key.pause_until)), key.subscription if is_over else None
	)
