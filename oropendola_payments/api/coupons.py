"""Coupons: look a code up, apply it to an invoice, remove it."""

from oropendola_payments.api import contract, endpoint, require_login
from oropendola_payments.api.answers import billing as answers
from oropendola_payments.api.arguments import Currency
from oropendola_payments.engine.subscriptions import discounts


@endpoint(methods=("POST",), answer=answers.CouponPrice, errors=contract.COUPON)
def check(code: str, plan_id: str, currency: Currency | None = None) -> dict:
	"""Return what a coupon takes off the price of a plan. Reserves nothing."""
	return discounts.check(require_login(), code, plan_id, currency)


@endpoint(methods=("POST",), answer=answers.CouponOnInvoice, errors=contract.COUPON)
def apply(invoice_id: str, code: str) -> dict:
	"""Apply a coupon to an unpaid invoice of the user."""
	return discounts.apply(require_login(), invoice_id, code)


@endpoint(methods=("POST",), answer=answers.CouponOnInvoice)
def remove(invoice_id: str) -> dict:
	"""Remove the coupon from an unpaid invoice of the user."""
	return discounts.remove(require_login(), invoice_id)
