"""Messages overtake each other: the newest fact holds. Times are kept as text in UTC, which no change of clocks turns back."""

from datetime import datetime, timezone


def utc_text(moment: datetime | None) -> str | None:
	return moment.astimezone(timezone.utc).isoformat() if moment else None


def is_newer(moment: datetime | None, known: str | None) -> bool | None:
	"""Whether this fact is newer than the one known; None where the times do not tell."""
	if not moment or not known:
		return None
	before = datetime.fromisoformat(known)
	return None if moment == before else moment > before
