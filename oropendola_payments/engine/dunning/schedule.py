"""When to remind: by the cause of the failure, from Payment Settings or the built-in schedule."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from frappe.utils import cint

from oropendola_payments.ai_billing.current import payment_settings
from oropendola_payments.engine.dunning.local_time import next_morning

DUE = "Due"  # nothing was tried and the due date has passed


@dataclass(frozen=True)
class Step:
	number: int
	wait: timedelta
	in_the_morning: bool
	channel: str
	is_last: bool

	def moment(self, start: datetime, user: str) -> datetime:
		"""Return when this step is due, in the site's time zone."""
		after = start + self.wait
		return next_morning(after, user) if self.in_the_morning else after


# cause -> (hours, whether to wait for the morning). The first message about a failure is sent at once, by the notifications.
BUILT_IN: dict[str, tuple[tuple[int, bool], ...]] = {
	"Left": ((24, False), (72, False)),
	"Soft": ((1, True), (72, False), (168, False)),
	"Step": ((24, False),),
	"Hard": ((24, False),),
	"Ours": ((0, False),),
	DUE: ((24, False), (96, False)),
}
# A failure of the gateway or ours: at the latest after this time the customer is asked to pay another way.
LONGEST_WAIT_FOR_GATEWAY = timedelta(hours=2)


def steps_of(cause: str) -> list[Step]:
	"""Return the steps for this cause, in the order of their times."""
	rows = _from_settings(cause) or [(hours, morning, "Email") for hours, morning in BUILT_IN[cause]]
	return list(_numbered(rows))


def _from_settings(cause: str) -> list[tuple[int, bool, str]]:
	settings = payment_settings().reminder_steps or []
	rows = [
		(cint(row.wait_hours), bool(cint(row.in_the_morning)), row.channel)
		for row in settings
		if row.failure_class == cause
	]
	return sorted(rows)


def _numbered(rows: Iterable[tuple[int, bool, str]]) -> Iterable[Step]:
	known = list(rows)
	for number, (hours, morning, channel) in enumerate(known, start=1):
		yield Step(number, timedelta(hours=hours), morning, channel, is_last=number == len(known))
