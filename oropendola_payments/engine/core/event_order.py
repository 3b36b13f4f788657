"""Compare the times of events, because messages can arrive out of order. Times are kept as UTC text, which daylight saving does not affect."""

from datetime import datetime, timezone
from zoneinfo import ZoneInfo

from frappe.utils import get_datetime, get_system_timezone, now_datetime


def utc_text(moment: datetime | None) -> str | None:
	return moment.astimezone(timezone.utc).isoformat() if moment else None


def is_newer(moment: datetime | None, known: str | None) -> bool | None:
	"""Return whether `moment` is later than the known time; None if one is missing or they are equal."""
	if not moment or not known:
		return None
	before = datetime.fromisoformat(known)
	return None if moment == before else moment > before


def local_time(moment: datetime | None) -> datetime:
	"""Return the gateway's time in the site's time zone, as the database stores it; now if it gave none."""
	if moment is None:
		return now_datetime()
	if moment.tzinfo is None:
		return get_datetime(moment)
	return moment.astimezone(ZoneInfo(get_system_timezone())).replace(tzinfo=None)
