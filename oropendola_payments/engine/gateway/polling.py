"""Polling times: when to send the next status query. Often at first, then less and less for six days.

Money in transit or on hold is asked about for three weeks: a bank debit takes up to 14 business days.
"""

from datetime import datetime, timedelta

from frappe.utils import get_datetime, now_datetime

from oropendola_payments.ai_billing.doctype.payment_attempt.payment_attempt import PaymentAttempt
from oropendola_payments.ai_billing.known_gateways import adapter_class, is_known

# (younger than, query again after). Indian banks reverse a debit without confirmation within five days (RBI turnaround
# rules), and Razorpay may turn a failed payment into a captured one for three days.
STEPS = (
	(timedelta(minutes=5), timedelta(minutes=1)),
	(timedelta(minutes=30), timedelta(minutes=5)),
	(timedelta(hours=2), timedelta(minutes=15)),
	(timedelta(hours=12), timedelta(hours=1)),
	(timedelta(days=2), timedelta(hours=4)),
	(timedelta(days=6), timedelta(hours=12)),
)
# A paid order may be paid a second time or refunded in the provider's dashboard, and that webhook may be lost: query again
# after an hour, a day, three and five days.
PAID_STEPS = (
	(timedelta(minutes=30), timedelta(hours=1)),
	(timedelta(hours=12), timedelta(days=1)),
	(timedelta(days=6), timedelta(days=2)),
)
TRANSIT_DAYS = 21
TRANSIT_STEPS = (*STEPS, (timedelta(days=TRANSIT_DAYS), timedelta(days=1)))
VENDOR_SCHEDULE_ENDS = timedelta(hours=1)
RETRY_LAST_CHECK_AFTER = timedelta(hours=12)


def soon() -> datetime:
	return now_datetime() + timedelta(minutes=1)


def next_check(attempt: PaymentAttempt, closed: bool = False) -> datetime | None:
	"""Return when to query next, or None once the attempt is too old for any change."""
	now = now_datetime()
	age = now - (get_datetime(attempt.initiated_at) if attempt.initiated_at else now)
	own = None if closed else _vendors_schedule(attempt, age)
	if own:
		return now + own
	# A hold that is not captured is let go after up to seven days, and no webhook says so at every gateway.
	lasts = attempt.in_transit or attempt.status == "Authorized"
	return _step(TRANSIT_STEPS if lasts else STEPS, now, age)


def next_check_after_payment(attempt: PaymentAttempt) -> datetime | None:
	"""Return when to query a paid attempt next, or None. Manual payments have no gateway to query."""
	if not is_known(attempt.gateway):
		return None
	now = now_datetime()
	return _step(PAID_STEPS, now, now - get_datetime(attempt.initiated_at))


def _step(steps: tuple, now: datetime, age: timedelta) -> datetime | None:
	return next((now + pause for younger_than, pause in steps if age < younger_than), None)


def has_next_check(attempt: PaymentAttempt) -> bool:
	return bool(_planned(attempt))


def next_check_during_query(attempt: PaymentAttempt) -> datetime:
	"""As `next_check`, but never None: if the last query gets no answer, it is repeated."""
	return _planned(attempt) or now_datetime() + RETRY_LAST_CHECK_AFTER


def _planned(attempt: PaymentAttempt) -> datetime | None:
	return next_check_after_payment(attempt) if attempt.status == "Paid" else next_check(attempt)


def _vendors_schedule(attempt: PaymentAttempt, age: timedelta) -> timedelta | None:
	"""Return the polling interval that a provider prescribes for pending payments, as PhonePe does. Ours applies after the first hour."""
	if not attempt.is_open() or age > VENDOR_SCHEDULE_ENDS or not is_known(attempt.gateway):
		return None
	seconds = adapter_class(attempt.gateway).poll_seconds(int(age.total_seconds()))
	return timedelta(seconds=seconds) if seconds else None


def back_off(tries: int, first_seconds: int = 30, longest_hours: int = 6) -> datetime:
	"""Return the time of the next try, with exponential backoff."""
	seconds = min(first_seconds * 2 ** min(tries, 20), longest_hours * 3600)
	return now_datetime() + timedelta(seconds=seconds)
