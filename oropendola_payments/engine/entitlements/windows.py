"""When a window began and when it ends, by the site's clock or the subscription's own dates."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from frappe.utils import cint, getdate

from oropendola_payments.ai_billing.periods import add_interval, midnight, today
from oropendola_payments.engine.entitlements.paid_periods import PaidPeriod

LONG = ("Week", "Month", "Period")  # their allowance is for several days
# What `term_of` needs of a subscription.
TERM_FIELDS = ("start_date", "end_date", "months_from", "month_days", "weeks_from")


@dataclass(frozen=True)
class Term:
	"""The dates and the interval of a subscription, which its months and periods follow."""

	start: date
	end: date | None
	interval: str  # Day, Month, Year
	count: int
	paid: PaidPeriod | None = None  # the period that was paid for: the one that runs, or else the next
	# After days without service that moved them: from when on months and weeks are counted, and the days of the month before that.
	months_from: date | None = None
	month_days: int = 0
	weeks_from: date | None = None

	@property
	def anchor(self) -> date:
		"""The day from which months are counted."""
		return self.months_from or self.start


@dataclass(frozen=True)
class Span:
	"""The days of one window. A pause makes a period longer without giving it more `days`; a month or week is moved to its end."""

	begins_on: date
	ends_on: date  # is no part of it
	days: int
	# Its days before the pause are counted as if they had been just before those after it.
	is_moved: bool = False

	@property
	def ends_at(self) -> datetime:
		return midnight(self.ends_on)

	def days_before(self, on: date) -> int:
		"""Return how many of the days are over on that date, which counts as not over."""
		return self.days - min(self.days, (self.ends_on - on).days)

	def days_within(self, start: date, end: date) -> int:
		"""Return how many of the days lie in a time of which `end` is no part."""
		return max(0, min(self.days, (min(end, self.ends_on) - max(start, self.begins_on)).days))


def term_of(subscription: Any, plan: Any, paid: PaidPeriod | None = None) -> Term:
	start = getdate(subscription.start_date or today())
	end = subscription.end_date and getdate(subscription.end_date)
	moved = subscription.months_from and getdate(subscription.months_from)
	weeks = subscription.weeks_from and getdate(subscription.weeks_from)
	return Term(
		start,
		end or None,
		plan.billing_interval,
		cint(plan.interval_count) or 1,
		paid,
		moved or None,
		cint(subscription.month_days),
		weeks or None,
	)


def span_of(window: str, on: date, term: Term) -> Span:
	"""Return the days of the week, month or period that contains this day. Of a period that is not paid for, what is before is unknown."""
	ends_on = end_of_window(window, midnight(on), term).date()
	if window == "Period":
		if term.paid and term.paid.starts_on <= on:
			return Span(term.paid.starts_on, ends_on, term.paid.days)
		return Span(on, ends_on, (ends_on - on).days)
	if window == "Week":
		is_moved = bool(term.weeks_from and on < term.weeks_from)
		return Span(ends_on - timedelta(days=7), ends_on, 7, is_moved)
	if term.months_from and on < term.months_from:
		return Span(ends_on - timedelta(days=term.month_days), ends_on, term.month_days, is_moved=True)
	# One that was paid ahead of a trial's end has nothing before it.
	begins_on = on if term.anchor > on else _last_anniversary(on, term.anchor)
	return Span(begins_on, ends_on, (ends_on - begins_on).days)


def delayed(term: Term, since: date, days: timedelta, end: date) -> dict[str, Any]:
	"""Return where weeks and months go on, as fields of the subscription, when there was no service on a day and some days after it.

	The month that ran may get up to three days longer, because the months behind it have other lengths now: those days would
	otherwise be left over at `end`, that of what is paid, and begin one month more than was paid for.
	"""
	month, week = span_of("Month", since, term), span_of("Week", since, term)
	whole, ends_on = 0, month.ends_on + days
	while add_interval(month.ends_on, "Month", whole, term.anchor.day) < end:
		whole += 1
	while add_interval(ends_on, "Month", whole) < end + days:
		ends_on += timedelta(days=1)
	longer = ends_on - month.ends_on - days
	return {
		"months_from": ends_on,
		"month_days": month.days + longer.days,
		"weeks_from": week.ends_on + days,
	}


def end_of_window(window: str, now: datetime, term: Term) -> datetime:
	"""Return when the window that contains `now` ends. Months are those of the subscription, never of the calendar."""
	return ENDS[window](now, term)


def _minute(now: datetime, _term: Term) -> datetime:
	return now.replace(second=0, microsecond=0) + timedelta(minutes=1)


def _hour(now: datetime, _term: Term) -> datetime:
	return now.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)


def _day(now: datetime, _term: Term) -> datetime:
	return midnight(now.date() + timedelta(days=1))


def _week(now: datetime, term: Term) -> datetime:
	passed = (now.date() - term.weeks_from).days % 7 if term.weeks_from else now.weekday()
	return midnight(now.date() + timedelta(days=7 - passed))


def _month(now: datetime, term: Term) -> datetime:
	if term.months_from and now.date() < term.months_from:
		return midnight(term.months_from)
	return midnight(_next_anniversary(now.date(), term.anchor, "Month", 1))


def _period(now: datetime, term: Term) -> datetime:
	"""What one invoice pays for. Free days and trials have the plan's interval, and end where a paid period begins."""
	if term.paid and term.paid.starts_on <= now.date():
		return midnight(term.paid.ends_with_all_parts())
	paid_from = term.paid.starts_on if term.paid else None
	ends = (_next_anniversary(now.date(), term.start, term.interval, term.count), term.end, paid_from)
	return midnight(min(end for end in ends if end and end > now.date()))


def _next_anniversary(today: date, start: date, interval: str, count: int) -> date:
	if interval == "Day":
		return start + timedelta(days=count * ((today - start).days // count + 1))
	step = count * (12 if interval == "Year" else 1)
	months = max(0, (today.year - start.year) * 12 + today.month - start.month) // step * step
	end = add_interval(start, "Month", months)
	return end if end > today else add_interval(start, "Month", months + step)


def _last_anniversary(today: date, start: date) -> date:
	"""Return the day on which the month that contains this day began."""
	months = max(0, (today.year - start.year) * 12 + today.month - start.month)
	begin = add_interval(start, "Month", months)
	return begin if begin <= today or not months else add_interval(start, "Month", months - 1)


ENDS: dict[str, Callable[[datetime, Term], datetime]] = {
	"Minute": _minute,
	"Hour": _hour,
	"Day": _day,
	"Week": _week,
	"Month": _month,
	"Period": _period,
}
