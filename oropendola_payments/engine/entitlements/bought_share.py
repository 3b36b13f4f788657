"""How much of a long allowance is bought, where a plan has begun within its window or parts of a period are owed.

A price is counted by days, so the allowance of a week, a month or a period is too: who changes to a large plan on the last day of a
month gets a day's share of its allowance beside what is left of the old one, not a month's. The caller holds the subscription's lock
and commits.
"""

from collections.abc import Iterable, Iterator
from datetime import date
from typing import Any

import frappe
from frappe.utils import now_datetime

from oropendola_payments.ai_billing.doctype.ai_subscription.ai_subscription import AISubscription
from oropendola_payments.ai_billing.doctype.ai_usage_window.ai_usage_window import add_window, key_of
from oropendola_payments.ai_billing.periods import today
from oropendola_payments.compat import affected_rows
from oropendola_payments.engine.entitlements.paid_periods import PaidPeriod, paid_periods
from oropendola_payments.engine.entitlements.windows import LONG, Span, Term, span_of, term_of

WINDOW = "AI Usage Window"
# For a row that runs. What was not bought before counts on.
ADD = """
	UPDATE `tabAI Usage Window` SET not_bought = CASE
		WHEN COALESCE(not_bought, 0) + %(share)s < 0 THEN 0 ELSE COALESCE(not_bought, 0) + %(share)s END
	WHERE unique_key = %(key)s AND ends_at > %(now)s
"""
BEGIN = """
	UPDATE `tabAI Usage Window` SET used = 0, not_bought = %(share)s, ends_at = %(ends_at)s
	WHERE unique_key = %(key)s AND ends_at <= %(now)s
"""
ALL = "UPDATE `tabAI Usage Window` SET not_bought = 0 WHERE subscription = %s AND not_bought <> 0"
SET = (
	"UPDATE `tabAI Usage Window` SET not_bought = %(share)s WHERE unique_key = %(key)s AND ends_at > %(now)s"
)


def change_plan(subscription: AISubscription, plan: str, **values: Any) -> None:
	"""Go on with another plan until the same end date, with the share of its long allowances that the days left have bought."""
	before = subscription.get_plan()
	subscription.change_plan(plan, **values)
	after = subscription.get_plan()
	if not _long(after.limits):
		return
	term = term_of(subscription, after, _running(subscription.name))
	for limit, span, share in not_bought(before, after, term, today()):
		if share:
			_keep_back(subscription.name, limit, span, share)


def not_bought(before: Any, after: Any, term: Term, on: date) -> Iterator[tuple[Any, Span, int]]:
	"""Return the long limits of the new plan with the days of their windows, and what of their allowance the days that are over have not bought.

	It is below 0 where the old plan allowed more.
	"""
	old = {_place(limit): int(limit.allowance) for limit in _long(before.limits)}
	for limit in _long(after.limits):
		span = span_of(limit.time_window, on, term)
		more = int(limit.allowance) - old.get(_place(limit), 0)
		yield limit, span, more * span.days_before(on) // span.days


def follow_parts(subscription: AISubscription) -> None:
	"""After a part was paid, allow what it has bought of the windows that run."""
	limits = _long(subscription.get_plan().limits)
	period = _running(subscription.name) if limits else None
	if not period:
		return
	term = term_of(subscription, subscription.get_plan(), period)
	for limit in limits:
		share = owed_share(int(limit.allowance), period, span_of(limit.time_window, today(), term))
		key = key_of(subscription.name, limit.meter, limit.time_window)
		frappe.db.sql(SET, {"share": share, "key": key, "now": now_datetime()})


def allow_all(subscription: str) -> None:
	"""After the last part was paid, or a whole period with a plan."""
	frappe.db.sql(ALL, (subscription,))


def owed_share(allowance: int, period: PaidPeriod | None, span: Span) -> int:
	"""Return the part of an allowance that belongs to days whose parts are still to be paid."""
	if not period or not period.days_owed:
		return 0
	return allowance * span.days_within(period.ends_on, period.ends_with_all_parts()) // span.days


def _keep_back(subscription: str, limit: Any, span: Span, share: int) -> None:
	key = key_of(subscription, limit.meter, limit.time_window)
	values = {"key": key, "share": share, "ends_at": span.ends_at, "now": now_datetime()}
	frappe.db.sql(ADD, values)
	if affected_rows() or share < 0:
		return
	frappe.db.sql(BEGIN, values)
	if not affected_rows() and not frappe.db.exists(WINDOW, {"unique_key": key}):
		add_window(subscription, limit.meter, limit.time_window, 0, span.ends_at, share)


def _running(subscription: str) -> PaidPeriod | None:
	return next((period for period in paid_periods(subscription) if period.starts_on <= today()), None)


def _long(limits: Iterable[Any]) -> list[Any]:
	return [limit for limit in limits if limit.time_window in LONG]


def _place(limit: Any) -> tuple[str, str]:
	return limit.meter, limit.time_window
