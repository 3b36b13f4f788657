"""Find a customer's subscription and summarise it."""

import frappe
from frappe import _
from frappe.utils import getdate

from oropendola_payments.ai_billing.current import current
from oropendola_payments.ai_billing.doctype.ai_invoice.ai_invoice import OPEN as OPEN_INVOICES
from oropendola_payments.ai_billing.doctype.ai_subscription.ai_subscription import LIVE
from oropendola_payments.ai_billing.periods import today
from oropendola_payments.engine.entitlements import api_keys
from oropendola_payments.exceptions import NotFound

# Of several subscriptions of a customer the first of these is the main one.
STATUS_PRIORITY = ("Active", "Trial", "Past Due", "Pending", "Expired", "Cancelled")


def open_invoice(subscription: str, currency: str | None = None) -> str | None:
	"""Return the newest open invoice for a period. An Upgrade changes the plan and buys no period."""
	filters = open_period_invoices(subscription)
	if currency:
		filters["currency"] = currency
	return frappe.db.get_value("AI Invoice", filters, "name", order_by="creation desc")


def open_period_invoices(subscription: str) -> dict:
	return {"subscription": subscription, "status": ("in", OPEN_INVOICES), "purpose": ("!=", "Upgrade")}


def main_subscription(user: str, plan_id: str | None = None) -> frappe._dict | None:
	"""Return the customer's main subscription (see STATUS_PRIORITY), or None."""
	filters = {"user": user, **({"plan": plan_id} if plan_id else {})}
	fields = ["name", "plan", "status", "start_date", "end_date", "daily_quota_limit", "daily_quota_remaining",
		"quota_reset_on", "api_key_link", "current_invoice"]  # fmt: skip
	rows = frappe.get_all("AI Subscription", filters, fields, order_by="creation desc")
	return min(rows, key=lambda row: STATUS_PRIORITY.index(row.status)) if rows else None


def live_subscription(user: str, plan: str) -> str | None:
	return frappe.db.get_value(
		"AI Subscription", {"user": user, "plan": plan, "status": ("in", LIVE)}, "name"
	)


def subscription_summary(user: str) -> dict | None:
	"""Return what a customer sees of the main subscription: plan, dates, quota and key prefix."""
	row = main_subscription(user)
	if not row:
		return None
	plan = current("AI Plan", row.plan)
	prefix = row.api_key_link and frappe.db.get_value("AI API Key", row.api_key_link, "key_prefix")
	fresh = (
		row.quota_reset_on and getdate(row.quota_reset_on) <= today() and row.status in ("Active", "Trial")
	)
	return {
		"subscription_id": row.name,
		"plan": row.plan,
		"plan_name": plan.plan_name,
		"status": row.status,
		"start_date": row.start_date,
		"end_date": row.end_date,
		"quota": {
			"limit": row.daily_quota_limit,
			"remaining": row.daily_quota_limit if fresh else row.daily_quota_remaining,
			"unlimited": row.daily_quota_limit == -1,
			"reset_on": row.quota_reset_on,
		},
		"api_key_prefix": prefix,
		"api_key_waiting": api_keys.has_new_key(row.name),
		"open_invoice": open_invoice(row.name),
	}


def own_subscription(user: str) -> frappe._dict:
	subscription = main_subscription(user)
	if not subscription:
		raise NotFound(_("You have no subscription yet. Please choose a plan first."))
	return subscription
