"""Call off a change of plan that has not happened yet."""

import frappe
from frappe import _

from oropendola_payments.ai_billing.doctype.ai_invoice.ai_invoice import OPEN as OPEN_INVOICES
from oropendola_payments.ai_billing.doctype.ai_plan_change.ai_plan_change import AIPlanChange
from oropendola_payments.ai_billing.doctype.ai_subscription.ai_subscription import AISubscription
from oropendola_payments.ai_billing.doctype.payment_event import payment_event
from oropendola_payments.engine.core.transactions import in_transaction
from oropendola_payments.engine.entitlements.paid_periods import PaidPeriod, paid_periods, periods_of
from oropendola_payments.engine.entitlements.scheduled_change import open_change
from oropendola_payments.engine.entitlements.subscription_lock import lock_with_invoices
from oropendola_payments.engine.plan_changes.closing import close_invoice
from oropendola_payments.engine.subscriptions.lookup import own_subscription
from oropendola_payments.exceptions import Conflict, NotFound


def withdraw(user: str, subscription_id: str | None = None) -> dict:
	"""Call off the open change of the customer's subscription. A repeated call changes nothing."""
	return withdraw_of(own_subscription(user, subscription_id).name)


def withdraw_of(subscription: str) -> dict:
	return in_transaction(_withdraw, subscription)


def _withdraw(name: str) -> dict:
	locked = lock_with_invoices(name)
	subscription, invoices = locked.subscription, locked.invoices
	change = open_change(name)
	if not change:
		return _answer_again(subscription)
	before = change.status
	if before == "Scheduled":
		_call_off(subscription, change, invoices)
	for invoice in invoices:
		if invoice.name == change.invoice:
			close_invoice(invoice, _("The change was cancelled."))
			invoice.record("plan_change_withdrawn", change, before, "Withdrawn")
	change.mark_as_withdrawn()
	return _answer(subscription, change)


def can_withdraw(change: AIPlanChange | frappe._dict, subscription: str) -> bool:
	"""Return whether a scheduled change can still be called off, for buttons."""
	return change.status == "Scheduled" and not is_paid(change, paid_periods(subscription))


def is_paid(change: AIPlanChange | frappe._dict, periods: list[PaidPeriod]) -> bool:
	"""Return whether a period is paid for with the plan of this scheduled change."""
	return any(period.plan == change.to_plan for period in periods)


def _call_off(subscription: AISubscription, change: AIPlanChange, invoices: list) -> None:
	if is_paid(change, periods_of(subscription.name, invoices)):
		raise Conflict(_("The next period is already paid for with the new plan, so the change stays."))
	for invoice in invoices:
		if invoice.status in OPEN_INVOICES and invoice.plan == change.to_plan:
			close_invoice(invoice, _("The change was cancelled."))
	subscription.call_off_change()
	payment_event.append_to_site("plan_change_withdrawn", change, to_plan=change.to_plan)


def _answer_again(subscription: AISubscription) -> dict:
	"""Answer a second click as the first one."""
	last = {"subscription": subscription.name, "status": "Withdrawn"}
	name = frappe.db.get_value("AI Plan Change", last, "name", order_by="closed_on desc")
	if not name:
		raise NotFound(_("There is no change of plan to cancel."))
	return _answer(subscription, frappe.get_doc("AI Plan Change", name))


def _answer(subscription: AISubscription, change: AIPlanChange) -> dict:
	return {
		"plan_change": change.name,
		"status": change.status,
		"subscription_id": subscription.name,
		"plan": subscription.plan,
	}
