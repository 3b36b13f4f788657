"""End keys whose overlap is over. They stopped working at their time already; this only tidies up."""

import frappe
from frappe.utils import now_datetime

from oropendola_payments.engine.core.batch import for_each
from oropendola_payments.engine.core.transactions import in_transaction, lock


def end_retired_keys() -> int:
	"""Return the number of keys that were ended."""
	over = {"status": "Retiring", "valid_until": ("<=", now_datetime())}
	return for_each("AI API Key", over, lambda name: in_transaction(_end, name))


def _end(name: str) -> None:
	lock("AI Subscription", frappe.db.get_value("AI API Key", name, "subscription"))
	key = lock("AI API Key", name)
	if key.status == "Retiring" and not key.works_at(now_datetime()):
		key.revoke()
