"""The customer's own clock: quiet hours, mornings and days. Times in records are those of the site's time zone."""

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import frappe
from frappe.utils import cint, get_system_timezone

from oropendola_payments.ai_billing.current import payment_settings

MORNING = time(9, 30)


def zone_of(user: str) -> ZoneInfo:
	"""Return the user's time zone, or the site's if none is set or it is not known."""
	for name in (frappe.db.get_value("User", user, "time_zone"), get_system_timezone()):
		try:
			return ZoneInfo(name)
		except (TypeError, ValueError, ZoneInfoNotFoundError):
			continue
	return ZoneInfo("UTC")


def next_morning(moment: datetime, user: str) -> datetime:
	"""Return the next 9:30 of the user after this moment."""
	local = _to_local(moment, user)
	morning = local.replace(hour=MORNING.hour, minute=MORNING.minute, second=0, microsecond=0)
	return _to_site(morning if morning > local else _next_day(morning))


def out_of_quiet_hours(moment: datetime, user: str) -> datetime:
	"""Return the moment, or the end of the user's quiet hours if it lies in them."""
	first, last = (cint(payment_settings().get(field)) for field in ("quiet_from", "quiet_to"))
	local = _to_local(moment, user)
	if not _is_quiet(local.hour, first, last):
		return moment
	end = local.replace(hour=last, minute=0, second=0, microsecond=0)
	return _to_site(end if end > local else _next_day(end))


def start_of_day(moment: datetime, user: str) -> datetime:
	"""Return when the user's day of this moment began."""
	return _to_site(_to_local(moment, user).replace(hour=0, minute=0, second=0, microsecond=0))


def end_of_day(day: date) -> datetime:
	"""Return when a day of the site ends."""
	return datetime.combine(day + timedelta(days=1), time())


def _is_quiet(hour: int, first: int, last: int) -> bool:
	if first == last:
		return False
	return first <= hour < last if first < last else hour >= first or hour < last


def _next_day(local: datetime) -> datetime:
	# By the clock on the wall, so that 9:30 stays 9:30 when summer time begins.
	return local + timedelta(days=1)


def _to_local(moment: datetime, user: str) -> datetime:
	return moment.replace(tzinfo=ZoneInfo(get_system_timezone())).astimezone(zone_of(user))


def _to_site(local: datetime) -> datetime:
	return local.astimezone(ZoneInfo(get_system_timezone())).replace(tzinfo=None)
