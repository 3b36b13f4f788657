"""When a window began and when it ends, by the site's clock or the subscription's own dates."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from oropendola_payments.ai_billing.periods import add_interval, midnight


@dataclass(frozen=True)
class Term:
	"""The dates and the interval of a subscription, which its months and periods follow."""

	start: date
	end: date | None
	interval: str  # Day, Month, Year
	count: int
	paid: tuple[date, date] | None = None  # the period that was paid for: the one that runs, or else the next


def end_of_window(window: str, now: datetime, term: Term) -> datetime:
	"""Return when the window that contains `now` ends. Months are those of the subscription, never of the calendar."""
	return ENDS[window](now, term)


def _minute(now: datetime, _term: Term) -> datetime:
	return now.replace(second=0, microsecond=0) + timedelta(minutes=1)


def _hour(now: datetime, _term: Term) -> datetime:
	return now.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)


def _day(now: datetime, _term: Term) -> datetime:
	return midnight(now.date() + timedelta(days=1))


def _week(now: datetime, _term: Term) -> datetime:
	return midnight(now.date() + timedelta(days=7 - now.weekday()))


def _month(now: datetime, term: Term) -> datetime:
	return midnight(_next_anniversary(now.date(), term.start, "Month", 1))


def _period(now: datetime, term: Term) -> datetime:
	"""What one invoice pays for. Free days and trials have the plan's interval, and end where a paid period begins."""
	starts_on, ends_on = term.paid or (None, None)
	if starts_on and ends_on and starts_on <= now.date():
		return midnight(ends_on)
	ends = (_next_anniversary(now.date(), term.start, term.interval, term.count), term.end, starts_on)
	return midnight(min(end for end in ends if end and end > now.date()))


def _next_anniversary(today: date, start: date, interval: str, count: int) -> date:
	if interval == "Day":
		return start + timedelta(days=count * ((today - start).days // count + 1))
	step = count * (12 if interval == "Year" else 1)
	months = max(0, (today.year - start.year) * 12 + today.month - start.month) // step * step
	end = add_interval(start, "Month", months)
	return end if end > today else add_interval(start, "Month", months + step)


ENDS: dict[str, Callable[[datetime, Term], datetime]] = {
	"Minute": _minute,
	"Hour": _hour,
	"Day": _day,
	"Week": _week,
	"Month": _month,
	"Period": _period,
}
