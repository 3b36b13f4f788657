"""Choose the coupon of an invoice, and put it on the invoice."""

from dataclasses import dataclass
from decimal import Decimal

import frappe
from frappe.utils import cint

from oropendola_payments.ai_billing.doctype.ai_coupon.ai_coupon import AICoupon
from oropendola_payments.ai_billing.doctype.ai_invoice.ai_invoice import AIInvoice
from oropendola_payments.ai_billing.doctype.ai_plan.ai_plan import AIPlan
from oropendola_payments.ai_billing.doctype.ai_subscription.ai_subscription import AISubscription
from oropendola_payments.engine.coupons.eligibility import redeemable
from oropendola_payments.engine.coupons.redemptions import reserve
from oropendola_payments.engine.coupons.running import running_coupon


@dataclass(frozen=True)
class Discount:
	"""A coupon for an invoice. It is redeemed with it, unless it runs on from an earlier invoice."""

	coupon: AICoupon
	is_running: bool = False
	is_promised: bool = False  # an invoice that this one replaces had redeemed it


def choose(
	subscription: AISubscription,
	plan: AIPlan,
	currency: str | None,
	code: str | None = None,
	promised: str | None = None,
	invoice: str | None = None,
) -> Discount | None:
	"""Return the discount of the next invoice: by the code that was typed, as promised before, or from the running coupon.

	Raises CouponRefused if the code cannot be redeemed.
	"""
	price, sold_in = plan.price_in(currency)
	if code and not (code == subscription.coupon and cint(subscription.coupon_periods_left)):
		return Discount(redeemable(code, subscription.user, plan, price, sold_in, invoice))
	coupon = frappe.get_doc("AI Coupon", promised) if promised and not code else None
	if coupon and coupon.covers(plan.name) and coupon.discount_on(price, sold_in):
		return Discount(coupon, is_promised=True)
	running = running_coupon(subscription, plan, sold_in)
	return Discount(running, is_running=True) if running else None


def attach(invoice: AIInvoice, discount: Discount, amount: Decimal) -> None:
	"""Write the coupon to an invoice whose amounts are reduced by it, and reserve its redemption. The caller commits."""
	coupon = discount.coupon.name
	if discount.is_running:
		invoice.record("coupon_applied", coupon=coupon, discount=amount, currency=invoice.currency)
		invoice.write(coupon=coupon, discount_amount=amount)
	else:
		redemption = reserve(invoice, discount.coupon, discount.is_promised)
		invoice.write(coupon=coupon, discount_amount=amount, coupon_redemption=redemption)
