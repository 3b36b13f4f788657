"""Invoices and attempts for the customer pages."""

from frappe import _
from frappe.utils import cint

from oropendola_payments.ai_billing.current import current
from oropendola_payments.ai_billing.known_gateways import adapter_class, is_known
from oropendola_payments.ai_billing.top_up import TOP_UP
from oropendola_payments.engine.checkout import payer
from oropendola_payments.engine.tax.quote import Quote
from oropendola_payments.exceptions import NotFound
from oropendola_payments.web import coupons, plan_changes, words


def own_invoice(user: str, name: str):
	"""Return the invoice, or None if this user has none with that name."""
	try:
		return payer.own_invoice(user, name)
	except NotFound:
		return None


def own_attempt(user: str, name: str):
	try:
		return payer.own_attempt(user, name)
	except NotFound:
		return None


def was_declined(attempt) -> bool:
	"""Return whether the bank declined, while the gateway accepts another try for the same attempt."""
	if not attempt.error_message or not is_known(attempt.gateway):
		return False
	return adapter_class(attempt.gateway).is_retryable_decline(attempt.error_code or "")


def summary(invoice, tax: Quote | None = None) -> dict:
	"""Return the order summary of an invoice, with the tax that it gets when its payment is opened, if that is another one."""
	if tax:
		invoice.update({**tax.values(), "total_amount": tax.total, "outstanding_amount": tax.total})
	plan = invoice.plan and current("AI Plan", invoice.plan)
	currency = invoice.currency
	change = plan_changes.order_of(invoice) if invoice.purpose == "Upgrade" else {}
	return {
		"name": invoice.name,
		"what": words.translated(plan and plan.plan_name) or invoice.description or invoice.name,
		"interval": _interval(invoice, plan) if plan else "",
		"quota": words.quota(plan.requests_limit_per_day) if plan else credits_of(invoice),
		"is_renewal": invoice.purpose == "Renewal",
		"due_date": words.day(invoice.due_date),
		"coupon": coupons.of_invoice(invoice),
		"net": words.money(invoice.net_amount, currency),
		"tax": words.money(invoice.tax_amount, currency) if invoice.tax_amount else "",
		"tax_label": words.tax_line(invoice),
		"taxes": [
			{"text": words.tax_text(line.label, line.rate), "amount": words.money(line.amount, currency)}
			for line in invoice.taxes
		],
		"tax_note": invoice.tax_note or "",
		"is_inclusive": bool(invoice.price_includes_tax),
		"includes_tax": bool(invoice.price_includes_tax and invoice.tax_amount),
		"total": words.money(invoice.total(), currency),
		"paid": words.money(invoice.paid(), currency) if invoice.paid() else "",
		"due": words.money(invoice.outstanding(), currency),
		"currency": currency,
		"is_free_of_charge": not invoice.outstanding(),
		"pay_until": "",
		**change,
	}


def _interval(invoice, plan) -> str:
	"""Return the interval of the invoice. The plan may have changed since."""
	source = invoice if invoice.get("billing_interval") else plan
	return words.interval(source.billing_interval, source.interval_count)


def credits_of(invoice) -> str:
	"""Return what an invoice for a pack brings, or an empty text for any other."""
	if invoice.purpose != TOP_UP:
		return ""
	number = words.number(cint(invoice.credit_units))
	return f"{_('{0} credits').format(number)}. {validity(cint(invoice.credit_days))}"


def validity(days: int) -> str:
	return _("Valid for {0} days.").format(words.number(days)) if days else _("No end date.")
