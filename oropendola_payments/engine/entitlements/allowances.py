"""Which allowances begin anew and which go on when service starts, starts again or gets other days.

What was used of an allowance is in the subscription's usage windows. Minutes to months follow the clock and the first day. A window
of a *period* is what one invoice pays for, so it begins and ends with what is paid. Where a new period gives the subscription another
first day, its months begin with it too. Days without service that move what is paid move the weeks and months too. Free plans pay for
nothing: starting one again refills nothing. The caller holds the subscription's lock and commits.
"""

from datetime import date, datetime, timedelta
from typing import Any

import frappe
from frappe.utils import cint, get_datetime, getdate, now_datetime

from oropendola_payments.ai_billing.current import current
from oropendola_payments.ai_billing.doctype.ai_invoice.ai_invoice import AIInvoice
from oropendola_payments.ai_billing.doctype.ai_plan.ai_plan import FROM_THE_FIRST_DAY
from oropendola_payments.ai_billing.doctype.ai_subscription.ai_subscription import AISubscription
from oropendola_payments.ai_billing.doctype.ai_usage_window.ai_usage_window import add_window, key_of
from oropendola_payments.ai_billing.periods import midnight, today
from oropendola_payments.compat import affected_rows
from oropendola_payments.engine.entitlements.paid_periods import PaidPeriod, next_paid
from oropendola_payments.engine.entitlements.windows import LONG, delayed, span_of, term_of

END = """
	UPDATE `tabAI Usage Window` SET ends_at = %(at)s
	WHERE subscription = %(subscription)s AND time_window IN %(windows)s AND ends_at > %(after)s
"""
# Those who have the plan, or left it by a change, with the day of that. Locking, because what this transaction read first may be
# older than the last call that was counted. The fullest comes last.
OF_THE_SAME_PLAN = """
	SELECT w.meter, w.time_window, w.used, w.ends_at, s.start_date, s.plan, (
		SELECT MAX(c.applied_on) FROM `tabAI Plan Change` c
		WHERE c.subscription = s.name AND c.from_plan = %(plan)s AND c.status = 'Applied') AS left_on
	FROM `tabAI Usage Window` w JOIN `tabAI Subscription` s ON s.name = w.subscription
	WHERE s.user = %(user)s AND s.name <> %(name)s AND w.ends_at > %(now)s ORDER BY w.used FOR UPDATE
"""
AT_LEAST = """
	UPDATE `tabAI Usage Window` SET used = %(used)s, ends_at = %(ends_at)s
	WHERE unique_key = %(key)s AND (ends_at <= %(now)s OR used <= %(used)s)
"""
WINDOW = "AI Usage Window"
LONGEST = {
	"Minute": timedelta(minutes=1),
	"Hour": timedelta(hours=1),
	"Day": timedelta(days=1),
	"Week": timedelta(days=7),
	"Month": timedelta(days=31),
	"Period": timedelta(days=366),
}

# Paid periods -------------------------------------------------------------------------------------


def begin_period(subscription: AISubscription, invoice: AIInvoice) -> None:
	"""Before an invoice is served: after a gap, its period has an allowance of its own. Later parts of it go on with theirs."""
	if subscription.continues():
		return
	if not cint(invoice.covered_days):
		_end_today(subscription, invoice.plan)
		return
	since = min(getdate(subscription.end_date), today())
	end = since + timedelta(days=cint(invoice.period_days) - cint(invoice.covered_days))
	subscription.write(**delay(subscription, since, today() - since, end))


def follow_period(subscription: AISubscription, on: date) -> None:
	"""Have what was counted in the paid period of this day end with it, after its days were moved."""
	period = next_paid(subscription.name, on)
	if period:
		end_with(subscription, period.starts_on, period.ends_with_all_parts(), on)


def follow_month(subscription: AISubscription, period: PaidPeriod, on: date, since: datetime) -> None:
	"""Have what was counted in the month of this day end with it, after the subscription went back to this period.

	`since` is when it was left. Pauses after that moved the month, but not the windows that had ended then.
	"""
	plan, moved = subscription.get_plan(), timedelta(days=period.days_moved)
	if moved:
		whole = period.ends_on + timedelta(days=period.days_not_bought)
		to = delayed(term_of(subscription, plan), on - moved, moved, whole - moved)
		subscription.write(months_from=to["months_from"], month_days=to["month_days"])
	month = span_of("Month", on, term_of(subscription, plan))
	begins_on = month.begins_on - _paused_since(subscription.name, getdate(since))
	_end(subscription, month.ends_on, after=begins_on, windows=("Month",))


def end_with(subscription: AISubscription, starts_on: date, ends_on: date, on: date) -> None:
	"""Have what was counted in this period end with it, if it runs on this day."""
	if starts_on <= on:
		_end(subscription, ends_on, after=starts_on)


