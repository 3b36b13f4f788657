"""API keys that nobody has seen yet: a payment makes one while the customer may be away.

Nothing secret waits anywhere. The key that is shown is made in the moment in which it is shown.
"""

import frappe

from oropendola_payments.engine.core.transactions import in_transaction, lock


def reveal(subscription: str) -> str | None:
	"""The key in clear, the first time only."""
	return in_transaction(_reveal_locked, subscription)


def has_new_key(subscription: str) -> bool:
	"""Whether the subscription's key was never shown."""
	waiting = {"subscription": subscription, "status": "Active", "revealed": 0}
	return bool(frappe.db.exists("AI API Key", waiting))


def _reveal_locked(name: str) -> str | None:
	link = lock("AI Subscription", name).api_key_link
	return lock("AI API Key", link).reveal() if link else None
