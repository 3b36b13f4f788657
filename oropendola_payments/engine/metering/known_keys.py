"""Keys that this process found within the last second: their calls are taken without looking them up again.

What is remembered is never trusted. The statement that takes the call compares the subscription's `modified`, which every change of
the subscription, its plan or its keys renews, so a call of a key that was revoked meanwhile is not taken. Then, and if a limit is
reached, the key is looked up and the call is taken or refused as always.
"""

import time
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import frappe
from frappe.utils import get_datetime, now_datetime

from oropendola_payments.ai_billing.current import recent
from oropendola_payments.ai_billing.doctype.ai_api_key.ai_api_key import hash_key
from oropendola_payments.ai_billing.periods import today
from oropendola_payments.compat import is_conflict, update_and_tell, updates_tables_together
from oropendola_payments.engine.entitlements.scheduled_change import is_due
from oropendola_payments.engine.metering import counters, credits, quota
from oropendola_payments.engine.metering.costs import Call, ModelNotInPlan, costs_of
from oropendola_payments.engine.metering.counters import Window

REMEMBERED_SECONDS = 1
MOST_REMEMBERED = 10_000
TAKE = """
	UPDATE `tabAI Subscription`{tables} SET {s}daily_quota_remaining = {value}{sets}
	WHERE {s}name = %(subscription)s AND {s}modified = %(as_found)s AND {s}quota_reset_on = %(reset_on)s
		AND {s}daily_quota_remaining >= %(wanted)s{conditions}
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
		windows = _take(key, call)
	except ModelNotInPlan:
		windows = None  # the plan may be another one by now
	except Exception as error:
		if not is_conflict(error):
			raise
		windows = None
		frappe.db.rollback()
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
	if has_room and _count(key, call, windows, costs):
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
	return counters.windows_from(rows, key.subscription, plan.limits, quota.term_of(key, plan), now)


def _count(key: frappe._dict, call: Call, windows: list[Window], costs: dict[str, int]) -> bool:
	"""Count the call in the day and in all windows, with one statement where the database can. Return whether it was counted."""
	changing = [window for window in windows if costs[window.meter]]
	if not updates_tables_together() or not all(window.row for window in changing):
		return _take_from_day(key, call) and counters.count(key.subscription, windows, costs)
	if not _take_from_day(key, call, changing, costs):
		return False
	counters.note_taken(changing, costs)
	return True


def _take_from_day(
	key: frappe._dict, call: Call, windows: Sequence[Window] = (), costs: dict[str, int] | None = None
) -> bool:
	"""Take from the day, of which another process may have taken some since the key was found. Return whether it was taken."""
	values = {"subscription": key.subscription, "as_found": key.modified, "reset_on": key.quota_reset_on}
	values |= {"wanted": call.requests, **_values(windows, costs or {})}
	value = f"{'s.' if windows else ''}daily_quota_remaining - %(wanted)s"
	left = update_and_tell(_statement(windows), "daily_quota_remaining", value, values, 1 + len(windows))
	if left is None:
		return False
	key.daily_quota_remaining = left + call.requests  # as it was before this call
	return True


def _statement(windows: Sequence[Window]) -> str:
	"""Return the statement that takes from the day and counts in these windows, if nobody has changed them since they were read."""
	names = [f"w{number}" for number, _window in enumerate(windows)]
	return TAKE.format(
		value="{value}",
		s="s." if windows else "",
		tables=" s" * bool(windows) + "".join(f", `tabAI Usage Window` {w}" for w in names),
		sets="".join(f", {w}.used = %({w}_used)s, {w}.ends_at = %({w}_ends_at)s" for w in names),
		conditions="".join(
			f" AND {w}.name = %({w})s AND {w}.used = %({w}_was)s AND {w}.ends_at = %({w}_ended_at)s"
			for w in names
		),
	)


def _values(windows: Sequence[Window], costs: dict[str, int]) -> dict[str, Any]:
	values: dict[str, Any] = {}
	for number, window in enumerate(windows):
		w, (was, ended_at) = f"w{number}", window.read or (0, window.ends_at)
		values |= {w: window.row, f"{w}_was": was, f"{w}_ended_at": ended_at}
		values |= {f"{w}_used": window.used + costs[window.meter], f"{w}_ends_at": window.ends_at}
	return values
