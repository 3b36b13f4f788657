"""Covered days: each part of an invoice is served at once for its share of the period. The caller holds the invoice's lock and commits."""

import frappe
from frappe.utils import cint, getdate

from oropendola_payments.ai_billing.doctype.ai_invoice.ai_invoice import AIInvoice
from oropendola_payments.ai_billing.periods import midnight, today
from oropendola_payments.engine.entitlements import allowances, bought_share
from oropendola_payments.engine.entitlements.free_plan import lock_with_endless, replace_free_plans
from oropendola_payments.engine.entitlements.subscription_lock import require_fresh
from oropendola_payments.engine.parts import arithmetic
from oropendola_payments.money import to_minor


def cover(invoice: AIInvoice) -> bool:
	"""Grant the days that were bought with what is paid so far. Return False if the subscription can no longer have them."""
	subscription, has_endless = lock_with_endless(invoice.subscription or "")
	if subscription.status == "Cancelled" or was_replaced(invoice):
		return False
	require_fresh(subscription)
	start, end = subscription.next_period(invoice)
	days = cint(invoice.period_days) or (end - start).days
	paid, total = (to_minor(amount, invoice.currency) for amount in (invoice.counted(), invoice.total()))
	covered = arithmetic.covered_days(days, paid, total)
	if covered > cint(invoice.covered_days):
		replace_free_plans(subscription, has_endless, invoice)
		allowances.begin_period(subscription, invoice)
		subscription.serve_days(invoice, covered, days)
		allowances.follow_period(subscription, today())
		bought_share.recount(subscription)
	return True


def was_replaced(invoice: AIInvoice) -> bool:
	"""Return whether another plan began a period of its own after the days that were bought so far: more of them fit nowhere."""
	if not invoice.covered_days:
		return False
	began = {"subscription": invoice.subscription, "status": "Applied", "restarts": 1}
	since = (">=", midnight(getdate(invoice.period_start)))
	return bool(frappe.db.exists("AI Plan Change", {**began, "applied_on": since}))
