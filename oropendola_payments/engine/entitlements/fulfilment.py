"""Fulfilment: grant what a paid invoice bought, and revoke it after a full refund. The caller holds the invoice's lock and commits."""

from frappe import _
from frappe.utils import getdate, now_datetime

from oropendola_payments.ai_billing.doctype.ai_invoice.ai_invoice import AIInvoice
from oropendola_payments.ai_billing.doctype.ai_subscription.ai_subscription import LIVE, AISubscription
from oropendola_payments.ai_billing.periods import today
from oropendola_payments.ai_billing.top_up import TOP_UP
from oropendola_payments.engine.core.transactions import lock
from oropendola_payments.engine.coupons import redemptions
from oropendola_payments.engine.entitlements import allowances, bought_share, plan_change, scheduled_change
from oropendola_payments.engine.entitlements.covered_days import was_replaced
from oropendola_payments.engine.entitlements.free_plan import lock_with_endless, replace_free_plans
from oropendola_payments.engine.entitlements.paid_periods import stands_on
from oropendola_payments.engine.entitlements.subscription_lock import require_fresh
from oropendola_payments.engine.wallet import grants


def fulfil(invoice: AIInvoice) -> bool:
	"""Grant what the paid invoice bought, once. Return False if its subscription can no longer have it."""
	if invoice.fulfilled_on:
		return True
	if invoice.purpose == TOP_UP:
		grants.grant_bought(invoice)
	if not invoice.subscription:
		invoice.write(fulfilled_on=now_datetime())
		return True
	subscription, has_endless = lock_with_endless(invoice.subscription)
	if subscription.status == "Cancelled" or was_replaced(invoice):
		redemptions.close(invoice, redemptions.NOT_SERVED_REASON)
		return False
	_see_other_periods(subscription, invoice)
	if invoice.purpose == "Upgrade":
		return _change_plan(subscription, has_endless, invoice)
	replace_free_plans(subscription, has_endless, invoice)
	allowances.begin_period(subscription, invoice)
	subscription.activate_after_payment(invoice, **redemptions.use(invoice, subscription))
	if invoice.covered_days:  # read from the invoice, whose row is written at the end
		allowances.end_with(subscription, getdate(invoice.period_start), getdate(invoice.period_end), today())
	if subscription.next_plan or (invoice.plan and invoice.plan != subscription.plan):
		scheduled_change.follow_paid_plan(subscription, invoice)
	if invoice.covered_days:
		bought_share.recount(subscription, paid_in_full=invoice.name)
	return True


def _see_other_periods(subscription: AISubscription, invoice: AIInvoice) -> None:
	"""What changes the plan, or is a part of a period, depends on what else is paid."""
	changes_plan = subscription.next_plan or (invoice.plan and invoice.plan != subscription.plan)
	if changes_plan or invoice.purpose == "Upgrade" or invoice.covered_days:
		require_fresh(subscription)


def _change_plan(subscription: AISubscription, has_endless: bool, invoice: AIInvoice) -> bool:
	if not plan_change.apply_upgrade(subscription, invoice):
		return False
	replace_free_plans(subscription, has_endless, invoice)
	return True


def revoke_period(invoice: AIInvoice) -> None:
	"""Revoke what a fully refunded invoice bought."""
	subscription = lock("AI Subscription", invoice.subscription)
	require_fresh(subscription)
	if invoice.purpose == "Upgrade":
		plan_change.revert_upgrade(subscription, invoice)
		scheduled_change.switch_if_due(subscription, invoice)
		return
	coupon = redemptions.release_after_refund(invoice, subscription)
	if coupon:  # also when a later period stays
		subscription.write(**coupon)
	if subscription.status not in LIVE or not subscription.end_date:
		return
	if plan_change.upgrade_over(invoice.name):
		invoice.flag_for_review(
			_("An upgrade was paid for the refunded period. Please refund the upgrade too.")
		)
	if getdate(subscription.end_date) != getdate(invoice.period_end):
		invoice.flag_for_review(
			_("A later period was paid for after the refunded one. Please check the end date.")
		)
	elif getdate(invoice.period_start) > stands_on(subscription):
		subscription.write(end_date=invoice.period_start)
		scheduled_change.forget_paid_plan(subscription, invoice)
		invoice.record("period_taken_back", subscription, end_date=invoice.period_start)
	else:
		invoice.record("subscription_ended", subscription, subscription.status, "Cancelled")
		subscription.cancel()
