"""Find a customer's subscription and summarise it."""

import frappe
from frappe import _
from frappe.utils import getdate

from oropendola_payments.ai_billing.current import current
from oropendola_payments.ai_billing.doctype.ai_invoice.ai_invoice import OPEN as OPEN_INVOICES
from oropendola_payments.ai_billing.doctype.ai_subscription.ai_subscription import LIVE, SERVED
from oropendola_payments.ai_billing.periods import today
from oropendola_payments.engine.entitlements import api_keys
from oropendola_payments.exceptions import AmbiguousSubscription, NotFound

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


def subscriptions_of(user: str, plan_id: str | None = None) -> list[frappe._dict]:
	"""Return the customer's subscriptions, the main one first (see STATUS_PRIORITY)."""
	filters = {"user": user, **({"plan": plan_id} if plan_id else {})}
	fields = ["name", "plan", "status", "start_date", "end_date", "daily_quota_limit", "daily_quota_remaining",
		"quota_reset_on", "api_key_link", "current_invoice"]  # fmt: skip
	rows = frappe.get_all("AI Subscription", filters, fields, order_by="creation desc")
	return sorted(rows, key=lambda row: STATUS_PRIORITY.index(row.status))


def choose(
	rows: list[frappe._dict], subscription_id: str | None, unclear: tuple[str, ...] = SERVED
) -> frappe._dict | None:
	"""Return the named one of these subscriptions, or the main one, or None if there is none.

	Raises AmbiguousSubscription if none is named and several have one of the statuses `unclear`.
	"""
	if subscription_id:
		named = next((row for row in rows if row.name == subscription_id), None)
		if not named:
			raise NotFound(_("You have no subscription {0}.").format(subscription_id))
		return named
	several = [row for row in rows if row.status in unclear]
	if len(several) > 1:
		raise _ambiguous(several)
	return rows[0] if rows else None


def _ambiguous(rows: list[frappe._dict]) -> AmbiguousSubscription:
	names = ", ".join(f"{_plan_name(row)} ({row.name})" for row in rows)
	message = _("You have several subscriptions: {0}. Please send the subscription_id of one of them.")
	return AmbiguousSubscription(message.format(names), [_choice(row) for row in rows])


def _choice(row: frappe._dict) -> dict:
	return {
		"subscription_id": row.name,
		"plan": row.plan,
		"plan_name": _plan_name(row),
		"status": row.status,
		"end_date": row.end_date,
	}


def _plan_name(row: frappe._dict) -> str:
	return current("AI Plan", row.plan).plan_name


def live_subscription(user: str, plan: str) -> str | None:
	return frappe.db.get_value(
		"AI Subscription", {"user": user, "plan": plan, "status": ("in", LIVE)}, "name"
	)


def subscription_summary(user: str, subscription_id: str | None = None) -> dict | None:
	"""Return what a customer sees of one subscription: plan, dates, quota and key prefix."""
	row = choose(subscriptions_of(user), subscription_id)
	return _summary(row) if row else None


def subscription_summaries(user: str) -> list[dict]:
	"""Return what a customer sees of all subscriptions that are not cancelled, the main one first."""
	return [_summary(row) for row in subscriptions_of(user) if row.status in LIVE]


def _summary(row: frappe._dict) -> dict:
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


def own_subscription(user: str, subscription_id: str | None = None) -> frappe._dict:
	subscription = choose(subscriptions_of(user), subscription_id)
	if not subscription:
		raise NotFound(_("You have no subscription yet. Please choose a plan first."))
	return subscription
