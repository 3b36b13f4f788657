"""Payment jobs: inbox, polling, refunds, abandoned payments, invariants and alerts. docs/operations.md has the schedule.

Cron only enqueues; each job has a fixed job id, so that two schedulers do not run it twice at the same time.
"""

from functools import partial

import frappe
from frappe.utils import cint, now_datetime

from oropendola_payments.ai_billing.current import payment_settings
from oropendola_payments.ai_billing.doctype.payment_counter.payment_counter import remove_ended
from oropendola_payments.ai_billing.doctype.payment_event.payment_event import acting_as
from oropendola_payments.ai_billing.doctype.payment_webhook_log.payment_webhook_log import empty_texts
from oropendola_payments.engine.core.batch import enqueue_sweep, for_each
from oropendola_payments.engine.day_figures import sum_up
from oropendola_payments.engine.gateway.lost_time import LostTime
from oropendola_payments.engine.inbound import abandonment, inbox
from oropendola_payments.engine.inbound.status_query import RefreshRun
from oropendola_payments.engine.monitoring import alerts, checks, health
from oropendola_payments.engine.notifications import untold
from oropendola_payments.engine.refunds import process as refunds
from oropendola_payments.engine.routing import figures

THIS = "oropendola_payments.engine.jobs.payment_jobs"


# What cron calls ----------------------------------------------------------------------------------


def process_inbox() -> None:
	health.record_heartbeat("scheduler")
	_queue("run_inbox")


def reconcile_attempts() -> None:
	_queue("run_reconcile")


def poll_refunds() -> None:
	_queue("run_refunds")


def tell_untold() -> None:
	_queue("run_untold")


def check_abandoned_payments() -> None:
	_queue("run_abandoned")


def check_invariants() -> None:
	_queue("run_invariants")


def check_all_invariants() -> None:
	_queue("run_all_invariants")


def check_alerts() -> None:
	_queue("run_alerts")


def count_successes() -> None:
	_queue("run_count_successes")


def sum_up_days() -> None:
	_queue("run_sum_up_days")


def clear_raw_payloads() -> None:
	_queue("run_clear_payloads")


def _queue(function: str) -> None:
	enqueue_sweep(f"{THIS}.{function}")


# The work -----------------------------------------------------------------------------------------


def run_inbox() -> int:
	"""Process stored messages that are unfinished, after a crash or an error on our side."""
	health.record_heartbeat("queue")
	due = {"status": ("in", ("Received", "Failed")), "next_attempt_at": ("<=", now_datetime())}
	with acting_as("Sweep"):
		return for_each("Payment Webhook Log", due, partial(inbox.process_due, lost=LostTime()))


def run_reconcile() -> int:
	"""Refresh every attempt that is due, open or closed, because a late success is accepted for days."""
	due = {"next_check_at": ("<=", now_datetime())}
	run = RefreshRun()
	with acting_as("Reconcile"):
		return for_each("Payment Attempt", due, run.refresh)


def run_refunds() -> int:
	"""Send the refunds whose job was lost, and query those that are due."""
	due = {"status": ("in", ("Created", "Processing", "Unknown")), "next_check_at": ("<=", now_datetime())}
	with acting_as("Sweep"):
		return for_each("Payment Refund", due, partial(refunds.process, lost=LostTime()))


def run_untold() -> int:
	"""Send the receipts, and tell other apps of the payments and refunds, whose jobs were lost."""
	return untold.tell_untold()


def run_abandoned() -> int:
	"""Close abandoned payments, after a status query shows that they are unpaid."""
	minutes = cint(payment_settings().abandon_after_minutes)
	with acting_as("Sweep"):
		return abandonment.abandon_due(minutes)


def run_invariants() -> dict:
	"""Check the invariants of records that changed, and of those that violated one."""
	violations = checks.check_changed()
	alerts.evaluate(violations)
	return violations


def run_all_invariants() -> dict:
	violations = checks.check_all()
	alerts.evaluate(violations)
	return violations


def run_count_successes() -> None:
	"""Count how many payments succeeded at each gateway, for the recommendation at the checkout."""
	figures.refresh()


def run_alerts() -> list[str]:
	"""Evaluate the alerts except for invariants, which are checked once an hour."""
	return alerts.evaluate()


def run_sum_up_days() -> int:
	"""Sum up the payments of days that are over, and again of those that changed. Return how many days."""
	return sum_up.sum_up_days()


def run_recount_days() -> int:
	"""Sum up all days again, and return how many. Not scheduled: for days that differ from their records."""
	return sum_up.recount_all()


def run_clear_payloads() -> None:
	"""Clear the redacted payloads of old messages, whose other fields stay as evidence, and delete expired counters."""
	remove_ended()
	frappe.db.commit()
	days = cint(payment_settings().raw_payload_days)
	while days and empty_texts(days):
		frappe.db.commit()
