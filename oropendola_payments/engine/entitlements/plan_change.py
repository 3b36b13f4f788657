"""What a paid upgrade changes: another plan for the rest of the period that was paid for. The caller holds the invoice's lock and commits."""

import frappe
from frappe import _
from frappe.utils import getdate, now_datetime

from oropendola_payments.ai_billing.doctype.ai_invoice.ai_invoice import OPEN as OPEN_INVOICES
from oropendola_payments.ai_billing.doctype.ai_invoice.ai_invoice import AIInvoice
from oropendola_payments.ai_billing.doctype.ai_subscription.ai_subscription import LIVE, AISubscription
from oropendola_payments.ai_billing.periods import today
from oropendola_payments.engine.core.transactions import lock


def apply_upgrade(subscription: AISubscription, invoice: AIInvoice) -> bool:
	"""Change the plan and keep the end date. Return False if there is no running period to change, or the plan is taken."""
	runs = (
		subscription.status == "Active" and subscription.end_date and getdate(subscription.end_date) > today()
	)
	plan = invoice.plan
	if not runs or not plan or plan == subscription.plan or not _make_room(subscription, plan):
		return False
	before = subscription.plan
	subscription.change_plan(plan)
	invoice.record("plan_changed", subscription, from_plan=before, to_plan=plan)
	if subscription.withdraw_cancellation():
		invoice.record("cancellation_withdrawn", subscription)
	invoice.write(
		fulfilled_on=now_datetime(),
		previous_plan=before,
		period_start=today(),
		period_end=subscription.end_date,
	)
	return True


def revert_upgrade(subscription: AISubscription, invoice: AIInvoice) -> None:
	"""Go back to the plan before a refunded upgrade, until the same end date."""
	if not invoice.previous_plan or subscription.status not in LIVE:
		return
	if subscription.plan != invoice.plan or not _make_room(subscription, invoice.previous_plan):
		invoice.flag_for_review(
			_("The plan was changed again after the refunded upgrade. Please check the subscription.")
		)
		return
	subscription.change_plan(invoice.previous_plan)
	invoice.record(
		"plan_change_taken_back", subscription, from_plan=invoice.plan, to_plan=invoice.previous_plan
	)


def _make_room(subscription: AISubscription, plan: str) -> bool:
	"""Cancel the customer's expired or unpaid subscription to `plan`, of which only one may exist. Return False if it is in use."""
	filters = {
		"user": subscription.user,
		"plan": plan,
		"status": ("in", LIVE),
		"name": ("!=", subscription.name),
	}
	name = frappe.db.get_value("AI Subscription", filters, "name")
	if not name:
		return True
	open_invoices = frappe.get_all(
		"AI Invoice", {"subscription": name, "status": ("in", OPEN_INVOICES)}, pluck="name"
	)
	invoices = [lock("AI Invoice", open_invoice) for open_invoice in open_invoices]
	other = lock("AI Subscription", name)
	if other.status not in ("Pending", "Expired") or not all(
		doc.can_move_to("Cancelled") for doc in invoices
	):
		return False
	for doc in invoices:
		doc.mark_as_cancelled()
	other.cancel()
	return True
