"""What of the value of a paid period's days left is used up, because more of its allowance was used than of its days.

Otherwise a customer could use all of it, get the days back as money or towards another plan, and start again.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from oropendola_payments.engine.entitlements.paid_periods import PaidPeriod
from oropendola_payments.engine.entitlements.windows import LONG, Span, span_of, term_of
from oropendola_payments.engine.metering import counters
from oropendola_payments.money import unused_share

# A quote counts what is left in steps, upwards, so that it does not change with every call.
STEPS = 20


@dataclass(frozen=True)
class Use:
	"""How much is left of one limit in the week, month or period that runs, of all that the plan allows."""

	meter: str
	window: str
	span: Span
	left: int
	allowed: int

	def in_steps(self) -> "Use":
		steps = -(-self.left * STEPS // self.allowed) if self.allowed else 0
		return replace(self, left=steps, allowed=STEPS)


def uses_of(subscription: Any, plan: Any, moment: datetime, period: PaidPeriod | None) -> tuple[Use, ...]:
	"""Return the use of each long limit of the plan. `period` is the one that runs."""
	limits = [limit for limit in plan.limits if limit.time_window in LONG]
	if not limits:
		return ()
	term = term_of(subscription, plan, period)
	rows = counters.rows_of(subscription.name)
	windows = counters.windows_from(rows, subscription.name, limits, term, moment)
	return tuple(
		Use(
			window.meter,
			window.name,
			span_of(window.name, moment.date(), term),
			window.remaining,
			window.of_plan,
		)
		for window in windows
	)


def used_up(amount: int, period: PaidPeriod, on: date, uses: Iterable[Use]) -> int:
	"""Return what of the days left is used up, if the whole period costs `amount` minor units: by the limit that was used most."""
	return max((_used_up(amount, period, on, use) for use in uses), default=0)


def _used_up(amount: int, period: PaidPeriod, on: date, use: Use) -> int:
	"""Compare the days left of this window with the share of its allowance that is left."""
	if period.starts_on > on or not use.allowed:
		return 0
	whole_end = period.ends_on + timedelta(days=period.days_not_bought)
	begin = period.starts_on + timedelta(days=period.days_moved if use.span.is_moved else 0)
	days = period.days if use.window == "Period" else use.span.days_within(begin, whole_end)
	days_left = use.span.days_within(on, period.ends_on)
	by_days = unused_share(amount, days_left, period.days)
	by_use = unused_share(amount, days * use.left, period.days * use.allowed)
	return max(0, by_days - by_use)
