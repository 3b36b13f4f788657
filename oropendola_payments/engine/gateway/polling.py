"""When a gateway is asked again: often at first, then on a falling schedule for six days."""

from datetime import datetime, timedelta

from frappe.utils import get_datetime, now_datetime

from oropendola_payments.ai_billing.doctype.payment_attempt.payment_attempt import PaymentAttempt
from oropendola_payments.ai_billing.known_gateways import adapter_class, gateway_codes

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
# What was paid may be paid once more inside the same order, or be sent back from the provider's dashboard, and the message
# about it may be lost: after an hour, a day, three and five days the gateway is asked again.
PAID_STEPS = (
	(timedelta(minutes=30), timedelta(hours=1)),
	(timedelta(hours=12), timedelta(days=1)),
	(timedelta(days=6), timedelta(days=2)),
)
VENDOR_SCHEDULE_ENDS = timedelta(hours=1)
RETRY_LAST_CHECK_AFTER = timedelta(hours=12)


def soon() -> datetime:
	return now_datetime() + timedelta(minutes=1)


def next_check(attempt: PaymentAttempt, closed: bool = False) -> datetime | None:
	"""None once the attempt is so old that nothing can come any more."""
	now = now_datetime()
	age = now - (get_datetime(attempt.initiated_at) if attempt.initiated_at else now)
	own = None if closed else _vendors_schedule(attempt, age)
	if own:
		return now + own
	return _step(STEPS, now, age)


def next_check_after_payment(attempt: PaymentAttempt) -> datetime | None:
	"""When a paid attempt is looked at again; never, when no gateway can be asked."""
	if attempt.gateway not in gateway_codes():
		return None
	now = now_datetime()
	return _step(PAID_STEPS, now, now - get_datetime(attempt.initiated_at))


def _step(steps: tuple, now: datetime, age: timedelta) -> datetime | None:
	return next((now + pause for younger_than, pause in steps if age < younger_than), None)


def has_next_check(attempt: PaymentAttempt) -> bool:
	return bool(_planned(attempt))


def next_check_during_query(attempt: PaymentAttempt) -> datetime:
	"""As `next_check`, but never None: a last question that gets no answer is asked again."""
	return _planned(attempt) or now_datetime() + RETRY_LAST_CHECK_AFTER


def _planned(attempt: PaymentAttempt) -> datetime | None:
	return next_check_after_payment(attempt) if attempt.status == "Paid" else next_check(attempt)


def _vendors_schedule(attempt: PaymentAttempt, age: timedelta) -> timedelta | None:
	"""PhonePe demands its own rhythm while a payment is pending; afterwards ours goes on."""
	if not attempt.is_open() or age > VENDOR_SCHEDULE_ENDS or attempt.gateway not in gateway_codes():
		return None
	seconds = adapter_class(attempt.gateway).poll_seconds(int(age.total_seconds()))
	return timedelta(seconds=seconds) if seconds else None


def back_off(tries: int, first_seconds: int = 30, longest_hours: int = 6) -> datetime:
	"""Doubling pauses for work that failed on our side."""
	seconds = min(first_seconds * 2 ** min(tries, 20), longest_hours * 3600)
	return now_datetime() + timedelta(seconds=seconds)
