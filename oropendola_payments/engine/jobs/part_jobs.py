"""Jobs for invoices that are paid in parts: remind of the next part, tell of a missed one, close what stays unfinished."""

from datetime import date, timedelta
from functools import partial

import frappe
from frappe.utils import cint, getdate

from oropendola_payments.ai_billing.current import payment_settings
from oropendola_payments.ai_billing.doctype.ai_invoice.ai_invoice import AIInvoice
from oropendola_payments.ai_billing.doctype.payment_event.payment_event import acting_as
from oropendola_payments.ai_billing.overdue_parts import overdue_parts
from oropendola_payments.ai_billing.periods import today
from oropendola_payments.engine.core import after_commit
from oropendola_payments.engine.core.batch import enqueue_sweep, for_each
from oropendola_payments.engine.core.transactions import in_transaction, lock, safely
from oropendola_payments.engine.dunning.opt_out import has_opted_out
from oropendola_payments.engine.entitlements.covered_days import was_replaced
from oropendola_payments.engine.gateway import live_guard
from oropendola_payments.engine.parts.schedule import next_part
from oropendola_payments.engine.settlement import unfinished

THIS = "oropendola_payments.engine.jobs.part_jobs"


def send_part_reminders() -> None:
	enqueue_sweep(f"{THIS}.run_part_reminders")


def close_unfinished_invoices() -> None:
	enqueue_sweep(f"{THIS}.run_closing")


# Reminders ----------------------------------------------------------------------------------------


def run_part_reminders() -> None:
	"""Remind of parts that are due soon, and tell of parts that were missed, once for each day set in Payment Settings.

	A copy of the site asks nobody to pay.
	"""
	if live_guard.is_copy():
		return
	with acting_as("Sweep"):
		for days in payment_settings().part_reminder_offsets():
			due_on = today() + timedelta(days=days)
			for_each("AI Invoice Part", {"due_on": due_on}, partial(_remind, mark=f"{due_on} {days}"))
		for row in overdue_parts():
			safely(partial(_remind, row.name, mark=f"missed {row.due_on}"))


def _remind(part: str, mark: str) -> None:
	"""Queue the mail after the mark is committed, so that a mail server outage cannot cause a second reminder."""
	invoice = frappe.db.get_value("AI Invoice Part", part, "parent")
	if in_transaction(_mark_reminded, invoice, part, mark):
		after_commit.enqueue(
			"oropendola_payments.engine.notifications.hooks.part_due",
			queue=after_commit.MAILS,
			part=part,
			missed=mark.startswith("missed"),
		)


def _mark_reminded(invoice_name: str, part_name: str, mark: str) -> bool:
	"""Return whether the customer is to be reminded of this part. While a payment is under way nobody is asked to pay."""
	invoice = lock("AI Invoice", invoice_name)
	part = next_part(invoice.name)
	if invoice.status != "Partly Paid" or not part or part.name != part_name or part.last_reminder == mark:
		return False
	if cint(invoice.needs_review) or has_opted_out(invoice.user, "Email") or _ends(invoice):
		return False
	part.write(last_reminder=mark)
	invoice.record("part_reminded", invoice, part=part.idx, mark=mark)
	invoice.flush_events()
	return True


def _ends(invoice: AIInvoice) -> bool:
	"""Return whether the customer has cancelled, paused or changed the plan, so that no more parts are wanted now."""
	if not invoice.subscription:
		return False
	if was_replaced(invoice):
		return True
	subscription = frappe.get_doc("AI Subscription", invoice.subscription)
	return subscription.status in ("Cancelled", "Paused") or bool(cint(subscription.cancel_at_period_end))


# Closing ------------------------------------------------------------------------------------------


def run_closing() -> None:
	"""Close partly paid invoices whose rest was not paid for too long."""
	days = cint(payment_settings().close_unfinished_days)
	if not days:
		return
	with acting_as("Sweep"):
		last = today() - timedelta(days=days)
		for_each(
			"AI Invoice", {"status": "Partly Paid", "due_date": ("<=", last)}, partial(_close, last=last)
		)


def _close(name: str, last: date) -> None:
	if in_transaction(_close_if_over, name, last):
		after_commit.enqueue("oropendola_payments.engine.refunds.process.process_invoice", invoice=name)


def _close_if_over(name: str, last: date) -> bool:
	invoice = lock("AI Invoice", name)
	if invoice.status != "Partly Paid" or not invoice.paid_in_parts() or cint(invoice.needs_review):
		return False
	if _over_on(invoice) > last:
		return False
	unfinished.close(invoice, unfinished.NOT_COMPLETED_REASON)
	return True


def _over_on(invoice: AIInvoice) -> date:
	"""Return the day from which the closing days count: when the next part was due, and not before the covered days are over."""
	part = next_part(invoice.name) if invoice.instalment_plan else None
	days = [part.due_on if part else invoice.due_date, invoice.period_end if invoice.covered_days else None]
	return max(getdate(day) for day in days if day)
