"""Redemptions: reserved with an invoice, used when it is paid, released when it is cancelled or not paid in time.

A coupon is counted by one conditional statement, and a customer's redemptions by a unique key, so that the last one goes to one
customer only. The price of an invoice is never raised because its reservation ended.
"""

from itertools import count

import frappe
from frappe import _
from frappe.utils import cint, now_datetime

from oropendola_payments.ai_billing import invoice_price, records
from oropendola_payments.ai_billing.current import payment_settings
from oropendola_payments.ai_billing.doctype.ai_coupon.ai_coupon import FOREVER, AICoupon
from oropendola_payments.ai_billing.doctype.ai_coupon_redemption.ai_coupon_redemption import (
	COUNTED,
	AICouponRedemption,
	key_of,
)
from oropendola_payments.ai_billing.doctype.ai_invoice.ai_invoice import AIInvoice
from oropendola_payments.ai_billing.doctype.ai_subscription.ai_subscription import AISubscription
from oropendola_payments.engine.core.transactions import lock
from oropendola_payments.engine.coupons.eligibility import CouponNotValid, CouponRefused

NOT_PAID_REASON = "The invoice was not paid in time."
REPLACED_REASON = "A new invoice replaces this one."
REFUNDED_REASON = "The invoice was refunded."
NOT_SERVED_REASON = "The subscription was cancelled before the payment."


def reserve(invoice: AIInvoice, coupon: AICoupon, promised: bool = False) -> str:
	"""Reserve a redemption for an invoice and return its name. Raises CouponNotValid if another customer took the last one.

	A `promised` one replaces that of a cancelled invoice, whatever the limits are now. The caller writes the invoice and commits.
	"""
	redemption = records.new("AI Coupon Redemption")
	redemption.update(
		{
			"coupon": coupon.name,
			"user": invoice.user,
			"invoice": invoice.name,
			"status": "Reserved",
			"periods": coupon.period_count(),
			"reserved_on": now_datetime(),
			"redemption_key": _free_key(coupon, invoice.user, promised),
		}
	)
	redemption.add()
	# Last, because from here on other customers wait for this coupon.
	if promised:
		coupon.take_promised_redemption()
	elif not coupon.take_redemption():
		raise CouponNotValid
	invoice.record("coupon_reserved", redemption, to_status="Reserved", coupon=coupon.name)
	return redemption.name


def _free_key(coupon: AICoupon, user: str, promised: bool) -> str:
	"""Return the unique key of the customer's next redemption. Of two at the same time the database refuses one."""
	counted = {"coupon": coupon.name, "user": user, "status": ("in", COUNTED)}
	# One that was used after its release has no key.
	keys = frappe.get_all("AI Coupon Redemption", counted, pluck="redemption_key")
	if not promised and cint(coupon.max_per_customer) and len(keys) >= cint(coupon.max_per_customer):
		raise CouponRefused(_("You have already used this coupon."))
	return next(key for n in count(1) if (key := key_of(coupon.name, user, n)) not in keys)


def reserve_again(invoice: AIInvoice) -> None:
	"""Reserve the place of an order that costs nothing once more, if it was released after its due date. Raises CouponRefused if it is gone.

	A late payment is honoured whatever the limits are now. Without a payment nothing was late, and the limits would mean nothing.
	"""
	if not invoice.coupon_redemption:
		return
	if invoice.subscription:  # before the coupon, as everywhere else
		lock("AI Subscription", invoice.subscription)
	redemption: AICouponRedemption = lock("AI Coupon Redemption", invoice.coupon_redemption)
	if redemption.status != "Released":
		return
	coupon: AICoupon = redemption.get_coupon()
	redemption.mark_as_reserved(_free_key(coupon, invoice.user, promised=False))
	if not coupon.take_redemption():
		raise CouponNotValid
	invoice.record("coupon_reserved", redemption, "Released", "Reserved", coupon=coupon.name)


def use(invoice: AIInvoice, subscription: AISubscription) -> dict:
	"""Use the coupon of an invoice that was paid. Return the values to write to its subscription. The caller holds both locks."""
	if not invoice.coupon:
		return {}
	if not invoice.coupon_redemption:
		return _use_one_period(invoice, subscription)
	redemption: AICouponRedemption = lock("AI Coupon Redemption", invoice.coupon_redemption)
	before = redemption.status
	within_limit = redemption.mark_as_used()
	invoice.record("coupon_used", redemption, before, "Used", coupon=invoice.coupon)
	if not within_limit:
		invoice.record("coupon_limit_exceeded", redemption, coupon=invoice.coupon)
	periods = cint(redemption.periods)
	if periods == 1:
		return {}
	return {"coupon": invoice.coupon, "coupon_periods_left": FOREVER if periods == FOREVER else periods - 1}


def _use_one_period(invoice: AIInvoice, subscription: AISubscription) -> dict:
	left = cint(subscription.coupon_periods_left)
	if subscription.coupon != invoice.coupon or left < 1:
		return {}
	return {"coupon": invoice.coupon if left > 1 else None, "coupon_periods_left": left - 1}


def close(invoice: AIInvoice, reason: str) -> None:
	"""Use the coupon of an invoice that is given up if its parts bought days of service, else release it."""
	if not invoice.coupon:
		return
	if not invoice.covered_days:
		invoice_price.release_coupon(invoice, reason)
		return
	subscription = lock("AI Subscription", invoice.subscription)
	values = use(invoice, subscription)
	if values:
		subscription.write(**values)


def release_after_refund(invoice: AIInvoice, subscription: AISubscription) -> dict:
	"""Return the values to write to the subscription of a fully refunded invoice. The caller holds both locks.

	With the redemption the coupon ends; its place goes to somebody else only if Payment Settings say so. A renewal gives its period back.
	"""
	if not invoice.coupon:
		return {}
	if not invoice.coupon_redemption:
		return _give_back_one_period(invoice, subscription)
	if payment_settings().release_coupon_on_refund:
		invoice_price.release_coupon(invoice, REFUNDED_REASON)
	return {"coupon": None, "coupon_periods_left": 0} if subscription.coupon == invoice.coupon else {}


def _give_back_one_period(invoice: AIInvoice, subscription: AISubscription) -> dict:
	left = cint(subscription.coupon_periods_left)
	if left == FOREVER or subscription.coupon not in (None, "", invoice.coupon):
		return {}
	return {"coupon": invoice.coupon, "coupon_periods_left": left + 1}
