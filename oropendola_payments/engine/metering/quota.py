"""Take a call from the quota of a subscription: from the day's requests and from all windows of its plan, or from none.

The day and the windows are counted as they were read, if nobody changed them meanwhile. Otherwise the subscription is locked first,
and they are read again. So what is left is known exactly without another query.
"""

from datetime import date, datetime, timedelta
from typing import Any

import frappe
from frappe import _
from frappe.utils import getdate, now_datetime

from oropendola_payments.ai_billing.current import current, recent
from oropendola_payments.ai_billing.periods import midnight, today
from oropendola_payments.compat import affected_rows
from oropendola_payments.engine.core.transactions import tried
from oropendola_payments.engine.entitlements.windows import TERM_FIELDS, term_of
from oropendola_payments.engine.metering import counters
from oropendola_payments.engine.metering.costs import Call, costs_of
from oropendola_payments.engine.metering.counters import Window
from oropendola_payments.engine.metering.key_check import ended
from oropendola_payments.exceptions import ConcurrentChange, QuotaUsedUp

SERVED = ("Active", "Trial")
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
# The same when nobody has changed the day since it was read. What is left is then known without asking.
TAKE_AS_READ = """
	UPDATE `tabAI Subscription` SET daily_quota_remaining = %(left)s, quota_reset_on = %(reset_on)s
	WHERE name = %(subscription)s AND status IN ('Active', 'Trial')
		AND (end_date IS NULL OR end_date > %(today)s)
		AND daily_quota_limit = %(limit)s AND daily_quota_remaining = %(remaining)s AND quota_reset_on = %(known_reset)s
"""
# Never above the limit, which may have become smaller since the grant, and never below 0: -1 would be without limit.
GIVE_BACK = """
	UPDATE `tabAI Subscription` SET daily_quota_remaining = CASE
		WHEN daily_quota_remaining + %(unspent)s > daily_quota_limit THEN daily_quota_limit
		WHEN daily_quota_remaining + %(unspent)s < 0 THEN 0
		ELSE daily_quota_remaining + %(unspent)s END
	WHERE name = %(subscription)s AND status IN ('Active', 'Trial')
		AND quota_reset_on = %(day)s AND daily_quota_limit <> -1
"""
# Locking, because what this transaction read first may be older than what the UPDATE saw.
DAY = """
	SELECT status, end_date, daily_quota_limit, daily_quota_remaining, quota_reset_on
	FROM `tabAI Subscription` WHERE name = %s FOR UPDATE
"""
MAX_ROUNDS = 5


def take(key: frappe._dict, rows: list[frappe._dict], call: Call) -> list[Window]:
	"""Take the call and return the plan's windows as they are now. Raises QuotaUsedUp, or PaymentRequired after the end.

	A refusal leaves changes behind that the caller rolls back, as every refusal of the API does.
	"""
	plan = recent("AI Plan", key.plan)
	costs = costs_of(call, plan.models)
	if not plan.limits:
		if not tried(_take_day_alone, key, call.requests):
			_take_day_alone(key, call.requests)
		return []
	now = now_datetime()
	windows = counters.windows_from(rows, key.subscription, plan.limits, term_of(key, plan), now)
	require_room(windows, costs)
	if not counters.begins_period(windows) and tried(_take_at_once, key, windows, call, costs):
		return windows
	return _take_again(key, call, now)  # a period's end is read under the lock


def _take_at_once(key: frappe._dict, windows: list[Window], call: Call, costs: dict[str, int]) -> bool:
	"""Take the call as it was read. Return False if somebody else has changed something since."""
	_take_from_day(key, call.requests)
	return counters.count(key.subscription, windows, costs)


def look(key: frappe._dict, rows: list[frappe._dict], call: Call) -> list[Window]:
	"""Return the plan's windows if the call would fit now, and take nothing. Raises what `take` would raise."""
	plan, now = recent("AI Plan", key.plan), now_datetime()
	windows = counters.windows_from(rows, key.subscription, plan.limits, term_of(key, plan), now)
	require_room(windows, costs_of(call, plan.models))
	if not is_served(key) or (key.daily_quota_limit != -1 and call.requests > left_today(key)):
		_refuse_day(key, call.requests)
	return windows


def left_today(key: frappe._dict) -> int:
	"""Return how many requests of the day were left when the key was read."""
	return day_after(key, 0)[0]


def day_after(key: frappe._dict, taken: int) -> tuple[int, date]:
	"""Return what is left of the day that was read with the key after `taken` requests, -1 if unlimited, and when it is full again."""
	is_new_day = not key.quota_reset_on or getdate(key.quota_reset_on) <= today()
	reset_on = today() + timedelta(days=1) if is_new_day else getdate(key.quota_reset_on)
	if key.daily_quota_limit == -1:
		return -1, reset_on
	return (key.daily_quota_limit if is_new_day else key.daily_quota_remaining) - taken, reset_on


