"""End a pause: the subscription runs on, and its paid periods end later by the days of the pause."""

from datetime import date, timedelta

import frappe
from frappe import _
from frappe.utils import cint, getdate

from oropendola_payments.ai_billing import formatting, records
from oropendola_payments.ai_billing.doctype.ai_invoice.ai_invoice import AIInvoice
from oropendola_payments.ai_billing.doctype.ai_subscription.ai_subscription import AISubscription
from oropendola_payments.ai_billing.periods import today
from oropendola_payments.engine.core.transactions import in_transaction
from oropendola_payments.engine.entitlements import allowances, bought_share
from oropendola_payments.engine.entitlements.paid_periods import paid_periods
from oropendola_payments.engine.entitlements.subscription_lock import Locked, lock_with_invoices
from oropendola_payments.engine.notifications import subscription_mails
from oropendola_payments.engine.parts import schedule
from oropendola_payments.engine.pauses.pause import earliest_resume
from oropendola_payments.exceptions import Conflict


def resume(name: str, at_any_time: bool = False) -> dict:
	"""Resume now. A customer can do this on the day of the pause, which undoes it, or once the shortest pause is over."""
	return in_transaction(_resume, name, at_any_time)


def resume_if_due(name: str) -> bool:
	"""Resume a subscription whose pause is over. Return False if there is nothing to do."""
	return in_transaction(_resume_if_due, name)


def _resume(name: str, at_any_time: bool) -> dict:
	whole = lock_with_invoices(name)
	subscription = whole.subscription
	if subscription.status == "Paused":
		from_day = earliest_resume(getdate(subscription.paused_on))
		if today() < from_day and not at_any_time:
			message = _(
				"The pause lasts at least until {0}. You can resume the subscription from that day on."
			)
			raise Conflict(message.format(formatting.day(from_day)))
		wake(whole)
	elif subscription.status != "Active":
		raise Conflict(_("Your subscription is not paused."))
	return {
		"subscription_id": name,
		"status": subscription.status,
		"end_date": getdate(subscription.end_date),
	}


def _resume_if_due(name: str) -> bool:
	whole = lock_with_invoices(name)
	if not is_due(whole.subscription):
		return False
	wake(whole)
	return True


def is_due(row: AISubscription | frappe._dict) -> bool:
	return row.status == "Paused" and getdate(row.pause_until) <= today()


def wake(whole: Locked) -> None:
	"""Start service again and move all dates. The caller commits.

	A pause that was over earlier ended then, whenever the job or the customer comes: so the result does not depend on it.
	"""
	subscription = whole.subscription
	start, resumed_on = getdate(subscription.paused_on), min(today(), getdate(subscription.pause_until))
	pause = resumed_on - start
	moved = _delay(subscription, start, pause) if pause else {}
	for invoice in whole.invoices:
		if invoice.period_end and getdate(invoice.period_end) > start:
			_move_period(invoice, start, pause)
	end = getdate(subscription.end_date) + pause
	whole.record(
		"subscription_resumed", from_status="Paused", to_status="Active", days=pause.days, end_date=end
	)
	later = {"switch_on": getdate(subscription.switch_on) + pause} if subscription.switch_on else {}
	subscription.resume(end_date=end, **later, **moved)
	if pause:
		_keep(subscription.name, start, resumed_on)
	bought_share.recount(subscription)  # what was refunded meanwhile was counted without these windows
	subscription_mails.enqueue("subscription_resumed", subscription.name)


def _delay(subscription: AISubscription, start: date, pause: timedelta) -> dict:
	ends = [period.ends_with_all_parts() for period in paid_periods(subscription.name, start)]
	paid_until = max([getdate(subscription.end_date), *ends])
	return allowances.delay(subscription, start, pause, paid_until)


def _move_period(invoice: AIInvoice, start: date, pause: timedelta) -> None:
	"""A period that was running gets longer; one that had not started begins later. Both have the days that were sold."""
	values = {"period_end": getdate(invoice.period_end) + pause}
	if getdate(invoice.period_start) > start:
		values["period_start"] = getdate(invoice.period_start) + pause
	else:
		values["paused_days"] = cint(invoice.paused_days) + pause.days
	invoice.write(**values)
	if invoice.instalment_plan:
		schedule.sync(invoice)


def _keep(name: str, start: date, end: date) -> None:
	row = records.new("AI Subscription Pause")
	row.update({"parent": name, "parenttype": "AI Subscription", "parentfield": "pauses"})
	row.update({"paused_on": start, "resumed_on": end, "days": (end - start).days})
	row.add()
