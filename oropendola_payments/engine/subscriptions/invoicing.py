"""Making invoices: price and tax from our records, credit from earlier payments."""

from decimal import Decimal

import frappe
from frappe.utils import add_days, cint, nowdate

from oropendola_payments.engine.core.transactions import lock
from oropendola_payments.engine.settlement import settle as settlement
from oropendola_payments.gateways.base import Outcome, PaymentEvent
from oropendola_payments.money import quantize, to_decimal

DUE_AFTER_DAYS = 7


def create_invoice(subscription, purpose: str, currency: str | None = None):
	"""An invoice for the next period of a subscription, at today's price."""
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
			**_tax(price, currency),
		}
	)
	invoice.insert(ignore_permissions=True)
	subscription.write(current_invoice=invoice.name)
	return invoice


def is_outdated(name: str, plan) -> bool:
	"""True for an untouched invoice that the plan would not be sold by any more."""
	invoice = frappe.get_doc("AI Invoice", name)
	if invoice.paid() or not invoice.can_move_to("Cancelled") or not invoice.billing_interval:
		return False
	price = plan.all_prices().get(invoice.currency)
	if price is None:
		return True
	terms = {"tax_amount": Decimal(0), **_tax(price, invoice.currency)}
	same_money = all(
		to_decimal(invoice.get(field) or 0) == terms[field] for field in ("net_amount", "tax_amount")
	)
	same_period = (invoice.billing_interval, cint(invoice.interval_count)) == (
		plan.billing_interval,
		cint(plan.interval_count),
	)
	return not (same_money and same_period)


def _tax(price: Decimal, currency: str) -> dict:
	settings = frappe.get_cached_doc("Payment Settings")
	rate = to_decimal(settings.tax_rate or 0)
	if not rate:
		return {"net_amount": price}
	net = quantize(price / (1 + rate / 100), currency) if settings.prices_include_tax else price
	tax = price - net if settings.prices_include_tax else quantize(net * rate / 100, currency)
	return {"net_amount": net, "tax_amount": tax, "tax_rate": rate, "tax_label": settings.tax_label or "Tax"}


def apply_credit(invoice_name: str) -> bool:
	"""Spend the customer's credit on a new invoice. True when that paid it. Runs inside the caller's transaction."""
	invoice = lock("AI Invoice", invoice_name)
	for name in _captures_with_credit(invoice.user, invoice.currency):
		if not invoice.outstanding():
			break
		_spend(invoice, lock("Payment Capture", name))
	return invoice.status == "Paid"


def _captures_with_credit(user: str, currency: str) -> list[str]:
	rows = frappe.db.sql(
		"""SELECT c.name FROM `tabPayment Capture` c JOIN `tabAI Invoice` i ON i.name = c.invoice
		WHERE c.resolution = 'Credit' AND c.currency = %s AND i.user = %s
		AND (c.dispute_state IS NULL OR c.dispute_state NOT IN ('Open', 'Lost'))
		AND c.surplus > c.credit_used + c.amount_refunded ORDER BY c.creation""",
		(currency, user),
	)
	return [row[0] for row in rows]


def _spend(invoice, source):
	amount = min(source.credit_left(), invoice.outstanding())
	if amount <= 0:
		return
	source.write(credit_used=to_decimal(source.credit_used or 0) + amount)
	invoice.record("credit_spent", source, amount=amount, currency=invoice.currency)
	event = PaymentEvent(
		Outcome.PAID, payment_id=f"{source.name}:{invoice.name}", amount=amount, currency=invoice.currency
	)
	attempt = frappe._dict(name=source.attempt, gateway="credit")
	whole = amount == invoice.outstanding()
	capture = settlement.insert_capture(invoice, attempt, event, "Applied" if whole else "Short", amount)
	capture.write(credit_from=source.name)
	settlement.apply_capture(invoice, capture, expected_part=True)
