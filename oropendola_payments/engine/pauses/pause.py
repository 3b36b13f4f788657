"""Pause a subscription: service stops, the quota and the key sleep, and the days that are left are kept."""

from datetime import date, timedelta

import frappe
from frappe import _
from frappe.utils import cint, getdate

from oropendola_payments.ai_billing import formatting
from oropendola_payments.ai_billing.doctype.ai_invoice.ai_invoice import AIInvoice
from oropendola_payments.ai_billing.doctype.ai_subscription.ai_subscription import AISubscription
from oropendola_payments.ai_billing.periods import today
from oropendola_payments.engine.core.transactions import in_transaction
from oropendola_payments.engine.entitlements.subscription_lock import Locked, lock_with_invoices
from oropendola_payments.engine.notifications import subscription_mails
from oropendola_payments.exceptions import BadRequest, Conflict, Unprocessable

# A pause shorter than a week would let a customer pause every night and stretch the days that were paid for.
SHORTEST, LONGEST = 7, 60
MOST, WITHIN = 2, timedelta(days=365)


def pause(name: str, days: int | None = None) -> dict:
	"""Pause for so many days, or for the longest time. A second call changes nothing."""
	return in_transaction(_pause, name, LONGEST if days is None else days)


def _pause(name: str, days: int) -> dict:
	whole = lock_with_invoices(name)
	subscription = whole.subscription
	if subscription.status != "Paused":
		_require_days(days)
		_require_pause(subscription)
		_cancel_open_invoices(whole)
		whole.record("subscription_paused", from_status="Active", to_status="Paused", days=days)
		subscription.pause(today() + timedelta(days=days))
		subscription_mails.enqueue("subscription_paused", name)
	return facts(subscription)


def facts(subscription: AISubscription | frappe._dict) -> dict:
	"""Return what a customer sees of a paused subscription."""
	paused_on = getdate(subscription.paused_on)
	return {
		"subscription_id": subscription.name,
		"status": subscription.status,
		"paused_on": paused_on,
		"resumes_on": getdate(subscription.pause_until),
		"can_resume_from": earliest_resume(paused_on),
		"days_left": (getdate(subscription.end_date) - paused_on).days,
	}


def earliest_resume(paused_on: date) -> date:
	"""Return the day from which the customer may resume: today if it was paused today, which undoes the pause."""
	return paused_on if paused_on == today() else paused_on + timedelta(days=SHORTEST)


def may_pause(subscription: AISubscription) -> bool:
	"""Return whether the plan, the state and earlier pauses allow a pause, for buttons."""
	return not _obstacle(subscription)


def _require_days(days: int) -> None:
	if not SHORTEST <= days <= LONGEST:
		message = _("A pause lasts {0} to {1} days. Please choose a number in between.")
		raise BadRequest(message.format(SHORTEST, LONGEST))


def _require_pause(subscription: AISubscription) -> None:
	obstacle = _obstacle(subscription)
	if obstacle:
		raise obstacle


def _obstacle(subscription: AISubscription) -> Conflict | Unprocessable | None:
	plan = subscription.get_plan()
	if not cint(plan.allow_pause) or plan.is_really_free():
		return Unprocessable(_("{0} cannot be paused.").format(plan.plan_name))
	runs = (
		subscription.status == "Active" and subscription.end_date and getdate(subscription.end_date) > today()
	)
	if not runs:
		return Conflict(_("Only a paid subscription that is running can be paused."))
	earlier = _recent_pauses(subscription)
	if len(earlier) >= MOST:
		message = _("You have paused {0} times in 12 months. You can pause again from {1}.")
		return Conflict(message.format(MOST, formatting.day(earlier[-MOST] + WITHIN + timedelta(days=1))))
	return None


def _recent_pauses(subscription: AISubscription) -> list[date]:
	"""Return the days of the customer's pauses of this plan. Cancelling and ordering again does not begin to count anew."""
	owned = {"user": subscription.user, "plan": subscription.plan}
	names = [subscription.name, *frappe.get_all("AI Subscription", owned, pluck="name")]
	parents = {"parent": ("in", names), "parenttype": "AI Subscription"}
	filters = {**parents, "paused_on": (">=", today() - WITHIN)}
	rows = frappe.get_all("AI Subscription Pause", filters, pluck="paused_on", order_by="paused_on")
	return [getdate(row) for row in rows]


def _cancel_open_invoices(whole: Locked) -> None:
	"""Cancel unpaid renewals, which would be due at another time. Raises Conflict while a payment is in progress."""
	for invoice in whole.open_invoices():
		if invoice.purpose == "Upgrade" or not invoice.can_move_to("Cancelled"):
			raise Conflict(_why_not(invoice))
		invoice.mark_as_cancelled()


def _why_not(invoice: AIInvoice) -> str:
	message = _("Invoice {0} is open. Please pay it or cancel its payment before you pause.")
	return message.format(invoice.name)