def delay(subscription: AISubscription, since: date, days: timedelta, end: date) -> dict[str, Any]:
	"""Have the weeks, months and periods that ran when service stopped run on after so many days without it.

	Return what the caller writes of it. `end` is that of all that was paid, or is owed, when service stopped.
	"""
	term = term_of(subscription, subscription.get_plan())
	to, month = delayed(term, since, days, end), span_of("Month", since, term)
	later = {"Month": to["months_from"] - month.ends_on}
	running = {"subscription": subscription.name, "time_window": ("in", LONG)}
	rows = frappe.get_all(
		WINDOW, {**running, "ends_at": (">", midnight(since))}, ["name", "time_window", "ends_at"]
	)
	for row in rows:
		ends_at = get_datetime(row.ends_at) + later.get(row.time_window, days)
		frappe.db.set_value(WINDOW, row.name, "ends_at", ends_at)
	return to


def _paused_since(subscription: str, day: date) -> timedelta:
	pauses = {"parent": subscription, "parenttype": "AI Subscription", "paused_on": (">=", day)}
	return timedelta(days=sum(frappe.get_all("AI Subscription Pause", pauses, pluck="days")))


def restart(subscription: AISubscription, plan: str, end: date | None, **values: Any) -> None:
	"""Start another plan today. From one free plan to another, which have no end, what was used still counts."""
	stays_free = not end and subscription.start_date and not subscription.end_date
	if not stays_free:
		_end_today(subscription, plan)
	since = getdate(subscription.start_date) if stays_free else None
	subscription.restart(plan, end, since, **values)
	if not end:
		_count_again(subscription, _used_before(subscription))


def _end_today(subscription: AISubscription, next_plan: str | None) -> None:
	plans = {subscription.plan, next_plan or subscription.plan}
	if any(current("AI Plan", plan).counts_from_first_day() for plan in plans):
		_end(subscription, today(), after=today(), windows=FROM_THE_FIRST_DAY)


def _end(
	subscription: AISubscription, day: date, after: date, windows: tuple[str, ...] = ("Period",)
) -> None:
	"""Have the windows of periods, or of months, that end after one day end at another."""
	days = {"at": midnight(day), "after": midnight(after), "windows": windows}
	frappe.db.sql(END, {"subscription": subscription.name, **days})


# Free plans ---------------------------------------------------------------------------------------


def start_free(subscription: AISubscription, reveal_key: bool = True) -> str | None:
	"""Start a free plan. If its user had it before and a month or period still runs, that one goes on. Return the key."""
	used = _used_before(subscription)
	days = [row.start_date for row in used if row.start_date and row.time_window in FROM_THE_FIRST_DAY]
	today_used = {"daily_quota_remaining": 0} if _had_today(subscription) else {}
	key = subscription.start_free(reveal_key, min(map(getdate, days), default=None), **today_used)
	_count_again(subscription, used)
	return key


def _had_today(subscription: AISubscription) -> bool:
	"""Return whether the day is limited and the user had this plan today already: its requests may be used up."""
	if subscription.get_plan().daily_limit() == -1:
		return False
	same = {"user": subscription.user, "plan": subscription.plan, "name": ("!=", subscription.name)}
	left = {"user": subscription.user, "from_plan": subscription.plan, "status": "Applied"}
	return bool(
		frappe.db.exists("AI Subscription", {**same, "quota_reset_on": (">", today())})
		or frappe.db.exists("AI Plan Change", {**left, "applied_on": (">=", midnight(today()))})
	)


def _used_before(subscription: AISubscription) -> list[frappe._dict]:
	"""Return what the user has used of this plan in other subscriptions, in the windows that still run."""
	if not subscription.get_plan().limits:
		return []
	whose = {"user": subscription.user, "plan": subscription.plan, "name": subscription.name}
	rows = frappe.db.sql(OF_THE_SAME_PLAN, {**whose, "now": now_datetime()}, as_dict=True)
	return [row for row in rows if row.plan == subscription.plan or _left_within(row)]


def _left_within(row: frappe._dict) -> bool:
	"""Return whether the plan was left after this window began, at the earliest."""
	return bool(row.left_on) and get_datetime(row.left_on) > row.ends_at - LONGEST[row.time_window]


def _count_again(subscription: AISubscription, used: list[frappe._dict]) -> None:
	for row in {(row.meter, row.time_window): row for row in used}.values():
		key = key_of(subscription.name, row.meter, row.time_window)
		values = {"key": key, "used": int(row.used), "ends_at": row.ends_at, "now": now_datetime()}
		frappe.db.sql(AT_LEAST, values)
		if not affected_rows() and not frappe.db.exists(WINDOW, {"unique_key": key}):
			add_window(subscription.name, row.meter, row.time_window, int(row.used), row.ends_at)
