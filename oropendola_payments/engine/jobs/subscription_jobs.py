"""Subscription jobs: reset quotas, expire subscriptions, send renewal reminders. A record that fails does not stop the others."""

from datetime import date, timedelta
from functools import partial

import frappe
from frappe.utils import cint, getdate

from oropendola_payments.ai_billing.current import payment_settings
from oropendola_payments.ai_billing.doctype.payment_event.payment_event import acting_as
from oropendola_payments.ai_billing.overdue_parts import RUNNING
from oropendola_payments.ai_billing.periods import today, tomorrow
from oropendola_payments.engine.core import after_commit
from oropendola_payments.engine.core.batch import enqueue_sweep, for_each
from oropendola_payments.engine.core.transactions import in_transaction, lock
from oropendola_payments.engine.coupons import expiry
from oropendola_payments.engine.dunning import planning, sending
from oropendola_payments.engine.ending import at_period_end
from oropendola_payments.engine.entitlements import scheduled_change
from oropendola_payments.engine.gateway import live_guard
from oropendola_payments.engine.keys import retire
from oropendola_payments.engine.pauses import resume

THIS = "oropendola_payments.engine.jobs.subscription_jobs"
RESETS_AT_ONCE = 1000


# What cron calls ----------------------------------------------------------------------------------


def reset_quotas() -> None:
	enqueue_sweep(f"{THIS}.run_reset")


def expire_subscriptions() -> None:
	enqueue_sweep(f"{THIS}.run_expiry")


def send_renewal_reminders() -> None:
	enqueue_sweep(f"{THIS}.run_reminders")


def send_payment_reminders() -> None:
	enqueue_sweep(f"{THIS}.run_payment_reminders")


def release_unpaid_coupons() -> None:
	enqueue_sweep(f"{THIS}.run_coupon_release")


def retire_api_keys() -> None:
	enqueue_sweep(f"{THIS}.run_retire_keys")


# The work -----------------------------------------------------------------------------------------


def run_reset() -> int:
	"""Reset the daily quotas that are due and return how many. The first use of a day does the same for one subscription.

	Many at once, but not all, because each use of a subscription waits for the transaction that resets it.
	"""
	done = 0
	while count := in_transaction(_reset_some):
		done += count
	return done


def _reset_some() -> int:
	table = frappe.qb.DocType("AI Subscription")
	due = table.status.isin(("Active", "Trial")) & (table.quota_reset_on <= today())
	names = frappe.qb.from_(table).select(table.name).where(due).limit(RESETS_AT_ONCE).run(pluck=True)
	if names:
		query = frappe.qb.update(table).set(table.daily_quota_remaining, table.daily_quota_limit)
		query.set(table.quota_reset_on, tomorrow()).where(table.name.isin(names)).where(due).run()
	return len(names)


def run_expiry() -> None:
	"""End pauses and subscriptions that are due. Others are Past Due on their end date, which stops service, and Expired after the grace days."""
	grace = cint(payment_settings().grace_days)
	with acting_as("Sweep"):
		paused = {"status": "Paused", "pause_until": ("<=", today())}
		for_each("AI Subscription", paused, resume.resume_if_due)
		cancelled = {"cancel_at_period_end": 1, "end_date": ("<=", today())}
		for_each("AI Subscription", cancelled, at_period_end.end_if_due)
		ended = {"status": ("in", ("Active", "Trial")), "end_date": ("<=", today())}
		for_each("AI Subscription", ended, lambda name: in_transaction(_end, name, grace))
		lapsed = {"status": "Past Due", "end_date": ("<=", today() - timedelta(days=grace))}
		for_each("AI Subscription", lapsed, lambda name: in_transaction(_end, name, grace))


def _end(name: str, grace: int) -> None:
	subscription = lock("AI Subscription", name)
	if not subscription.end_date or getdate(subscription.end_date) > today():
		return  # renewed meanwhile
	if subscription.cancel_at_period_end or subscription.status == "Paused":
		return  # cancelled or paused meanwhile
	if scheduled_change.switch_if_due(subscription):
		return  # goes on with a free plan
	if getdate(subscription.end_date) + timedelta(days=grace) <= today():
		subscription.expire()
	else:
		subscription.mark_past_due()


def run_payment_reminders() -> None:
	"""Plan and send the reminders of unpaid invoices."""
	with acting_as("Sweep"):
		planning.plan_all()
		sending.send_due()


def run_retire_keys() -> int:
	"""End replaced API keys whose overlap is over, and return how many."""
	with acting_as("Sweep"):
		return retire.end_retired_keys()


def run_reminders() -> None:
	"""Send renewal reminders before and after the end date, once for each day set in Payment Settings. None from a copy of the site."""
	if live_guard.is_copy():
		return
	settings = payment_settings()
	for days in settings.reminder_offsets():
		_remind_all(("Active", "Past Due", "Expired"), days)
	for days in settings.trial_reminder_offsets():
		_remind_all(("Trial",), days)


def _remind_all(statuses: tuple[str, ...], days: int) -> None:
	end = today() + timedelta(days=days)
	due = {"status": ("in", statuses), "end_date": end, "cancel_at_period_end": 0}
	for_each("AI Subscription", due, partial(_remind, end=end, days=days))


def _remind(name: str, end: date, days: int) -> None:
	"""Queue the mail after the mark is committed, so that a mail server outage cannot cause a second reminder."""
	if in_transaction(_mark_reminded, name, f"{end} {days}"):
		after_commit.enqueue(
			"oropendola_payments.engine.notifications.hooks.renewal_due",
			queue=after_commit.MAILS,
			subscription=name,
			days=days,
			end_date=str(end),
		)


def _mark_reminded(name: str, mark: str) -> bool:
	subscription = lock("AI Subscription", name)
	# With a free plan to follow, the API key works on without a renewal.
	if subscription.last_reminder == mark or subscription.renewal_plan().is_really_free():
		return False
	if subscription.cancel_at_period_end or subscription.status == "Paused":
		return False
	if _is_paid_in_instalments(name):
		return False  # the reminders of the next part say the same
	subscription.write(last_reminder=mark)
	return True


def run_coupon_release() -> None:
	"""Release the coupons of overdue invoices. Their price stays as it was promised."""
	with acting_as("Sweep"):
		expiry.release_unpaid()


def _is_paid_in_instalments(subscription: str) -> bool:
	running = {"subscription": subscription, "status": ("in", RUNNING), "instalment_plan": ("is", "set")}
	return bool(frappe.db.exists("AI Invoice", {**running, "amount_paid": (">", 0)}))
