"""Note that a limit of a day or longer is used up to 80 or 100 percent. A call that crosses no threshold costs nothing.

The row is written in the transaction that took the quota, so none is lost; a job tells the customer.
"""

from collections.abc import Iterable, Iterator
from datetime import date
from typing import Any

from oropendola_payments.ai_billing.doctype.ai_usage_alert.ai_usage_alert import plan_alert
from oropendola_payments.ai_billing.periods import midnight
from oropendola_payments.engine.metering.counters import Window

PERCENTS = (80, 100)
LASTING = ("Day", "Week", "Month", "Period")  # nobody wants an email every minute


def note_windows(subscription: str, user: str, windows: Iterable[Window]) -> None:
	for window in windows:
		if window.name in LASTING:
			before = window.used - window.taken
			for percent in _crossed(window.limit, before, window.used):
				used = window.allowance - window.left()
				plan_alert(subscription, user, window.slug, percent, window.allowance, used, window.ends_at)


def note_day(key: Any, left: int, taken: int, reset_on: date) -> None:
	"""Note the daily requests of a key's subscription, of which `taken` were taken now and `left` are left."""
	limit = int(key.daily_quota_limit or 0)
	if limit <= 0:
		return
	for percent in _crossed(limit, limit - left - taken, limit - left):
		ends_at = midnight(reset_on)
		plan_alert(key.subscription, key.user, "requests:day", percent, limit, limit - left, ends_at)


def _crossed(limit: int, before: int, after: int) -> Iterator[int]:
	for percent in PERCENTS:
		if before * 100 < percent * limit <= after * 100:
			yield percent
