"""A customer has one subscription to a plan. Before another one changes to it, an unused one makes room."""

from datetime import date

import frappe

from oropendola_payments.ai_billing.doctype.ai_invoice.ai_invoice import OPEN as OPEN_INVOICES
from oropendola_payments.ai_billing.doctype.ai_subscription.ai_subscription import LIVE, AISubscription
from oropendola_payments.engine.core.transactions import lock

MAKES_ROOM = ("Pending", "Expired")
IN_USE = tuple(status for status in LIVE if status not in MAKES_ROOM)


def make_room(subscription: AISubscription, plan: str) -> bool:
	"""Cancel the customer's expired or unpaid subscription to `plan`, of which only one may exist. Return False if it is in use, or will be."""
	if changes_elsewhere(subscription.user, plan, but=subscription.name):
		return False
	filters = {
		"user": subscription.user,
		"plan": plan,
		"status": ("in", LIVE),
		"name": ("!=", subscription.name),
	}
	found = frappe.db.get_value("AI Subscription", filters, "name")
	if not found:
		return True
	open_invoices = frappe.get_all(
		"AI Invoice", {"subscription": found, "status": ("in", OPEN_INVOICES)}, pluck="name"
	)
	invoices = [lock("AI Invoice", open_invoice) for open_invoice in open_invoices]
	other = lock("AI Subscription", found)
	if other.status not in MAKES_ROOM or not all(doc.can_move_to("Cancelled") for doc in invoices):
		return False
	for doc in invoices:
		doc.mark_as_cancelled()
	other.cancel()
	return True


def changes_elsewhere(user: str, plan: str, but: str = "") -> date | None:
	"""Return the day on which another subscription of the customer changes to this plan, or None."""
	filters = {"user": user, "next_plan": plan, "status": ("in", IN_USE), "name": ("!=", but)}
	return frappe.db.get_value("AI Subscription", filters, "switch_on")
