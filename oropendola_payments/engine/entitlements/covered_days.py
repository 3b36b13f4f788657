"""Covered days: each part of an invoice is served at once for its share of the period. The caller holds the invoice's lock and commits."""

from frappe.utils import cint

from oropendola_payments.ai_billing.doctype.ai_invoice.ai_invoice import AIInvoice
from oropendola_payments.ai_billing.periods import today
from oropendola_payments.engine.entitlements import allowances
from oropendola_payments.engine.entitlements.free_plan import lock_with_endless, replace_free_plans
from oropendola_payments.engine.parts import arithmetic
from oropendola_payments.money import to_minor


def cover(invoice: AIInvoice) -> bool:
	"""Grant the days that were bought with what is paid so far. Return False if the subscription can no longer have them."""
	subscription, endless = lock_with_endless(invoice.subscription or "")
	if subscription.status == "Cancelled":
		return False
	start, end = subscription.next_period(invoice)
	days = cint(invoice.period_days) or (end - start).days
	paid, total = (to_minor(amount, invoice.currency) for amount in (invoice.counted(), invoice.total()))
	covered = arithmetic.covered_days(days, paid, total)
	if covered > cint(invoice.covered_days):
		replace_free_plans(subscription, endless, invoice)
		allowances.begin_period(subscription, invoice)
		subscription.serve_days(invoice, covered, days)
		allowances.follow_period(subscription, today())
	return True
