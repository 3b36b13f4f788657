"""When a gateway is asked again: often at first, then on a falling schedule for five days."""

from datetime import datetime, timedelta

from frappe.utils import get_datetime, now_datetime

from oropendola_payments.engine.adapters import adapter_class, codes

# (younger than, ask again after). Money that was taken without a message is reversed by Indian banks within five days
# (RBI turnaround rules), and Razorpay may turn a failed payment into a captured one for three.
STEPS = (
	(timedelta(minutes=5), timedelta(minutes=1)),
	(timedelta(minutes=30), timedelta(minutes=5)),
	(timedelta(hours=2), timedelta(minutes=15)),
	(timedelta(hours=12), timedelta(hours=1)),
	(timedelta(days=2), timedelta(hours=4)),
	(timedelta(days=6), timedelta(hours=12)),
)
VENDORS_SCHEDULE_ENDS = timedelta(hours=1)


def soon() -> datetime:
	return now_datetime() + timedelta(minutes=1)


def next_check(attempt, closed: bool = False) -> datetime | None:
	"""None once the attempt is so old that nothing can come any more."""
	now = now_datetime()
	age = now - (get_datetime(attempt.initiated_at) if attempt.initiated_at else now)
	own = None if closed else _vendors_schedule(attempt, age)
	if own:
		return now + own
	return next((now + pause for younger_than, pause in STEPS if age < younger_than), None)


def _vendors_schedule(attempt, age: timedelta) -> timedelta | None:
	"""PhonePe demands its own rhythm while a payment is pending; afterwards ours goes on."""
	if not attempt.is_open() or age > VENDORS_SCHEDULE_ENDS or attempt.gateway not in codes():
		return None
	seconds = adapter_class(attempt.gateway).poll_seconds(int(age.total_seconds()))
	return timedelta(seconds=seconds) if seconds else None


def back_off(tries: int, first_seconds: int = 30, longest_hours: int = 6) -> datetime:
	"""Doubling pauses for work that failed on our side."""
	seconds = min(first_seconds * 2 ** min(tries, 20), longest_hours * 3600)
	return now_datetime() + timedelta(seconds=seconds)
