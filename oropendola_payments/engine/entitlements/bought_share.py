"""How much of a long allowance is bought, where the plan was changed within its window or parts of a period are owed.

A price is counted by days, so the allowance of a week, a month or a period is too: who changes to a large plan on the last day of a
month gets a day's share of its allowance beside that of the old one, not a month's. The caller holds the subscription's lock and commits.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import frappe
from frappe.utils import now_datetime

from oropendola_payments.ai_billing.current import current
from oropendola_payments.ai_billing.doctype.ai_plan.ai_plan import AIPlan
from oropendola_payments.ai_billing.doctype.ai_subscription.ai_subscription import AISubscription
from oropendola_payments.ai_billing.doctype.ai_usage_window.ai_usage_window import key_of
from oropendola_payments.ai_billing.periods import today
from oropendola_payments.engine.core import after_commit
from oropendola_payments.engine.core.transactions import in_transaction, lock, safely
from oropendola_payments.engine.entitlements.paid_periods import PaidPeriod, next_paid
from oropendola_payments.engine.entitlements.windows import LONG, Span, span_of, term_of

SET = (
	"UPDATE `tabAI Usage Window` SET not_bought = %(share)s WHERE unique_key = %(key)s AND ends_at > %(now)s"
)


def recount(subscription: AISubscription, paid_in_full: str | None = None) -> None:
	"""Count again what is bought of the windows that run, after a change of plan or a part that was paid.

	A window that begins later is counted then. `paid_in_full` is an invoice whose row is not written yet.
	"""
	plan = subscription.get_plan()
	limits = long_limits(plan.limits)
	period = next_paid(subscription.name, today()) if limits else None
	if period and period.invoice == paid_in_full:
		period = replace(period, days_owed=0, days_not_bought=0)
	term = term_of(subscription, plan, period)
	for limit in limits:
		share = not_bought(limit, span_of(limit.time_window, today(), term), period)
		key = key_of(subscription.name, limit.meter, limit.time_window)
		frappe.db.sql(SET, {"share": share, "key": key, "now": now_datetime()})


def plan_saved(plan: AIPlan, method: str | None = None) -> None:
	"""For `doc_events`: what is not bought was counted with the allowances that the plan had, and may be more than all it has now."""
	before = plan.get_doc_before_save()
	if before and _allowances(before) != _allowances(plan):
		after_commit.enqueue_after_commit(
			"oropendola_payments.engine.entitlements.bought_share.recount_plan", plan=plan.name
		)


def recount_plan(plan: str) -> None:
	"""Count again for the subscriptions of a plan that keep something back."""
	window, subscription = frappe.qb.DocType("AI Usage Window"), frappe.qb.DocType("AI Subscription")
	query = frappe.qb.from_(window).join(subscription).on(subscription.name == window.subscription)
	query = query.select(subscription.name).distinct().where(subscription.plan == plan)
	for name in query.where((window.not_bought > 0) & (window.ends_at > now_datetime())).run(pluck=True):
		safely(partial(in_transaction, _recount_locked, name), "a recount of what is bought")


def _recount_locked(name: str) -> None:
	recount(lock("AI Subscription", name))


def _allowances(plan: AIPlan) -> dict[tuple[str, str], int]:
	return {(limit.meter, limit.time_window): int(limit.allowance) for limit in long_limits(plan.limits)}


def not_bought(limit: Any, span: Span, period: PaidPeriod | None) -> int:
	"""Return what of the allowance of this window is not bought, if its subscription has the plan of `limit` now."""
	if not period:
		return 0
	allowance = int(limit.allowance)
	bought, since = 0, 0
	for plan, day in _plans_before(limit.time_window, span, period):
		bought += _allowance(plan, limit) * (day - since)
		since = day
	bought += allowance * (span.days - since - _days_not_bought(limit.time_window, span, period))
	return max(0, allowance * span.days - bought) // span.days


def _days_not_bought(window: str, span: Span, period: PaidPeriod) -> int:
	if window == "Period":
		return period.days_not_bought
	return span.days_within(period.ends_on, period.ends_on + timedelta(days=period.days_not_bought))


def long_limits(limits: Iterable[Any]) -> list[Any]:
	return [limit for limit in limits if limit.time_window in LONG]


def _plans_before(window: str, span: Span, period: PaidPeriod) -> Iterator[tuple[str, int]]:
	"""Yield each plan that the subscription had in this window before, and on which of its days it was left.

	What was before a new period does not count: it is paid in full. A pause makes a period longer, so its days are counted from the
	end of what is bought of it, as they were when the plan was changed.
	"""
	bought = span.days - period.days_not_bought
	restarted = max((number for number, step in enumerate(period.steps) if step.restarts), default=-1)
	for step in period.steps[restarted + 1 :]:
		if window != "Period":
			later = timedelta(days=step.paused_days if span.is_moved else 0)
			yield step.plan, span.days_before(step.on + later)
		elif step.invoice == period.invoice:
			yield step.plan, bought - min(bought, step.days_left)


def _allowance(plan: str, limit: Any) -> int:
	same = (
		other
		for other in current("AI Plan", plan).limits
		if (other.meter, other.time_window) == (limit.meter, limit.time_window)
	)
	return next((int(other.allowance) for other in same), 0)
