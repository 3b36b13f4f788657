"""When a delivery is tried again, and when an endpoint is given a rest."""

import random
from datetime import datetime, timedelta

from frappe.utils import now_datetime

# Before each attempt, in seconds: ten attempts in about three days.
DELAYS = (0, 5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400)
JITTER = 0.1
REST = 5
LONGEST_REST = 300
# Later events wait for one that has just failed, so that a short trouble does not change their order.
HOLD = timedelta(minutes=1)
WARN_AFTER = timedelta(days=1)
DISABLE_AFTER = timedelta(days=5)


def next_attempt(attempts: int, retry_after: int = 0) -> datetime | None:
	"""Return when to try again after so many attempts; None if that was the last one."""
	if attempts >= len(DELAYS):
		return None
	return now_datetime() + timedelta(seconds=max(_with_jitter(DELAYS[attempts]), retry_after))


def rest(failures: int, retry_after: int = 0) -> datetime:
	"""Return before when an endpoint that failed so often in a row gets nothing, so that one that is down costs little."""
	seconds = min(REST * 2 ** min(failures - 1, 10), LONGEST_REST)
	return now_datetime() + timedelta(seconds=max(seconds, retry_after))


def _with_jitter(seconds: int) -> float:
	"""Return about so many seconds, so that what failed together does not come back together."""
	return seconds * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311
