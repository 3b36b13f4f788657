"""The discount of a coupon that was redeemed earlier and still runs."""

from decimal import Decimal

import frappe
from frappe.utils import cint

from oropendola_payments.ai_billing.doctype.ai_coupon.ai_coupon import AICoupon
from oropendola_payments.ai_billing.doctype.ai_invoice.ai_invoice import AIInvoice
from oropendola_payments.ai_billing.doctype.ai_plan.ai_plan import AIPlan
from oropendola_payments.ai_billing.doctype.ai_subscription.ai_subscription import AISubscription


def discount_on_next_period(subscription: AISubscription, plan: AIPlan, currency: str) -> Decimal:
	"""Return what the running coupon takes off the price of `plan` in the subscription's next period; 0 without one."""
	coupon = running_coupon(subscription, plan, currency)
	return coupon.discount_on(plan.price_in(currency)[0], currency) if coupon else Decimal(0)


def discount_on_upgrade(paid: AIInvoice, plan: AIPlan, currency: str) -> Decimal:
	"""Return what the coupon of the paid invoice takes off the full price of `plan`, to which its period is upgraded.

	A coupon for one invoice only was used up by it. Any other goes along if it covers the plan.
	"""
	return discount_on_rest(paid.coupon, plan, plan.price_in(currency)[0], currency)


def discount_on_rest(name: str | None, plan: AIPlan, price: Decimal, currency: str) -> Decimal:
	"""As `discount_on_upgrade`, by the name of the coupon that the period was bought with, and off a price that was quoted."""
	coupon = _coupon(name)
	if not coupon or coupon.duration == "Once" or not coupon.covers(plan.name):
		return Decimal(0)
	return coupon.discount_on(price, currency)


def running_coupon(subscription: AISubscription, plan: AIPlan, currency: str) -> AICoupon | None:
	"""Return the coupon that the next period of the subscription gets. It counts, although nobody may redeem it any more."""
	coupon = _coupon(subscription.coupon) if cint(subscription.coupon_periods_left) else None
	if not coupon or not coupon.covers(plan.name):
		return None
	return coupon if coupon.discount_on(plan.price_in(currency)[0], currency) else None


def _coupon(name: str | None) -> AICoupon | None:
	return frappe.get_doc("AI Coupon", name) if name else None
