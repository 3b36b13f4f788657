"""Decide whether a customer may redeem a code."""

from decimal import Decimal

import frappe
from frappe import _
from frappe.utils import getdate

from oropendola_payments.ai_billing.doctype.ai_coupon.ai_coupon import CODE, AICoupon
from oropendola_payments.ai_billing.doctype.ai_invoice.ai_invoice import SETTLED
from oropendola_payments.ai_billing.doctype.ai_plan.ai_plan import AIPlan
from oropendola_payments.ai_billing.formatting import day
from oropendola_payments.ai_billing.periods import today
from oropendola_payments.exceptions import Unprocessable


class CouponRefused(Unprocessable):
	error_code = "coupon_refused"


class CouponNotValid(CouponRefused):
	"""One answer for codes that are unknown, inactive, not yet valid, used up or of somebody else: a guess learns nothing."""

	error_code = "coupon_not_valid"

	def __init__(self) -> None:
		super().__init__(_("This coupon code is not valid."))


def normalized(typed: str) -> str:
	"""Return the code as it is stored. Letters that only look like A to Z are refused, not replaced."""
	code = typed.strip()
	if not code.isascii() or not CODE.fullmatch(code.upper()):
		raise CouponRefused(
			_(
				"A coupon code has only letters from A to Z, digits, hyphens and underscores. Please check how you typed it."
			)
		)
	return code.upper()


def redeemable(
	code: str, user: str, plan: AIPlan, price: Decimal, currency: str, invoice: str | None = None
) -> AICoupon:
	"""Return the coupon with this normalized code. Raises CouponRefused if the customer cannot redeem it for the plan."""
	coupon = _coupon_of(code, user)
	if coupon.valid_to and today() > getdate(coupon.valid_to):
		raise CouponRefused(_("This coupon expired on {0}.").format(day(coupon.valid_to)))
	if not coupon.covers(plan.name):
		raise CouponRefused(_("This coupon cannot be used for {0}.").format(plan.plan_name))
	if not coupon.discount_on(price, currency):
		message = _("This coupon gives no discount on {0} in {1}.")
		raise CouponRefused(message.format(plan.plan_name, currency))
	if coupon.first_purchase_only and _has_bought(user, invoice):
		raise CouponRefused(_("This coupon is only for a first purchase."))
	return coupon


def _coupon_of(code: str, user: str) -> AICoupon:
	if not frappe.db.exists("AI Coupon", code):
		raise CouponNotValid
	coupon: AICoupon = frappe.get_doc("AI Coupon", code)
	starts_later = coupon.valid_from and today() < getdate(coupon.valid_from)
	if not coupon.is_active or starts_later or not coupon.is_for(user) or not coupon.has_redemptions_left():
		raise CouponNotValid
	return coupon


def _has_bought(user: str, invoice: str | None) -> bool:
	"""Return whether the customer has bought something, or is about to with another coupon."""
	other = {"user": user, "name": ("!=", invoice or "")}
	settled = {**other, "status": ("in", SETTLED)}
	served_in_part = {**other, "covered_days": (">", 0)}
	promised = {**other, "status": ("!=", "Cancelled"), "coupon": ("is", "set")}
	return bool(
		frappe.db.exists("AI Invoice", settled)
		or frappe.db.exists("AI Invoice", served_in_part)
		or frappe.db.exists("AI Invoice", promised)
	)
