"""Tell the customer about a change of plan, once."""

from oropendola_payments.engine.core import after_commit
from oropendola_payments.engine.core.batch import for_each
from oropendola_payments.engine.core.transactions import in_transaction, lock


def tell_due() -> None:
	"""Queue the emails that are still to be sent, also those whose process crashed."""
	for_each("AI Plan Change", {"untold": 1}, tell)


def tell(change: str) -> None:
	"""Queue the email after the mark is removed, so that a mail server outage cannot cause a second one."""
	moved_to = in_transaction(_take, change)
	if moved_to:
		after_commit.enqueue(
			"oropendola_payments.engine.notifications.hooks.plan_change_moved",
			queue=after_commit.MAILS,
			change=change,
			moved_to=moved_to,
		)


def _take(name: str) -> str | None:
	change = lock("AI Plan Change", name)
	if not change.untold:
		return None
	change.write(untold=0)
	return change.status
