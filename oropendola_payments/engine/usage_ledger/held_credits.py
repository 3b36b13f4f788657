"""Give back the credits of leases and reservations that nobody has closed, some hours after they expired.

The process that held them may have died, and credits are money. A report that comes later takes them again.
"""

from datetime import timedelta
from typing import Any

import frappe
from frappe.utils import getdate, now_datetime

from oropendola_payments.ai_billing.doctype.ai_usage_entry.ai_usage_entry import add_entry, lapse_of
from oropendola_payments.engine.core.batch import for_each
from oropendola_payments.engine.core.transactions import in_transaction, lock, read
from oropendola_payments.engine.metering import leases
from oropendola_payments.engine.usage_ledger.records import hold_no_more
from oropendola_payments.engine.wallet.draw import give_back

ENTRY = "AI Usage Entry"
HOURS = 6  # a caller that comes back within them finds its credits as it left them


def give_back_due() -> int:
	"""Close what holds credits and is due, and return how many leases and reservations that were."""
	long_expired = ("<", now_datetime() - timedelta(hours=HOURS))
	open_leases = {"status": "Open", "credit_units": (">=", 1), "expires_at": long_expired}
	done = for_each(leases.LEASE, open_leases, leases.lapse)
	return done + for_each(ENTRY, {"holds_credits": 1, "expires_at": long_expired}, lapse)


def lapse(opening: str) -> bool:
	"""Give back all credits of a reservation that nobody has settled or released."""
	return in_transaction(_lapse_locked, frappe.db.get_value(ENTRY, opening, "subscription"), opening)


def _lapse_locked(subscription: str, opening: str) -> bool:
	user = lock("AI Subscription", subscription).user
	found = read(ENTRY, "`name` = %s AND `holds_credits` = 1 FOR UPDATE", (opening,))
	if not found:
		return False
	first = found[0]
	give_back(user, first.name, int(first.units))
	_book(first)
	hold_no_more(first.name)
	return True


def _book(first: Any) -> None:
	unused = {
		field: -int(first.get(field)) for field in ("requests", "input_tokens", "output_tokens", "units")
	}
	key = frappe._dict(
		name=first.api_key, subscription=first.subscription, plan=first.plan, source=first.source
	)
	step, day = lapse_of(first.name), getdate(first.day)
	add_entry(key, "Lapse", first.event_id, step, day=day, named=first.name, model=first.model, **unused)
