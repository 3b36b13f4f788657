"""Create invoices, with price and tax from our records."""

from decimal import Decimal

import frappe
from frappe.utils import add_days, cint, nowdate

from oropendola_payments.ai_billing.doctype.ai_invoice.ai_invoice import AIInvoice
from oropendola_payments.ai_billing.doctype.ai_plan.ai_plan import AIPlan
from oropendola_payments.ai_billing.doctype.ai_subscription.ai_subscription import AISubscription
from oropendola_payments.engine.parts.choose import terms_of
from oropendola_payments.engine.tax.quote import quote
from oropendola_payments.money import to_decimal

DUE_AFTER_DAYS = 7


def create_invoice(subscription: AISubscription, purpose: str, currency: str | None = None) -> AIInvoice:
	"""Create the invoice for the next period of a subscription, at the current price."""
	plan = subscription.get_plan()
	price, currency = plan.price_in(currency)
	invoice = frappe.new_doc("AI Invoice")
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
			**_tax(price, currency, subscription.user, plan.product_kind),
			**terms_of(plan),
		}
	)
	invoice.insert(ignore_permissions=True)
	subscription.write(current_invoice=invoice.name)
	return invoice


def must_be_replaced(name: str, plan: AIPlan) -> bool:
	"""Return whether an unpaid invoice can no longer be paid, or no longer matches the plan's price, tax or period."""
	invoice = frappe.get_doc("AI Invoice", name)
	return invoice.is_exhausted() or _is_outdated(invoice, plan)


def _is_outdated(invoice: AIInvoice, plan: AIPlan) -> bool:
	if invoice.paid() or not invoice.can_move_to("Cancelled") or not invoice.billing_interval:
		return False
	price = plan.all_prices().get(invoice.currency)
	if price is None:
		return True
	terms = _tax(price, invoice.currency, invoice.user, plan.product_kind)
	same_money = all(
		to_decimal(invoice.get(field) or 0) == terms[field] for field in ("net_amount", "tax_amount")
	)
	same_period = (invoice.billing_interval, cint(invoice.interval_count)) == (
		plan.billing_interval,
		cint(plan.interval_count),
	)
	return not (same_money and same_period)


def _tax(price: Decimal, currency: str, user: str, product_kind: str | None = None) -> dict:
	"""Return net amount, tax and parties of an invoice to this user for a price after discount."""
	return quote(price, currency, user, product_kind).values()
