"""Changes of plan that were not paid in time."""

import frappe
from frappe.utils import get_datetime, now_datetime

from oropendola_payments.engine.core.batch import for_each
from oropendola_payments.engine.core.transactions import in_transaction, lock
from oropendola_payments.engine.entitlements.plan_change import change_of
from oropendola_payments.engine.plan_changes.closing import close_invoice, payment_is_under_way

UNPAID = "The change was not paid in time."


def lapse_due() -> None:
	"""Close every change whose time is over, unless its payment is under way."""
	due = {"status": "Awaiting Payment", "expires_at": ("<=", now_datetime())}
	for_each("AI Plan Change", due, _lapse_change)


def _lapse_change(name: str) -> None:
	lapse(frappe.db.get_value("AI Plan Change", name, "invoice"))


def lapse(invoice: str) -> bool:
	"""Close the change that this invoice would have paid for, if its time is over. Return whether that happened."""
	return in_transaction(_lapse_locked, invoice)


def _lapse_locked(name: str) -> bool:
	invoice = lock("AI Invoice", name)
	change = change_of(name)
	waits = (
		change and change.status == "Awaiting Payment" and get_datetime(change.expires_at) <= now_datetime()
	)
	if not change or not waits or payment_is_under_way(invoice):
		return False
	close_invoice(invoice, UNPAID)
	change.mark_as_expired()
	invoice.record("plan_change_expired", change, "Awaiting Payment", "Expired")
	return True
