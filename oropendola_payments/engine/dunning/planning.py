"""Plan the reminders of an unpaid invoice. A sweep does it, so that a crash between a payment's failure and the plan loses nothing."""

from datetime import datetime, timedelta
from functools import partial

import frappe
from frappe.query_builder import DocType
from frappe.query_builder.functions import Coalesce
from frappe.utils import get_datetime, now_datetime

from oropendola_payments.ai_billing import records
from oropendola_payments.ai_billing.current import payment_settings
from oropendola_payments.ai_billing.doctype.ai_invoice.ai_invoice import EXTERNAL, AIInvoice
from oropendola_payments.ai_billing.doctype.payment_attempt.payment_attempt import PaymentAttempt
from oropendola_payments.ai_billing.periods import today
from oropendola_payments.ai_billing.top_up import TOP_UP
from oropendola_payments.engine.core.batch import for_each, for_each_of
from oropendola_payments.engine.core.transactions import in_transaction, lock
from oropendola_payments.engine.dunning.local_time import end_of_day, out_of_quiet_hours
from oropendola_payments.engine.dunning.schedule import DUE, Step, steps_of
from oropendola_payments.engine.dunning.stop_rules import UNPAID, stop_planned
from oropendola_payments.engine.gateway.causes import cause_of
from oropendola_payments.gateways.base import FailureClass

REMINDER = "AI Payment Reminder"
LOOK_BACK_DAYS = 2
CLOSED = ("Failed", "Expired", "Cancelled")


def plan_all() -> None:
	"""Plan reminders for the attempts that were closed, and the invoices that fell due, within the last days."""
	if not payment_settings().send_payment_reminders:
		return
	since = now_datetime() - timedelta(days=LOOK_BACK_DAYS)
	for_each_of("Payment Attempt", partial(_without_plan, since), plan_after_attempt)
	for days in range(1, LOOK_BACK_DAYS + 1):
		for_each(
			"AI Invoice",
			{"due_date": today() - timedelta(days=days), "status": "Pending"},
			plan_after_due_date,
		)


def _without_plan(since: datetime, last: str, count: int) -> list[str]:
	"""Return the next closed attempts after `last` of invoices that wait for money, without those that have reminders already."""
	attempt, invoice, reminder = DocType("Payment Attempt"), DocType("AI Invoice"), DocType(REMINDER)
	query = frappe.qb.from_(attempt).join(invoice).on(invoice.name == attempt.invoice)
	query = query.left_join(reminder).on(reminder.attempt == attempt.name)
	# Not the plain column: in its order, MariaDB would rather read all attempts by name than the last days' by time.
	name = Coalesce(attempt.name, "")
	query = query.where((name > last) & (attempt.completed_at >= since) & attempt.status.isin(CLOSED))
	query = query.where(invoice.status.isin(UNPAID) & reminder.name.isnull())
	return query.select(attempt.name).orderby(name).limit(count).run(pluck=True)


def plan_after_attempt(attempt: str) -> None:
	"""Plan the reminders after this closed attempt, unless it is not the invoice's last or they are planned already."""
	invoice = frappe.db.get_value("Payment Attempt", attempt, "invoice")
	in_transaction(_plan_after_attempt, invoice, attempt)


def _plan_after_attempt(invoice_name: str, attempt_name: str) -> None:
	invoice = lock("AI Invoice", invoice_name)
	attempt = lock("Payment Attempt", attempt_name)
	is_planned = frappe.db.exists(REMINDER, {"attempt": attempt_name})
	if (
		invoice.is_external()
		or invoice.status not in UNPAID
		or is_planned
		or attempt_name != _last_attempt(invoice_name)
	):
		return
	stop_planned(invoice, "another_attempt")
	cause = cause_of(attempt)
	if cause is FailureClass.OURS and invoice.retry_count:
		# Our own trouble does not cost the customer a retry.
		invoice.write(extra_retries=(invoice.extra_retries or 0) + 1)
	_plan(invoice, cause.value, get_datetime(attempt.completed_at), attempt)


def plan_after_due_date(invoice: str) -> None:
	"""Plan the reminders of an invoice that nobody has tried to pay."""
	in_transaction(_plan_after_due_date, invoice)


def _plan_after_due_date(name: str) -> None:
	invoice = lock("AI Invoice", name)
	known = any(frappe.db.exists(doctype, {"invoice": name}) for doctype in ("Payment Attempt", REMINDER))
	# The price of a change of plan holds for a short time only, and no service waits for a pack: nobody is asked to pay them later.
	if invoice.status != "Pending" or known or invoice.purpose in ("Upgrade", TOP_UP, EXTERNAL):
		return
	_plan(invoice, DUE, end_of_day(invoice.due_date), None)


def _last_attempt(invoice: str) -> str | None:
	filters = {"invoice": invoice, "mode": ("!=", "Manual")}
	return frappe.db.get_value("Payment Attempt", filters, "name", order_by="creation desc, name desc")


def _plan(invoice: AIInvoice, cause: str, start: datetime, attempt: PaymentAttempt | None) -> None:
	steps = steps_of(cause)
	for step in steps:
		_insert(invoice, cause, step, start, attempt)
	if steps:
		invoice.record("reminders_planned", invoice, cause=cause, count=len(steps))


def _insert(
	invoice: AIInvoice, cause: str, step: Step, start: datetime, attempt: PaymentAttempt | None
) -> None:
	reminder = records.new("AI Payment Reminder")
	reminder.update(
		{
			"invoice": invoice.name,
			"user": invoice.user,
			"attempt": attempt.name if attempt else None,
			"gateway": attempt.gateway if attempt else None,
			"failure_class": cause,
			"step": step.number,
			"is_last": int(step.is_last),
			"channel": step.channel,
			"status": "Planned",
			"planned_for": out_of_quiet_hours(step.moment(start, invoice.user), invoice.user),
			"unique_key": f"{attempt.name if attempt else invoice.name}:{step.number}:{step.channel}",
		}
	)
	reminder.add()
