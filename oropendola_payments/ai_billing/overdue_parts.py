"""Parts of invoices that are not paid although they were due: for the report, the number card, the alert and the emails."""

from datetime import date, timedelta

import frappe
from frappe.query_builder import DocType
from frappe.utils import cint, getdate

from oropendola_payments.ai_billing.periods import today
from oropendola_payments.money import to_decimal

# An invoice of which nothing was paid has no schedule yet that a customer could be behind with.
RUNNING = ("Partly Paid", "Processing")


def overdue_parts() -> list[frappe._dict]:
	"""Return the parts whose tolerance is over, the earliest due first."""
	return [row for row in unpaid_parts_due_before(today()) if is_overdue(row)]


def is_overdue(row: frappe._dict) -> bool:
	return getdate(row.due_on) + timedelta(days=cint(row.tolerance_days)) < today()


def unpaid_parts_due_before(day: date) -> list[frappe._dict]:
	"""Return the unpaid parts of running invoices that were due before this day."""
	part, invoice, subscription = (
		DocType("AI Invoice Part"),
		DocType("AI Invoice"),
		DocType("AI Subscription"),
	)
	query = frappe.qb.from_(part).join(invoice).on(invoice.name == part.parent)
	query = query.left_join(subscription).on(subscription.name == invoice.subscription)
	query = query.select(
		part.name, part.parent.as_("invoice"), part.idx.as_("number"), part.due_on, part.amount
	)
	query = query.select(part.paid_amount, part.currency, part.user, part.last_reminder)
	query = query.select(
		invoice.subscription, invoice.tolerance_days, invoice.period_end, invoice.covered_days
	)
	query = query.where(part.paid_on.isnull()).where(part.due_on < day)
	query = query.where(invoice.status.isin(RUNNING)).where(invoice.amount_paid > 0)
	# Nobody is behind during a pause, or after the end.
	query = query.where(subscription.status.isnull() | subscription.status.notin(("Paused", "Cancelled")))
	rows = query.orderby(part.due_on).orderby(part.name).run(as_dict=True)
	for row in rows:
		row.left = to_decimal(row.amount) - to_decimal(row.paid_amount or 0)
		row.days_overdue = (today() - getdate(row.due_on)).days
	return rows
