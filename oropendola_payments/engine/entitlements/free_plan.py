"""A payment for a plan ends the customer's free subscription, unless the plan says otherwise."""

import frappe
from frappe import _

from oropendola_payments.ai_billing.current import current
from oropendola_payments.ai_billing.doctype.ai_invoice.ai_invoice import AIInvoice
from oropendola_payments.ai_billing.doctype.ai_subscription.ai_subscription import AISubscription
from oropendola_payments.engine.core.transactions import lock

# Only a free subscription is active without an end date. Whether there are others costs a payment no statement of its own.
LOCK = """
	SELECT s.*, EXISTS (
		SELECT 1 FROM `tabAI Subscription` other
		WHERE other.user = s.user AND other.name <> s.name AND other.status = 'Active' AND other.end_date IS NULL) AS has_endless
	FROM `tabAI Subscription` s WHERE s.name = %s FOR UPDATE
"""


def lock_with_endless(name: str) -> tuple[AISubscription, bool]:
	"""Return the locked subscription, and whether its customer has others that are active without an end date."""
	rows = frappe.db.sql(LOCK, name, as_dict=True)
	if not rows:
		raise frappe.DoesNotExistError(_("There is no {0} {1}.").format(_("subscription"), name))
	has_endless = bool(rows[0].pop("has_endless"))
	return frappe.get_doc({"doctype": "AI Subscription", **rows[0]}), has_endless


def replace_free_plans(subscription: AISubscription, has_endless: bool, invoice: AIInvoice) -> None:
	"""Cancel the customer's other subscriptions of free plans, now that this invoice was paid. The caller commits."""
	plan = subscription.get_plan()
	if not has_endless or plan.keeps_free_plan or plan.is_really_free():
		return
	for name in _endless(subscription):
		free = lock("AI Subscription", name)
		if free.status == "Active" and free.get_plan().is_really_free():
			invoice.record("free_plan_replaced", free, "Active", "Cancelled", plan=free.plan)
			free.cancel(replaced_by=invoice.name)


def _endless(subscription: AISubscription) -> list[str]:
	other = frappe.qb.DocType("AI Subscription")
	query = frappe.qb.from_(other).select(other.name).where(other.user == subscription.user)
	query = query.where((other.name != subscription.name) & (other.status == "Active"))
	return query.where(other.end_date.isnull()).orderby(other.name).run(pluck=True)


def plans_replaced_by(invoice: str) -> list[str]:
	"""Return the names of the plans that the payment of this invoice ended."""
	plans = frappe.get_all("AI Subscription", {"replaced_by": invoice}, pluck="plan")
	return [current("AI Plan", plan).plan_name for plan in plans]
