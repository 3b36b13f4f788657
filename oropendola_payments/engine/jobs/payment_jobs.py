"""What nobody waits for any more: open attempts, stranded messages, refunds on their way. docs/operations.md says what runs when.

Cron only queues; the work runs in a worker under a name, so that two schedulers do not run it twice at once.
"""

import frappe
from frappe.utils import cint, now_datetime

from oropendola_payments.ai_billing.doctype.payment_counter.payment_counter import remove_ended
from oropendola_payments.ai_billing.doctype.payment_event.payment_event import acting_as
from oropendola_payments.ai_billing.doctype.payment_webhook_log.payment_webhook_log import empty_texts
from oropendola_payments.engine.core.batch import enqueue_once, for_each
from oropendola_payments.engine.inbound import abandonment, inbox
from oropendola_payments.engine.inbound.status_query import RefreshRun
from oropendola_payments.engine.monitoring import alerts, health, invariants
from oropendola_payments.engine.refunds import process as refunds

THIS = "oropendola_payments.engine.jobs.payment_jobs"


# What cron calls ----------------------------------------------------------------------------------


def process_inbox() -> None:
	health.record_heartbeat("scheduler")
	_queue("run_inbox")


def reconcile_attempts() -> None:
	_queue("run_reconcile")


def poll_refunds() -> None:
	_queue("run_refunds")


def check_abandoned_payments() -> None:
	_queue("run_abandoned")


def check_invariants() -> None:
	_queue("run_invariants")


def check_alerts() -> None:
	_queue("run_alerts")


def clear_raw_payloads() -> None:
	_queue("run_clear_payloads")


def _queue(function: str) -> None:
	enqueue_once(f"{THIS}.{function}")


# The work -----------------------------------------------------------------------------------------


def run_inbox() -> int:
	"""Messages that were stored and not finished: the worker died, or our side had trouble."""
	health.record_heartbeat("queue")
	due = {"status": ("in", ("Received", "Failed")), "next_attempt_at": ("<=", now_datetime())}
	with acting_as("Sweep"):
		return for_each("Payment Webhook Log", due, inbox.process_due)


def run_reconcile() -> int:
	"""Ask about every attempt whose turn has come, open or closed: a late success is honoured for days."""
	due = {"next_check_at": ("<=", now_datetime())}
	run = RefreshRun()
	with acting_as("Reconcile"):
		return for_each("Payment Attempt", due, run.refresh)


def run_refunds() -> int:
	due = {"status": ("in", ("Created", "Processing", "Unknown")), "next_check_at": ("<=", now_datetime())}
	with acting_as("Sweep"):
		return for_each("Payment Refund", due, refunds.process)


def run_abandoned() -> int:
	"""Payments that the customer left: the gateway is asked first, only what is surely unpaid becomes Abandoned."""
	minutes = cint(frappe.get_cached_doc("Payment Settings").abandon_after_minutes)
	with acting_as("Sweep"):
		return abandonment.abandon_due(minutes)


def run_invariants() -> dict:
	broken = invariants.check()
	alerts.evaluate(broken)
	return broken


def run_alerts() -> list[str]:
	"""What can go wrong within minutes; the promises are looked at once an hour."""
	return alerts.evaluate()


def run_clear_payloads() -> None:
	"""Empty the redacted text of old messages, whose facts stay as evidence, and remove counters that have ended."""
	remove_ended()
	frappe.db.commit()
	days = cint(frappe.get_cached_doc("Payment Settings").raw_payload_days)
	if days:
		empty_texts(days)
		frappe.db.commit()
