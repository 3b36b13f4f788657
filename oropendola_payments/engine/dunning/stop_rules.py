"""When a reminder must not be sent any more, and when it has to wait."""

from datetime import datetime, timedelta

import frappe
from frappe.utils import cint, get_datetime, now_datetime

from oropendola_payments.ai_billing.current import payment_settings
from oropendola_payments.ai_billing.doctype.ai_invoice.ai_invoice import AIInvoice
from oropendola_payments.ai_billing.doctype.ai_payment_reminder.ai_payment_reminder import AIPaymentReminder
from oropendola_payments.ai_billing.doctype.payment_attempt.payment_attempt import has_open_attempt
from oropendola_payments.engine.core.transactions import lock
from oropendola_payments.engine.dunning import opt_out
from oropendola_payments.engine.dunning.local_time import next_morning, out_of_quiet_hours, start_of_day
from oropendola_payments.engine.dunning.schedule import LONGEST_WAIT_FOR_GATEWAY
from oropendola_payments.engine.gateway import live_guard
from oropendola_payments.engine.gateway.circuit_breaker import is_degraded
from oropendola_payments.engine.notifications import emails
from oropendola_payments.engine.phone import sms
from oropendola_payments.gateways.base import FailureClass

REMINDER = "AI Payment Reminder"
UNPAID = ("Pending", "Failed", "Abandoned", "Partly Paid")
MAX_SMS = 2
# Longer than any schedule: what could not be sent by then, for want of a mail server, is no longer useful.
LONGEST_DELAY = timedelta(days=40)


def stop_reason(invoice: AIInvoice, reminder: AIPaymentReminder) -> str | None:
	"""Return why this reminder must not be sent, as a slug, or None."""
	if invoice.status not in (*UNPAID, "Processing"):
		return invoice.status.lower().replace(" ", "_")
	if not cint(payment_settings().send_payment_reminders):
		return "switched_off"
	if cint(invoice.needs_review):
		return "needs_review"
	if not frappe.db.get_value("User", invoice.user, "enabled"):
		return "user_disabled"
	if opt_out.has_opted_out(invoice.user, reminder.channel):
		return "opted_out"
	if _has_open_dispute(invoice.name):
		return "dispute"
	if _wants_to_leave(invoice.subscription):
		return "subscription_ends"
	return _limit_reached(invoice.name, reminder.channel)


def postponed_to(invoice: AIInvoice, reminder: AIPaymentReminder) -> datetime | None:
	"""Return when to look at this reminder again, if it cannot be sent now."""
	now = now_datetime()
	if invoice.status == "Processing" or has_open_attempt(invoice.name):
		return now + timedelta(hours=1)  # an invitation to pay would make a double payment
	if _waits_for_gateway(reminder, now):
		return now + timedelta(minutes=10)
	channel = emails if reminder.channel == "Email" else sms
	# The link of a copy leads to the copy, where nobody can pay.
	if live_guard.is_copy() or not channel.can_be_sent():
		return now + timedelta(hours=1)
	if _sent_today(invoice.user, reminder.channel, now) or _waits_for_earlier_step(reminder):
		return next_morning(now, invoice.user)
	awake = out_of_quiet_hours(now, invoice.user)
	return awake if awake > now else None


def is_too_late(reminder: AIPaymentReminder) -> bool:
	return get_datetime(reminder.creation) + LONGEST_DELAY < now_datetime()


def stop_planned(invoice: AIInvoice, reason: str) -> int:
	"""Stop the reminders of this invoice that were not sent yet. The caller holds the invoice's lock and commits."""
	names = frappe.get_all(REMINDER, {"invoice": invoice.name, "status": "Planned"}, pluck="name")
	for name in names:
		stop(invoice, lock(REMINDER, name), reason)
	return len(names)


def stop(invoice: AIInvoice, reminder: AIPaymentReminder, reason: str) -> None:
	if reminder.status == "Planned" and reminder.mark_as_stopped(reason):
		invoice.record("reminder_stopped", reminder, "Planned", "Stopped", reason=reason)


def _has_open_dispute(invoice: str) -> bool:
	return bool(frappe.db.exists("Payment Capture", {"invoice": invoice, "dispute_state": "Open"}))


def _wants_to_leave(subscription: str | None) -> bool:
	"""Return whether the customer has cancelled the subscription for the end of its period."""
	if not subscription:
		return False
	doc = frappe.get_doc("AI Subscription", subscription)
	return doc.status == "Cancelled" or bool(cint(doc.get("cancel_at_period_end")))


def _limit_reached(invoice: str, channel: str) -> str | None:
	sent = frappe.get_all(REMINDER, {"invoice": invoice, "status": "Sent"}, pluck="channel")
	most = cint(payment_settings().messages_per_invoice)
	too_many = (most and len(sent) >= most) or (channel == "SMS" and sent.count("SMS") >= MAX_SMS)
	return "limit_reached" if too_many else None


def _waits_for_gateway(reminder: AIPaymentReminder, now: datetime) -> bool:
	"""Return whether the gateway that failed is still in trouble, and there is time to wait for it."""
	if reminder.failure_class != FailureClass.OURS.value or not reminder.gateway:
		return False
	patience_ends = get_datetime(reminder.creation) + LONGEST_WAIT_FOR_GATEWAY
	return is_degraded(reminder.gateway) and now < patience_ends


def _waits_for_earlier_step(reminder: AIPaymentReminder) -> bool:
	"""Return whether an earlier step was not sent yet, as after an outage. Each is sent, on a day of its own.

	Not one by the other channel, which a site may never be able to send.
	"""
	earlier = {"invoice": reminder.invoice, "channel": reminder.channel, "status": "Planned"}
	return bool(frappe.db.exists(REMINDER, {**earlier, "step": ("<", reminder.step)}))


def _sent_today(user: str, channel: str, now: datetime) -> bool:
	today = (">=", start_of_day(now, user))
	return bool(
		frappe.db.exists(REMINDER, {"user": user, "channel": channel, "status": "Sent", "sent_on": today})
	)
