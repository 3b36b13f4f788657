"""Send the reminders that are due, each at most once, and only while the invoice still waits for money."""

from contextlib import suppress
from datetime import timedelta

import frappe
from frappe import _
from frappe.utils import cint, now_datetime

from oropendola_payments.ai_billing.doctype.ai_invoice.ai_invoice import AIInvoice
from oropendola_payments.ai_billing.doctype.ai_payment_reminder.ai_payment_reminder import AIPaymentReminder
from oropendola_payments.engine.core.batch import for_each
from oropendola_payments.engine.core.transactions import in_transaction, lock
from oropendola_payments.engine.dunning import opt_out
from oropendola_payments.engine.dunning.stop_rules import (
	is_too_late,
	postponed_to,
	stop,
	stop_planned,
	stop_reason,
)
from oropendola_payments.engine.dunning.suggestion import suggested_gateway
from oropendola_payments.engine.link_checkout.send import limit_sms, sms_text, uncount_sms
from oropendola_payments.engine.notifications import emails
from oropendola_payments.engine.phone import sms
from oropendola_payments.engine.phone.numbers import phone_number, phone_of
from oropendola_payments.exceptions import BadRequest, Conflict, NotFound, Refusal, TooManyRequests
from oropendola_payments.gateways.base import HOLD_RETURNED

REMINDER = "AI Payment Reminder"
RETRY_AFTER = timedelta(hours=1)


def send_due() -> None:
	"""Send, postpone or stop every reminder whose time has come."""
	for_each(REMINDER, {"status": "Planned", "planned_for": ("<=", now_datetime())}, send)


def send(name: str) -> None:
	"""Send one reminder if it is still wanted. If sending fails, it is tried again an hour later, as is an SMS beyond the limits."""
	row = frappe.db.get_value(REMINDER, name, ["invoice", "user", "channel"], as_dict=True)
	phone = _phone_of(row.user) if row.channel == "SMS" else None
	message = None
	try:
		if phone:
			limit_sms(phone)  # before the transaction, because counting commits
	except TooManyRequests:
		return in_transaction(_postpone, row.invoice, name)
	try:
		message = in_transaction(_send_locked, row.invoice, name)
	except Exception:
		in_transaction(_postpone, row.invoice, name)
		raise
	finally:
		if phone and not message:
			uncount_sms(phone)
	if message:
		_send_sms(message)


def _send_locked(invoice_name: str, name: str) -> tuple[str, str] | None:
	"""Send the email in the transaction that marks it as sent. Return phone and text of an SMS, which is sent after the commit."""
	invoice, reminder = lock("AI Invoice", invoice_name), lock(REMINDER, name)
	if reminder.status != "Planned":
		return None
	reason = "too_late" if is_too_late(reminder) else stop_reason(invoice, reminder)
	if reason:
		stop(invoice, reminder, reason)
		return None
	later = postponed_to(invoice, reminder)
	if later:
		reminder.write(planned_for=later)
		return None
	return _deliver(invoice, reminder)


def _deliver(invoice: AIInvoice, reminder: AIPaymentReminder) -> tuple[str, str] | None:
	gateway = suggested_gateway(invoice, reminder)
	message = None
	if reminder.channel == "SMS":
		phone = _phone_of(invoice.user)
		if not phone:
			stop(invoice, reminder, "no_phone")
			return None
		message = (phone, _sms_text(invoice))
	else:
		emails.payment_reminder(
			invoice,
			cause=reminder.failure_class,
			is_last=bool(cint(reminder.is_last)),
			gateway=gateway,
			stop_link=opt_out.address(invoice.name, "Email"),
			given_back=_was_given_back(reminder),
		)
	reminder.mark_as_sent(suggested_gateway=gateway)
	invoice.record(
		"reminder_sent", reminder, "Planned", "Sent", channel=reminder.channel, cause=reminder.failure_class
	)
	return message


def _was_given_back(reminder: AIPaymentReminder) -> bool:
	"""Return whether the account of the customer may show the payment that failed."""
	failed = {"name": reminder.attempt, "error_code": HOLD_RETURNED}
	return bool(reminder.attempt and frappe.db.exists("Payment Attempt", failed))


def _phone_of(user: str) -> str | None:
	"""Return the customer's number as a provider wants it; None if there is none, or the profile has something else."""
	try:
		return phone_number(phone_of(user))
	except BadRequest:
		return None


def _sms_text(invoice: AIInvoice) -> str:
	"""Return the text that the seller registered for links: operators drop every other one where texts are registered."""
	return sms_text(invoice, emails.address_to_pay(invoice, "payment_reminder", channel="SMS"))


def _send_sms(message: tuple[str, str]) -> None:
	# Marked as sent before the provider is called: one reminder too few is better than two.
	with suppress(Refusal):  # it is in the Error Log
		sms.send(*message)


def _postpone(invoice_name: str, name: str) -> None:
	lock("AI Invoice", invoice_name)
	reminder = lock(REMINDER, name)
	if reminder.status == "Planned":
		reminder.write(planned_for=now_datetime() + RETRY_AFTER)


def stop_by_hand(invoice_name: str) -> dict:
	"""Stop all reminders of an invoice that were not sent yet. Raises Conflict if there are none."""
	if not frappe.db.exists("AI Invoice", invoice_name):
		raise NotFound(_("There is no invoice {0}.").format(invoice_name))
	stopped = in_transaction(lambda: stop_planned(lock("AI Invoice", invoice_name), "stopped_by_manager"))
	if not stopped:
		raise Conflict(_("No reminders are planned for invoice {0}.").format(invoice_name))
	return {"invoice_id": invoice_name, "stopped": stopped}
