"""When a window began and when it ends, by the site's clock or the subscription's own dates."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from oropendola_payments.ai_billing.periods import add_interval


@dataclass(frozen=True)
class Term:
	"""The dates and the interval of a subscription, which its months and periods follow."""

	start: date
	end: date | None
	interval: str  # Day, Month, Year
	count: int


def end_of_window(window: str, now: datetime, term: Term) -> datetime:
	"""Return when the window that contains `now` ends. Months are those of the subscription, never of the calendar."""
	return ENDS[window](now, term)


def _minute(now: datetime, _term: Term) -> datetime:
	return now.replace(second=0, microsecond=0) + timedelta(minutes=1)


def _hour(now: datetime, _term: Term) -> datetime:
	return now.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)


def _day(now: datetime, _term: Term) -> datetime:
	return _midnight(now.date() + timedelta(days=1))


def _week(now: datetime, _term: Term) -> datetime:
	return _midnight(now.date() + timedelta(days=7 - now.weekday()))


def _month(now: datetime, term: Term) -> datetime:
	return _midnight(_next_anniversary(now.date(), term.start, "Month", 1))


def _period(now: datetime, term: Term) -> datetime:
	"""A period that was paid for. Renewals bought ahead are periods of their own, each with the whole allowance."""
	end = _next_anniversary(now.date(), term.start, term.interval, term.count)
	return _midnight(min(end, term.end) if term.end and term.end > now.date() else end)


def _next_anniversary(today: date, start: date, interval: str, count: int) -> date:
	if interval == "Day":
		return start + timedelta(days=count * ((today - start).days // count + 1))
	step = count * (12 if interval == "Year" else 1)
	months = max(0, (today.year - start.year) * 12 + today.month - start.month) // step * step
	end = add_interval(start, "Month", months)
	return end if end > today else add_interval(start, "Month", months + step)


def _midnight(day: date) -> datetime:
	return datetime.combine(day, time())


ENDS: dict[str, Callable[[datetime, Term], datetime]] = {
	"Minute": _minute,
	"Hour": _hour,
	"Day": _day,
	"Week": _week,
	"Month": _month,
	"Period": _period,
}
