"""How much of each limit is used now."""

from typing import Any

from frappe import _
from frappe.utils import getdate, now_datetime

from oropendola_payments.ai_billing.current import current
from oropendola_payments.ai_billing.periods import midnight, today, tomorrow
from oropendola_payments.engine.entitlements.windows import term_of
from oropendola_payments.engine.metering import counters
from oropendola_payments.engine.metering.counters import Window
from oropendola_payments.engine.metering.key_check import authenticate
from oropendola_payments.engine.usage_ledger import history
from oropendola_payments.engine.usage_ledger.records import find, require_event_id
from oropendola_payments.exceptions import NotFound


def of_key(api_key: str | None, from_date: str | None = None, to_date: str | None = None) -> dict:
	"""Return what is left of each limit, and what this key used per day and model."""
	key, rows = authenticate(api_key)
	asked = history.period(key.subscription, from_date, to_date, api_key=key.name)
	return {"limits": limits_of(key, windows_of(key, rows)), **history.summary(asked)}


def event_of_key(api_key: str | None, event_id: str) -> dict:
	"""Return what one event of the subscription used."""
	require_event_id(event_id)
	key, _rows = authenticate(api_key)
	event = find(key.subscription, event_id)
	if not event:
		raise NotFound(_("There is no event {0}.").format(event_id))
	return event.summary()


def windows_of(subscription: Any, rows: list) -> list[Window]:
	"""Return the windows of the plan as they are now. `subscription` has its plan and dates, or is what a key check found."""
	plan = current("AI Plan", subscription.plan)
	term = term_of(subscription, plan)
	name = subscription.get("subscription") or subscription.name
	return counters.windows_from(rows, name, plan.limits, term, now_datetime())


def limits_of(subscription: Any, windows: list[Window]) -> list[dict]:
	"""Return all limits, the day's requests first."""
	return [*_day(subscription), *(window.summary() for window in windows)]


def _day(subscription: Any) -> list[dict]:
	limit = int(subscription.daily_quota_limit or 0)
	if limit <= 0:
		return []
	is_new = not subscription.quota_reset_on or getdate(subscription.quota_reset_on) <= today()
	remaining = limit if is_new else int(subscription.daily_quota_remaining)
	reset_on = tomorrow() if is_new else getdate(subscription.quota_reset_on)
	used = {"limit": limit, "used": limit - remaining, "remaining": remaining}
	return [{"window": "requests:day", **used, "resets_at": midnight(reset_on)}]
