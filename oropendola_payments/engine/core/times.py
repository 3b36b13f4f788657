"""Times for programs: ISO 8601 with the offset of the site's time zone, such as `2026-11-20T20:20:20+05:30`."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from frappe.utils import get_datetime, get_system_timezone


def iso_time(moment: datetime | str | None) -> str | None:
	"""Return the time with its offset. A time without zone, as the database stores it, is one of the site's time zone."""
	if not moment:
		return None
	zone, known = ZoneInfo(get_system_timezone()), get_datetime(moment)
	known = known if known.tzinfo else known.replace(tzinfo=zone)
	return known.astimezone(zone).isoformat(timespec="seconds")


def with_iso_times(value: Any) -> Any:
	"""Return the same structure, with every time as `iso_time` writes it. Dates stay dates."""
	if isinstance(value, datetime):
		return iso_time(value)
	if isinstance(value, dict):
		return {key: with_iso_times(item) for key, item in value.items()}
	if isinstance(value, list | tuple):
		return [with_iso_times(item) for item in value]
	return value
