"""Pay a call with the customer's credits once the quota of the plan is used up.

The plan comes first. Credits replace what a day or a longer window allows; windows of a minute or an hour limit the speed, so they
are counted for calls that are paid with credits too. A call is paid by the plan or by credits, never by both.
"""

from datetime import datetime
from typing import Any

import frappe
from frappe.utils import now_datetime

from oropendola_payments.ai_billing.credit_units import in_credits
from oropendola_payments.ai_billing.current import current
from oropendola_payments.engine.core.transactions import lock
from oropendola_payments.engine.entitlements.windows import term_of
from oropendola_payments.engine.metering import counters, quota
from oropendola_payments.engine.metering.costs import Call, costs_of
from oropendola_payments.engine.metering.counters import Window
from oropendola_payments.engine.wallet.draw import draw
from oropendola_payments.exceptions import QuotaUsedUp

SPEED = ("Minute", "Hour")
CREDITS = "Credits"


def take(
	key: frappe._dict, rows: list[frappe._dict], call: Call, reference: str | None = None
) -> list[Window]:
	"""Take the call from the plan's quota, or from the customer's credits if it is used up. Raises QuotaUsedUp if neither is enough.

	`key.source` says then what paid. `reference` is stored with the credits, so that what is not used can be given back.
	"""
	try:
		return quota.take(key, rows, call)
	except QuotaUsedUp:
		windows = _pay(key, rows, call, reference) if _can_pay(key, call) else None
		if windows is None:
			raise
		return windows


def look(key: frappe._dict, rows: list[frappe._dict], call: Call) -> list[Window]:
	"""Return the plan's windows if `take` would take the call now, and take nothing. Raises what `take` would raise."""
	try:
		return quota.look(key, rows, call)
	except QuotaUsedUp:
		if not _can_pay(key, call):
			raise
	plan, now = current("AI Plan", key.plan), now_datetime()
	windows = counters.windows_from(rows, key.subscription, plan.limits, term_of(key, plan), now)
	quota.require_room([window for window in windows if window.name in SPEED], costs_of(call, plan.models))
	return windows


def price_of(plan: str, call: Call) -> int:
	"""Return what the call costs in thousandths of a credit: its units."""
	return costs_of(call, current("AI Plan", plan).models)["Units"]


def paid(key: frappe._dict) -> bool:
	"""Return whether credits paid what was last taken with the key."""
	return key.source == CREDITS


def shown(key: frappe._dict) -> dict:
	"""Return what the answer says about credits, if they paid."""
	if not paid(key):
		return {}
	return {"credits": {"used": in_credits(key.credits_used), "remaining": in_credits(key.credits)}}


def _can_pay(key: frappe._dict, call: Call) -> bool:
	"""Return whether the credits that were read are enough. A call without units is not paid: it would be free without limit."""
	return 0 < price_of(key.plan, call) <= int(key.credits or 0) and quota.is_served(key)


def _pay(
	key: frappe._dict, rows: list[frappe._dict], call: Call, reference: str | None
) -> list[Window] | None:
	frappe.db.rollback()  # what the refusal by the quota may have left behind
	plan, now, price = current("AI Plan", key.plan), now_datetime(), price_of(key.plan, call)
	counted = _count_speed(key, plan, call, now)
	left = draw(key.user, key.plan, price, key.subscription, reference)
	if left is None:
		return None
	key.update({"source": CREDITS, "credits_used": price, "credits": left})
	windows = counters.windows_from(rows, key.subscription, plan.limits, term_of(key, plan), now)
	return [counted.get(window.key, window) for window in windows]


def _count_speed(key: frappe._dict, plan: Any, call: Call, now: datetime) -> dict[str, Window]:
	"""Count the call in the windows that limit the speed, under the subscription's lock. Raises QuotaUsedUp if one is full."""
	limits = [limit for limit in plan.limits if limit.time_window in SPEED]
	if not limits:
		return {}
	lock("AI Subscription", key.subscription)
	windows = counters.windows_now(key.subscription, limits, term_of(key, plan), now)
	costs = costs_of(call, plan.models)
	quota.require_room(windows, costs)
	if not counters.count(key.subscription, windows, costs):
		raise quota.too_many_calls()
	return {window.key: window for window in windows}
