"""Renew with another plan: that is a change of plan."""

import frappe

from oropendola_payments.engine.plan_changes import confirm, preview
from oropendola_payments.engine.plan_changes.quote import PERIOD_END
from oropendola_payments.engine.subscriptions import renewal
from oropendola_payments.engine.subscriptions.catalogue import get_plan
from oropendola_payments.engine.subscriptions.lookup import choose, subscriptions_of


def renew(user: str, plan_id: str | None = None, subscription_id: str | None = None) -> dict:
	"""Return the invoice for the next period, or with another plan what the change to it costs, and its invoice."""
	other = _subscription_with_another_plan(user, plan_id, subscription_id) if plan_id else None
	if not plan_id or not other:
		return renewal.renew(user, plan_id, subscription_id)
	if other.next_plan == plan_id:  # the change is scheduled, so the next period is for this plan anyway
		return renewal.renew(user, subscription_id=other.name)
	quote = preview.preview(user, plan_id, other.name)
	made = confirm.change(user, plan_id, quote["quote"], other.name)
	invoice = made.get("invoice_id")
	if made["timing"] == PERIOD_END and not get_plan(plan_id).is_really_free():
		invoice = renewal.renew(user, subscription_id=other.name)["invoice_id"]
	return {**made, "action": "change", "invoice_id": invoice, "quote": quote}


def _subscription_with_another_plan(
	user: str, plan_id: str, subscription_id: str | None
) -> frappe._dict | None:
	"""Return the subscription that would change, or None if one to this plan is to be renewed, or there is none to change."""
	get_plan(plan_id)
	rows = subscriptions_of(user)
	alive = [row for row in rows if row.status not in ("Cancelled", "Pending")]
	if not subscription_id and (
		not alive or any(row.plan == plan_id for row in rows if row.status != "Cancelled")
	):
		return None
	chosen = choose(rows if subscription_id else alive, subscription_id)
	return chosen if chosen and chosen.plan != plan_id and chosen in alive else None
