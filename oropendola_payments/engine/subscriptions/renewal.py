"""Renew a subscription: create the invoice for the next period."""

import frappe
from frappe import _

from oropendola_payments.ai_billing.current import current
from oropendola_payments.ai_billing.doctype.ai_subscription.ai_subscription import AISubscription
from oropendola_payments.engine.core.transactions import in_transaction, lock
from oropendola_payments.engine.subscriptions.catalogue import get_plan
from oropendola_payments.engine.subscriptions.lifecycle import open_or_create_invoice
from oropendola_payments.engine.subscriptions.lookup import choose, subscriptions_of
from oropendola_payments.exceptions import Conflict, NotFound, Unprocessable

# Of several in these states a request to renew must name one.
RENEWABLE = ("Active", "Trial", "Past Due")


def renew(
	user: str,
	plan_id: str | None = None,
	subscription_id: str | None = None,
	states: tuple[str, ...] = (),
	otherwise: str = "",
) -> dict:
	"""Return the invoice for the next period, and whether it extends the current period or starts a new one.

	Raises Conflict with the sentence `otherwise` if the subscription is in none of the `states`.
	"""
	subscription = _subscription_to_renew(user, plan_id, subscription_id)
	if states and (not subscription or subscription.status not in states):
		raise Conflict(otherwise)
	if not subscription:
		raise NotFound(_("You have no subscription to renew. Please choose a plan first."))
	if subscription.status == "Cancelled":
		raise Conflict(_("Your subscription was cancelled. Please subscribe again."))
	return in_transaction(_renew, subscription.name)


def _renew(name: str) -> dict:
	subscription = lock("AI Subscription", name)
	plan = subscription.renewal_plan()
	if plan.is_really_free():
		raise Unprocessable(_("{0} is free and does not need to be renewed.").format(plan.plan_name))
	if subscription.status == "Paused":
		raise Conflict(_("{0} is paused. Please resume it first.").format(plan.plan_name))
	plan.require_active()
	action = "extend" if subscription.continues() else "new"
	purpose = "New" if subscription.status == "Pending" else "Renewal"
	answer = open_or_create_invoice(subscription, purpose, _last_currency(subscription))
	return {"invoice_id": answer["invoice_id"], "subscription_id": subscription.name, "action": action}


def _last_currency(subscription: AISubscription) -> str | None:
	"""Return the currency of the last invoice if the plan is still sold in it, else None."""
	last = frappe.db.get_value(
		"AI Invoice", {"subscription": subscription.name}, "currency", order_by="creation desc"
	)
	return last if last in subscription.renewal_plan().all_prices() else None


def _subscription_to_renew(
	user: str, plan_id: str | None, subscription_id: str | None
) -> frappe._dict | None:
	"""Return the one that is meant. Beside others a free subscription is not: it needs no renewal."""
	if plan_id:
		get_plan(plan_id)
	rows = subscriptions_of(user, plan_id)
	paid = [row for row in rows if not current("AI Plan", row.plan).is_really_free()]
	return choose(rows if subscription_id else paid or rows, subscription_id, unclear=RENEWABLE)
