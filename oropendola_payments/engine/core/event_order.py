"""Messages overtake each other: the newest fact holds. Times are kept as text in UTC, which no change of clocks turns back."""

from datetime import datetime, timezone
from zoneinfo import ZoneInfo

from frappe.utils import get_datetime, get_system_timezone, now_datetime


def utc_text(moment: datetime | None) -> str | None:
	return moment.astimezone(timezone.utc).isoformat() if moment else None


def is_newer(moment: datetime | None, known: str | None) -> bool | None:
	"""Whether this fact is newer than the one known; None where the times do not tell."""
	if not moment or not known:
		return None
	before = datetime.fromisoformat(known)
	return None if moment == before else moment > before


def local_time(moment: datetime | None) -> datetime:
	"""The gateway's time in the site's time zone, as the database keeps it."""
	if moment is None:
		return now_datetime()
	if moment.tzinfo is None:
		return get_datetime(moment)
	return moment.astimezone(ZoneInfo(get_system_timezone())).replace(tzinfo=None)
