"""Coupons on invoices: look a code up, apply it to an unpaid invoice, or remove it."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import frappe
from frappe import _

from oropendola_payments.ai_billing import invoice_price
from oropendola_payments.ai_billing.doctype.ai_coupon.ai_coupon import FOREVER, AICoupon
from oropendola_payments.ai_billing.doctype.ai_invoice.ai_invoice import AIInvoice
from oropendola_payments.ai_billing.doctype.ai_plan.ai_plan import AIPlan
from oropendola_payments.ai_billing.formatting import money, number
from oropendola_payments.engine.core.transactions import in_transaction, lock_own_invoice
from oropendola_payments.engine.coupons import guesses
from oropendola_payments.engine.coupons.choice import attach, choose
from oropendola_payments.engine.coupons.eligibility import normalized, redeemable
from oropendola_payments.engine.settlement import under_way
from oropendola_payments.engine.subscriptions import invoicing
from oropendola_payments.engine.subscriptions.catalogue import get_plan
from oropendola_payments.exceptions import Conflict, Unprocessable
from oropendola_payments.money import quantize

REMOVED_REASON = "The customer removed the coupon."


# What customers ask for ---------------------------------------------------------------------------


def check(user: str, code: str, plan_id: str, currency: str | None) -> dict:
	"""Return what a code takes off the price of a plan, as figures and as a sentence. Reserves nothing."""
	plan = get_plan(plan_id)
	plan.require_active()
	price, currency = plan.price_in(currency)
	with guesses.limited(user):
		coupon = redeemable(normalized(code), user, plan, price, currency)
	amounts = invoicing.amounts_of(price, currency, user, plan, coupon)
	discount = amounts["discount_amount"]
	return {
		"coupon": coupon.name,
		"plan_id": plan.name,
		"currency": currency,
		"price": price,
		"discount": discount,
		"new_price": price - discount,
		"tax_amount": amounts["tax_amount"],
		"total_amount": amounts["net_amount"] + amounts["tax_amount"],
		"duration": coupon.duration,
		"periods": coupon.period_count(),
		"sentence": _sentence(coupon, price, currency),
	}


def apply(user: str, invoice_name: str, code: str) -> dict:
	"""Apply a code to the customer's unpaid invoice. A repeated call gives the same answer."""
	with guesses.limited(user):
		return _once_more_if_taken(_apply_to_own, user, invoice_name, normalized(code))


def remove(user: str, invoice_name: str) -> dict:
	"""Take the coupon off the customer's unpaid invoice, and let somebody else redeem it."""
	return in_transaction(_remove_locked, user, invoice_name)


def _sentence(coupon: AICoupon, price: Decimal, currency: str) -> str:
	old, new = money(price, currency), money(price - coupon.discount_on(price, currency), currency)
	periods = coupon.period_count()
	if periods == FOREVER:
		return _("You pay {0} instead of {1} for every period.").format(new, old)
	if periods == 1:
		return _("You pay {0} instead of {1} for this period.").format(new, old)
	return _("You pay {0} instead of {1} for each of {2} periods.").format(new, old, number(periods))


def _once_more_if_taken(work: Callable[..., dict], *args: Any) -> dict:
	"""Repeat if a parallel request of the same customer took the same place of the coupon; then it is there to be seen."""
	try:
		return in_transaction(work, *args)
	except (frappe.UniqueValidationError, frappe.DuplicateEntryError):
		return in_transaction(work, *args)


def has_coupons() -> bool:
	"""Return whether there is a coupon that somebody may redeem, so that a page asks for codes."""
	return bool(frappe.db.exists("AI Coupon", {"is_active": 1}))


# On one invoice -----------------------------------------------------------------------------------


def _apply_to_own(user: str, invoice_name: str, code: str) -> dict:
	invoice = lock_own_invoice(user, invoice_name)
	apply_to(invoice, code)
	return _answer(invoice)


def apply_to(invoice: AIInvoice, code: str) -> None:
	"""Apply a normalized code to a locked invoice. Raises Conflict if its price can no longer change."""
	if invoice.coupon == code:
		return
	if invoice.coupon:
		message = _("Invoice {0} already has the coupon {1}. Please remove it first.")
		raise Conflict(message.format(invoice.name, invoice.coupon))
	plan = _require_changeable(invoice)
	subscription = frappe.get_doc("AI Subscription", invoice.subscription)
	discount = choose(subscription, plan, invoice.currency, code, invoice=invoice.name)
	if discount:
		amount = invoicing.change_price(invoice, plan, discount.coupon)
		attach(invoice, discount, amount)


def _remove_locked(user: str, invoice_name: str) -> dict:
	invoice = lock_own_invoice(user, invoice_name)
	if invoice.coupon:
		plan = _require_changeable(invoice)
		invoice_price.release_coupon(invoice, REMOVED_REASON)
		invoice.record("coupon_removed", coupon=invoice.coupon)
		invoice.write(coupon=None, coupon_redemption=None, discount_amount=Decimal(0))
		invoicing.change_price(invoice, plan)
	return _answer(invoice)


def is_changeable(invoice: AIInvoice) -> bool:
	"""Return whether a coupon may be applied to the invoice or removed from it."""
	is_final = invoice_price.is_final(invoice) or invoice.is_exhausted()
	return _takes_coupons(invoice) and not is_final and not under_way.is_being_paid(invoice.name)


def _takes_coupons(invoice: AIInvoice) -> bool:
	return invoice.purpose in ("New", "Renewal") and bool(invoice.plan and invoice.subscription)


def _require_changeable(invoice: AIInvoice) -> AIPlan:
	"""Return the plan of an invoice whose price may still change."""
	if not _takes_coupons(invoice):
		raise Unprocessable(_("A coupon can be used for a new subscription or a renewal only."))
	if under_way.is_being_paid_now(invoice.name):
		message = _(
			"A payment for invoice {0} is in progress. Please complete or cancel it before you change the coupon."
		)
		raise Conflict(message.format(invoice.name))
	invoice_price.require_changeable(invoice)
	plan = get_plan(invoice.plan or "")
	if invoicing.must_be_replaced(invoice.name, plan):
		message = _("Invoice {0} is out of date. Please request a new one on the billing page.")
		raise Conflict(message.format(invoice.name))
	return plan


def _answer(invoice: AIInvoice) -> dict:
	return {
		"invoice_id": invoice.name,
		"status": invoice.status,
		"coupon": invoice.coupon or None,
		"currency": invoice.currency,
		"full_price": invoice_price.full_price(invoice),
		"discount_amount": invoice_price.discount(invoice),
		"net_amount": quantize(invoice.net_amount or 0, invoice.currency),
		"tax_amount": quantize(invoice.tax_amount or 0, invoice.currency),
		"total_amount": invoice.total(),
		"outstanding_amount": invoice.outstanding(),
	}