def _take_again(key: frappe._dict, call: Call, now: datetime) -> list[Window]:
	"""Take under the lock of the subscription, after another call has changed the windows."""
	for _round in range(MAX_ROUNDS):
		frappe.db.rollback()
		_take_from_day(key, call.requests)  # locks the subscription
		plan, costs = _plan_as_locked(key, call)
		windows = counters.windows_now(key.subscription, plan.limits, term_of(key, plan), now)
		require_room(windows, costs)
		if counters.count(key.subscription, windows, costs):
			_read_day_again(key, call.requests)
			return windows
	raise too_many_calls()


def _plan_as_locked(key: frappe._dict, call: Call) -> tuple[Any, dict[str, int]]:
	"""Read the plan and its dates again: a window must not begin with those before a change that was made meanwhile."""
	fields = ["plan", *TERM_FIELDS]
	key.update(frappe.db.get_value("AI Subscription", key.subscription, fields, as_dict=True))
	plan = current("AI Plan", key.plan)
	return plan, costs_of(call, plan.models)


def too_many_calls() -> ConcurrentChange:
	return ConcurrentChange(_("Too many calls at once. Please try again."))


def _read_day_again(key: frappe._dict, taken: int) -> None:
	"""Correct what was read before another call changed it, so that answers and thresholds are exact."""
	row = frappe.db.sql(DAY, (key.subscription,), as_dict=True)[0]
	key.update(row)
	if row.daily_quota_limit != -1:
		key.daily_quota_remaining += taken


def _take_day_alone(key: frappe._dict, requests: int) -> bool:
	"""Take from the day of a plan without windows. True, because it is taken or refused."""
	if not _take_as_read(key, requests) and _take_from_day(key, requests):
		_read_day_again(key, requests)
	return True


def _take_as_read(key: frappe._dict, requests: int) -> bool:
	"""Take from the day if it is as it was read, and return whether it was."""
	left, reset_on = day_after(key, requests)
	if left < 0:  # unlimited, or not enough
		return False
	known = {
		"limit": key.daily_quota_limit,
		"remaining": key.daily_quota_remaining,
		"known_reset": key.quota_reset_on,
	}
	new = {"left": left, "reset_on": reset_on, "subscription": key.subscription, "today": today()}
	frappe.db.sql(TAKE_AS_READ, {**known, **new})
	return affected_rows() == 1


def _take_from_day(key: frappe._dict, requests: int) -> bool:
	"""Take from the day, and return whether it is limited."""
	days = {"today": today(), "tomorrow": today() + timedelta(days=1)}
	frappe.db.sql(TAKE, {"subscription": key.subscription, "wanted": requests, **days})
	if affected_rows() == 1:
		return True
	if not _is_unlimited(key):
		_read_day_again(key, 0)
		if not _is_unlimited(key):
			_refuse_day(key, requests)
	return False


def _is_unlimited(key: frappe._dict) -> bool:
	"""Return whether the key is unlimited and active: its UPDATE changes no value, and MariaDB then reports no affected row."""
	return key.daily_quota_limit == -1 and is_served(key)


def is_served(key: frappe._dict) -> bool:
	return key.status in SERVED and (not key.end_date or key.end_date > today())


def _refuse_day(key: frappe._dict, wanted: int) -> None:
	if not is_served(key):
		raise ended()
	left, reset_on = day_after(key, 0)
	message = _("You have {0} requests left today but asked for {1}. Your quota resets on {2}.")
	raise QuotaUsedUp(
		message.format(left, wanted, reset_on), window="requests:day", retry_after=seconds_to(reset_on)
	)


def give_back(subscription: str, unspent: int, reset_on: date) -> None:
	"""Give requests back to the day that ends at `reset_on`, or take some if below 0. The caller holds the subscription's lock."""
	frappe.db.sql(GIVE_BACK, {"subscription": subscription, "unspent": unspent, "day": reset_on})


def seconds_to(day: date) -> int:
	return max(1, int((midnight(getdate(day)) - now_datetime()).total_seconds()))


def require_room(windows: list[Window], costs: dict[str, int]) -> None:
	"""Raise QuotaUsedUp, for the window that is free again last, if one of them has no room."""
	full = counters.violated(windows, costs)
	if not full:
		return
	last = max(full, key=lambda window: window.ends_at)
	message = _("You have reached the limit of {0} {1} per {2}. It resets at {3}.")
	text = message.format(
		last.allowance, last.meter_name(), last.window_name(), last.ends_at.strftime("%Y-%m-%d %H:%M")
	)
	raise QuotaUsedUp(text, window=last.slug, retry_after=last.seconds_left(now_datetime()))
