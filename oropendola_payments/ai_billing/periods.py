"""Calendar arithmetic for billing periods."""

import calendar
from datetime import date, datetime, time, timedelta

from frappe.utils import now_datetime


def today() -> date:
	"""Return today's date in the site's time zone."""
	return now_datetime().date()


def tomorrow() -> date:
	return today() + timedelta(days=1)


def midnight(day: date) -> datetime:
	"""Return the moment at which a day begins."""
	return datetime.combine(day, time())


def add_interval(start: date, interval: str, count: int, anchor_day: int | None = None) -> date:
	"""Return the date `count` intervals later. A day that the month does not have becomes its last day.

	`anchor_day` is the day of the month on which the subscription began. After a short month the date returns to it:
	31 January, 28 February, 31 March.
	"""
	if interval == "Day":
		return start + timedelta(days=count)
	months = start.month - 1 + count * (12 if interval == "Year" else 1)
	year, month = start.year + months // 12, months % 12 + 1
	day = (
		anchor_day
		if anchor_day and start.day == min(anchor_day, _last_day(start.year, start.month))
		else start.day
	)
	return date(year, month, min(day, _last_day(year, month)))


def _last_day(year: int, month: int) -> int:
	return calendar.monthrange(year, month)[1]
