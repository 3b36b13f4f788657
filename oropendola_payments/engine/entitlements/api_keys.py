"""Show a new API key once, because a payment may create it while the customer is away.

No key is stored in plain text: the key that is shown is generated at that moment.
"""

import frappe

from oropendola_payments.engine.core.transactions import in_transaction, lock


def reveal(subscription: str) -> str | None:
	"""Return the key in plain text; None if it was shown before."""
	return in_transaction(_reveal_locked, subscription)


def has_new_key(subscription: str) -> bool:
	"""Return whether the subscription has a key that was never shown."""
	waiting = {"subscription": subscription, "status": "Active", "revealed": 0}
	return bool(frappe.db.exists("AI API Key", waiting))


def _reveal_locked(name: str) -> str | None:
	link = lock("AI Subscription", name).api_key_link
	return lock("AI API Key", link).reveal() if link else None
