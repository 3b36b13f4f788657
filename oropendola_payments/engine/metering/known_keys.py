"""Keys that this process found within the last second: their calls are taken without looking them up again.

What is remembered is never trusted. The statement that takes the call compares the subscription's `modified`, which every change of
the subscription, its plan or its keys renews, so a call of a key that was revoked meanwhile is not taken. Then, and if a limit is
reached, the key is looked up and the call is taken or refused as always.
"""

import time
from datetime import datetime
from typing import Any

import frappe
from frappe.utils import get_datetime, now_datetime

from oropendola_payments.ai_billing.current import recent
from oropendola_payments.ai_billing.doctype.ai_api_key.ai_api_key import hash_key
from oropendola_payments.ai_billing.periods import today
from oropendola_payments.compat import update_and_tell
from oropendola_payments.engine.core.transactions import tried
from oropendola_payments.engine.entitlements.scheduled_change import is_due
from oropendola_payments.engine.entitlements.windows import term_of
from oropendola_payments.engine.metering import counters, credits, quota
from oropendola_payments.engine.metering.costs import Call, ModelNotInPlan, costs_of
from oropendola_payments.engine.metering.counters import Window

REMEMBERED_SECONDS = 1
MOST_REMEMBERED = 10_000
TAKE = """
	UPDATE `tabAI Subscription` SET daily_quota_remaining = {value}
	WHERE name = %(subscription)s AND modified = %(as_found)s AND quota_reset_on = %(reset_on)s
		AND daily_quota_remaining >= %(wanted)s
"""

_remembered: dict[tuple[str, str], tuple[float, frappe._dict]] = {}


def remember(api_key: str, key: frappe._dict) -> None:
	"""Remember a key whose call was just taken from a limited day."""
	if credits.paid(key) or key.daily_quota_limit == -1:
		return
	if len(_remembered) >= MOST_REMEMBERED:
		_remembered.clear()
	_remembered[_place(api_key)] = (time.monotonic() + REMEMBERED_SECONDS, key)


def take(api_key: str | None, call: Call) -> tuple[frappe._dict, list[Window]] | None:
	"""Take the call with a key that is remembered, and return it with the plan's windows as they are now.

	Return None, and take nothing, if the key must be looked up.
	"""
	key = _lately_found(api_key) if api_key else None
	if not key:
		return None
	try:
		windows = tried(_take, key, call)
	except ModelNotInPlan:
		windows = None  # the plan may be another one by now
	if windows is None:
		_remembered.pop(_place(api_key or ""), None)
		return None
	frappe.local.flags.payments_key = key  # an answer may say what to buy
	return key, windows


def _take(key: frappe._dict, call: Call) -> list[Window] | None:
	plan, now = recent("AI Plan", key.plan), now_datetime()
	costs = costs_of(call, plan.models)
	windows = _windows(key, plan, now)
	has_room = not counters.begins_period(windows) and not counters.violated(windows, costs)
	if has_room and _take_from_day(key, call) and counters.count(key.subscription, windows, costs):
		return windows
	if plan.limits:
		frappe.db.rollback()  # the day may be counted, and the next read must see what others did meanwhile
	return None


def _place(api_key: str) -> tuple[str, str]:
	return frappe.local.site, hash_key(api_key)


def _lately_found(api_key: str) -> frappe._dict | None:
	"""Return the key as it was found, unless what ends by the clock has ended since."""
	until, key = _remembered.get(_place(api_key), (0, None))
	if not key or time.monotonic() >= until:
		return None
	day = today()
	is_same_day = key.last_used_on == day and key.quota_reset_on > day
	is_over = key.valid_until and get_datetime(key.valid_until) <= now_datetime()
	if not is_same_day or is_over or not quota.is_served(key) or is_due(key.switch_on):
		return None
	return frappe._dict(key)


def _windows(key: frappe._dict, plan: Any, now: datetime) -> list[Window]:
	if not plan.limits:
		return []
	rows = counters.rows_of(key.subscription)
	return counters.windows_from(rows, key.subscription, plan.limits, term_of(key, plan), now)


def _take_from_day(key: frappe._dict, call: Call) -> bool:
	"""Take from the day, of which another process may have taken some since the key was found. Return whether it was taken."""
	known = {"subscription": key.subscription, "as_found": key.modified, "reset_on": key.quota_reset_on}
	left = update_and_tell(
		TAKE,
		"daily_quota_remaining",
		"daily_quota_remaining - %(wanted)s",
		{**known, "wanted": call.requests},
	)
	if left is None:
		return False
	key.daily_quota_remaining = left + call.requests  # as it was before this call
	return True
