"""Tell the customer by email that a key was changed."""

from oropendola_payments.engine.core import after_commit


def tell(change: str, answer: dict) -> dict:
	"""Queue the email about a committed change, and return the answer. The email has no part of the key but its beginning."""
	after_commit.enqueue(
		"oropendola_payments.engine.notifications.hooks.key_changed",
		queue=after_commit.MAILS,
		subscription=answer["subscription_id"],
		change=change,
		key=answer["key_id"],
		old_key_until=str(answer["old_key_valid_until"]) if answer.get("old_key_valid_until") else None,
	)
	return answer
