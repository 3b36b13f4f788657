"""After the load: first what the nodes catch up with by themselves, then every sweep, as if hours had passed."""

import time
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta

import frappe
from frappe.utils import now_datetime
from frappe.utils.background_jobs import get_queue, get_queues_timeout

from benchmarks.cluster.figures import Figures
from oropendola_payments.engine.jobs import (
	credit_jobs,
	document_jobs,
	payment_jobs,
	plan_change_jobs,
	subscription_jobs,
	usage_jobs,
	webhook_jobs,
)
from oropendola_payments.engine.notifications.untold import tell_untold
from oropendola_payments.simulator import Simulator

SWEEPS: tuple[Callable, ...] = (
	payment_jobs.run_inbox,
	payment_jobs.run_reconcile,
	payment_jobs.run_refunds,
	payment_jobs.run_abandoned,
	plan_change_jobs.run_plan_changes,
	subscription_jobs.run_expiry,
	document_jobs.run_documents,
	usage_jobs.run_sum_up,
	usage_jobs.run_usage_alerts,
	credit_jobs.run_give_back,
	tell_untold,
	webhook_jobs.run_webhooks,
)
OPEN_REFUNDS = ("Created", "Processing", "Unknown")
# One whose request died before it reached the gateway stays Created for the days of its polling.
OPEN_ATTEMPTS = ("Processing", "Authorized")
ROUNDS = 12


def due() -> dict[str, int]:
	"""What a sweep should have taken up by now."""
	frappe.db.rollback()
	now = now_datetime()
	return {
		"messages": _count(
			"Payment Webhook Log", {"status": ("in", ("Received", "Failed")), "next_attempt_at": ("<=", now)}
		),
		"status queries": _count("Payment Attempt", {"next_check_at": ("between", (_long_ago(), now))}),
		"refunds": _count(
			"Payment Refund",
			{"status": ("in", OPEN_REFUNDS), "next_check_at": ("between", (_long_ago(), now))},
		),
		**_jobs(),
	}


def _jobs() -> dict[str, int]:
	"""Jobs that wait, and jobs whose worker lives; not with RQ's own counts, which repair what they count."""
	queues = [get_queue(name) for name in get_queues_timeout()]
	connection = queues[0].connection
	return {
		"jobs that wait": sum(connection.llen(queue.key) for queue in queues),
		"jobs that run": sum(
			connection.zcount(queue.started_job_registry.key, time.time(), "+inf") for queue in queues
		),
	}


def _long_ago():
	return now_datetime() - timedelta(days=365)


def _count(doctype: str, filters: dict) -> int:
	return frappe.db.count(doctype, filters)


def wait_until_caught_up(seconds: float) -> tuple[float, dict[str, int]]:
	"""Return how long the nodes needed until nothing was due, and what was left after so many seconds without progress."""
	begin = moved_at = time.monotonic()
	least = sum((left := due()).values())
	while any(left.values()) and time.monotonic() - moved_at < seconds:
		time.sleep(1)
		now = sum((left := due()).values())
		if now < least:
			least, moved_at = now, time.monotonic()
	return time.monotonic() - begin, left


def sweep_everything(simulator: Simulator, figures: Figures) -> None:
	for _round in range(ROUNDS):
		_finish_at_gateways(simulator)
		_make_due()
		before = _recorded()
		for sweep in SWEEPS:
			_run(sweep, figures)
		if not _is_open() and _recorded() == before:
			return
	figures.count("rounds of sweeps that did not end")


def _run(sweep: Callable, figures: Figures) -> None:
	before = _recorded()
	sweep()
	frappe.db.commit()
	after = _recorded()
	for what, number in after.items():
		if number > before[what]:
			figures.count(f"found afterwards by {sweep.__name__}: {what}", number - before[what])


def _recorded() -> dict[str, int]:
	return {
		"payments": _count("Payment Capture", {}),
		"refunds": _count("Payment Refund", {"status": "Refunded"}),
		"documents": _count("AI Tax Document", {}),
		"messages": _count("Payment Webhook Log", {"status": "Processed"}),
	}


def _is_open() -> bool:
	return bool(
		_count("Payment Webhook Log", {"status": ("in", ("Received", "Failed"))})
		or _count("Payment Attempt", {"status": ("in", OPEN_ATTEMPTS)})
		or _count("Payment Refund", {"status": ("in", OPEN_REFUNDS)})
	)


def _finish_at_gateways(simulator: Simulator) -> None:
	"""Banks decide about what is pending."""
	for code in simulator.providers:
		for charge in simulator.charges(code):
			if charge.state == "pending":
				simulator.finish(code, charge.reference, "success")
		for refund in simulator.refunds(code):
			if refund.state == "pending":
				with suppress(LookupError):
					simulator.finish_refund(code, refund.key)


def _make_due() -> None:
	"""As if 45 minutes had passed."""
	then = now_datetime() - timedelta(minutes=45)
	for table, column, where in (
		("AI Invoice", "processing_since", "processing_since IS NOT NULL"),
		("Payment Attempt", "initiated_at", "next_check_at IS NOT NULL"),
		("Payment Attempt", "next_check_at", "next_check_at IS NOT NULL"),
		("Payment Attempt", "last_check_at", "next_check_at IS NOT NULL"),
		("Payment Refund", "next_check_at", f"status IN {OPEN_REFUNDS}"),
		("Payment Webhook Log", "next_attempt_at", "status IN ('Received', 'Failed')"),
		("Payment Capture", "creation", "untold = 1"),  # its receipt was in a Redis that was emptied
		("Payment Refund", "completed_at", "untold = 1"),
	):
		frappe.db.sql(f"UPDATE `tab{table}` SET `{column}` = %s WHERE {where}", (then,))
	frappe.db.commit()
