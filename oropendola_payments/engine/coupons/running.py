"""The discount of a coupon that was redeemed earlier and still runs."""

from decimal import Decimal

import frappe
from frappe.utils import cint

from oropendola_payments.ai_billing.doctype.ai_coupon.ai_coupon import AICoupon
from oropendola_payments.ai_billing.doctype.ai_plan.ai_plan import AIPlan
from oropendola_payments.ai_billing.doctype.ai_subscription.ai_subscription import AISubscription


def discount_on_rest(name: str | None, plan: AIPlan, price: Decimal, currency: str) -> Decimal:
	"""Return what the coupon that a period was bought with takes off `price` of `plan`, to which the period is upgraded.

	A coupon for one invoice only was used up by it. Any other goes along if it covers the plan.
	"""
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
