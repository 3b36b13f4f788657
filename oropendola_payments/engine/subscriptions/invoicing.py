"""Create invoices, with price and tax from our records."""

from decimal import Decimal

import frappe
from frappe.utils import add_days, cint, nowdate

from oropendola_payments.ai_billing import invoice_price
from oropendola_payments.ai_billing.doctype.ai_coupon.ai_coupon import AICoupon
from oropendola_payments.ai_billing.doctype.ai_invoice.ai_invoice import AIInvoice
from oropendola_payments.ai_billing.doctype.ai_plan.ai_plan import AIPlan
from oropendola_payments.ai_billing.doctype.ai_subscription.ai_subscription import AISubscription
from oropendola_payments.engine.coupons.choice import Discount, attach
from oropendola_payments.engine.parts.choose import terms_of
from oropendola_payments.engine.tax.quote import quote
from oropendola_payments.money import to_decimal

DUE_AFTER_DAYS = 7


def create_invoice(
	subscription: AISubscription,
	purpose: str,
	currency: str | None = None,
	discount: Discount | None = None,
) -> AIInvoice:
	"""Create the invoice for the next period of a subscription, at the current price of its next plan less the discount."""
	plan = subscription.renewal_plan()
	price, currency = plan.price_in(currency)
	amounts = amounts_of(price, currency, subscription.user, plan, discount.coupon if discount else None)
	invoice = new_invoice(subscription, plan, purpose, currency, {**amounts, **terms_of(plan)})
	if discount:
		attach(invoice, discount, amounts["discount_amount"])
	subscription.write(current_invoice=invoice.name)
	return invoice


def new_invoice(
	subscription: AISubscription, plan: AIPlan, purpose: str, currency: str, amounts: dict, **flags: bool
) -> AIInvoice:
	"""Insert an invoice of a subscription. `amounts` are those of `tax_on` or `amounts_of`."""
	invoice = frappe.new_doc("AI Invoice")
	invoice.flags.update({"ignore_links": True, **flags})  # they come from our own records
	invoice.update(
		{
			"user": subscription.user,
			"subscription": subscription.name,
			"plan": plan.name,
			"purpose": purpose,
			"currency": currency,
			"due_date": add_days(nowdate(), DUE_AFTER_DAYS),
			"description": plan.plan_name,
			"billing_interval": plan.billing_interval,
			"interval_count": plan.interval_count,
			**amounts,
		}
	)
	invoice.insert(ignore_permissions=True)
	return invoice


def must_be_replaced(name: str, plan: AIPlan) -> bool:
	"""Return whether an unpaid invoice can no longer be paid, or no longer matches the plan's price, tax or period."""
	invoice = frappe.get_doc("AI Invoice", name)
	return invoice.is_exhausted() or _is_outdated(invoice, plan)


def _is_outdated(invoice: AIInvoice, plan: AIPlan) -> bool:
	if invoice.paid() or not invoice.can_move_to("Cancelled") or not invoice.billing_interval:
		return False
	price = plan.all_prices().get(invoice.currency)
	if price is None or invoice.plan != plan.name:
		return True
	coupon = frappe.get_doc("AI Coupon", invoice.coupon) if invoice.coupon else None
	terms = amounts_of(price, invoice.currency, invoice.user, plan, coupon)
	same_money = all(
		to_decimal(invoice.get(field) or 0) == terms[field]
		for field in ("net_amount", "tax_amount", "discount_amount")
	)
	same_period = (invoice.billing_interval, cint(invoice.interval_count)) == (
		plan.billing_interval,
		cint(plan.interval_count),
	)
	return not (same_money and same_period)


def tax_on(price: Decimal, currency: str, user: str, plan: AIPlan) -> dict:
	"""Return net amount, tax and parties of an invoice to this user for a price after discount."""
	return quote(price, currency, user, plan.product_kind).values()


def amounts_of(price: Decimal, currency: str, user: str, plan: AIPlan, coupon: AICoupon | None) -> dict:
	"""Return net amount, tax, discount and parties of an invoice to this user. The discount is taken off the price before tax."""
	discount = coupon.discount_on(price, currency) if coupon else Decimal(0)
	values = tax_on(price - discount, currency, user, plan)
	return {**values, "discount_amount": discount}


def change_price(invoice: AIInvoice, plan: AIPlan, coupon: AICoupon | None = None) -> Decimal:
	"""Write the amounts of an unpaid invoice anew, with or without a coupon. Return the discount."""
	price, currency = plan.price_in(invoice.currency)
	amounts = amounts_of(price, currency, invoice.user, plan, coupon)
	discount = amounts.pop("discount_amount")
	invoice_price.change(invoice, **amounts)
	return discount
