"""Find a customer's subscription and summarise it."""

import frappe
from frappe import _
from frappe.utils import cint, getdate

from oropendola_payments.ai_billing.current import current
from oropendola_payments.ai_billing.doctype.ai_invoice.ai_invoice import OPEN as OPEN_INVOICES
from oropendola_payments.ai_billing.doctype.ai_subscription.ai_subscription import LIVE, SERVED
from oropendola_payments.ai_billing.periods import today
from oropendola_payments.engine.ending import at_period_end
from oropendola_payments.engine.entitlements import api_keys
from oropendola_payments.engine.entitlements.scheduled_change import is_due, switch
from oropendola_payments.engine.entitlements.windows import TERM_FIELDS
from oropendola_payments.engine.pauses import pause as pauses
from oropendola_payments.engine.pauses import resume as resuming
from oropendola_payments.exceptions import AmbiguousSubscription, NotFound

# Of several subscriptions of a customer the first of these is the main one.
STATUS_PRIORITY = ("Active", "Trial", "Paused", "Past Due", "Pending", "Expired", "Cancelled")


FIELDS = [
	"name", "plan", "status", *TERM_FIELDS, "daily_quota_limit", "daily_quota_remaining", "quota_reset_on",
	"used_before_change", "used_before_change_on",
	"api_key_link", "current_invoice", "is_default", "cancel_at_period_end", "paused_on", "pause_until", "next_plan", "switch_on",
	"user", "coupon", "coupon_periods_left",
]  # fmt: skip


def open_invoice(subscription: str, currency: str | None = None) -> str | None:
	"""Return the newest open invoice for a period. An Upgrade changes the plan and buys no period."""
	filters = open_period_invoices(subscription)
	if currency:
		filters["currency"] = currency
	return frappe.db.get_value("AI Invoice", filters, "name", order_by="creation desc")


def open_period_invoices(subscription: str) -> dict:
	return {"subscription": subscription, "status": ("in", OPEN_INVOICES), "purpose": ("!=", "Upgrade")}


def subscriptions_of(user: str, plan_id: str | None = None) -> list[frappe._dict]:
	"""Return the customer's subscriptions, the main one first: the default that the customer set, else see STATUS_PRIORITY.

	A cancellation or the end of a pause that is due happens first, so that a stopped scheduler makes no difference.
	"""
	rows = _rows(user, plan_id)
	changed = [row.name for row in rows if _bring_up_to_date(row)]
	if changed:
		rows = _rows(user, plan_id)
	return sorted(rows, key=lambda row: (not row.is_default, STATUS_PRIORITY.index(row.status)))


def _rows(user: str, plan_id: str | None) -> list[frappe._dict]:
	filters = {"user": user, **({"plan": plan_id} if plan_id else {})}
	return frappe.get_all("AI Subscription", filters, FIELDS, order_by="creation desc")


def _bring_up_to_date(row: frappe._dict) -> bool:
	"""Do what is due for this subscription. Return whether there was anything."""
	if resuming.is_due(row):
		return resuming.resume_if_due(row.name)
	if at_period_end.is_due(row):
		return at_period_end.end_if_due(row.name)
	return is_due(row.switch_on) and row.status in ("Active", "Trial") and switch(row.name)


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
	return next(iter(several or rows), None)


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
	return next((row.name for row in subscriptions_of(user, plan) if row.status in LIVE), None)


def subscription_summary(user: str, subscription_id: str | None = None) -> dict | None:
	"""Return what a customer sees of one subscription: plan, dates, quota and key prefix."""
	row = choose(subscriptions_of(user), subscription_id, unclear=())
	return _summary(row) if row else None


def subscription_summaries(user: str) -> list[dict]:
	"""Return what a customer sees of all subscriptions that are not cancelled, the main one first."""
	return [_summary(row) for row in subscriptions_of(user) if row.status in LIVE]


def _summary(row: frappe._dict) -> dict:
	prefix = row.api_key_link and frappe.db.get_value("AI API Key", row.api_key_link, "key_prefix")
	return {
		**facts(row),
		"api_key_prefix": prefix,
		"api_key_waiting": api_keys.has_new_key(row.name),
		"open_invoice": open_invoice(row.name),
	}


def facts(row: frappe._dict) -> dict:
	"""Return what the row itself says about a subscription, without another query."""
	fresh = row.quota_reset_on and getdate(row.quota_reset_on) <= today() and row.status in SERVED
	asleep = row.status == "Paused"
	return {
		"subscription_id": row.name,
		"plan": row.plan,
		"plan_name": _plan_name(row),
		"status": row.status,
		"start_date": row.start_date,
		"end_date": row.end_date,
		"quota": {
			"limit": 0 if asleep else row.daily_quota_limit,
			"remaining": 0 if asleep else row.daily_quota_limit if fresh else row.daily_quota_remaining,
			"unlimited": row.daily_quota_limit == -1 and not asleep,
			"reset_on": row.quota_reset_on,
		},
		"next_plan": row.next_plan,
		"next_plan_name": current("AI Plan", row.next_plan).plan_name if row.next_plan else None,
		"switch_on": row.switch_on,
		"coupon": row.coupon or None,
		"coupon_periods_left": cint(row.coupon_periods_left),
		"is_default": bool(row.is_default),
		"cancel_at_period_end": bool(row.cancel_at_period_end),
		"ends_on": row.end_date if row.cancel_at_period_end else None,
		"pause": pauses.facts(row) if asleep else None,
	}


def own_subscription(
	user: str, subscription_id: str | None = None, unclear: tuple[str, ...] = SERVED
) -> frappe._dict:
	subscription = choose(subscriptions_of(user), subscription_id, unclear)
	if not subscription:
		raise NotFound(_("You have no subscription yet. Please choose a plan first."))
	return subscription
