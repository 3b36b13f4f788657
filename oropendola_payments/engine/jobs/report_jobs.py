"""Job for reports: on a large site, count those that read most of a table, so that nobody waits for them."""

from typing import Protocol

import frappe
from frappe.utils import now

from oropendola_payments.ai_billing import kept
from oropendola_payments.ai_billing.report.mrr_movements import mrr_movements
from oropendola_payments.ai_billing.report.recovered_payments import recovered_payments
from oropendola_payments.ai_billing.report.subscriptions_and_mrr import subscriptions_and_mrr
from oropendola_payments.ai_billing.report.usage import usage
from oropendola_payments.engine.core.after_commit import enqueue_once
from oropendola_payments.engine.core.dead_jobs import revive_schedule
from oropendola_payments.engine.core.transactions import in_transaction

THIS = "oropendola_payments.engine.jobs.report_jobs"
QUEUE, SECONDS = "long", 3 * 60 * 60


class CountedReport(Protocol):
	"""What a report has that a job counts: its name, the table whose size decides, the names of what is kept, and the results by these."""

	@property
	def NAME(self) -> str: ...
	@property
	def READS(self) -> str: ...
	@property
	def KEPT(self) -> tuple[str, ...]: ...

	def results(self) -> dict[str, list[dict]]: ...


# The one that takes longest is the last one.
REPORTS: tuple[CountedReport, ...] = (subscriptions_and_mrr, usage, recovered_payments, mrr_movements)


def keep_reports() -> None:
	"""Queue it where it does not delay sweeps, which check payments every minute."""
	revive_schedule()
	enqueue_once(f"{THIS}.run_keep_reports", "run_keep_reports", queue=QUEUE, timeout=SECONDS)


def run_keep_reports() -> list[str]:
	"""Count the reports whose tables are large, and forget what is kept of the others. Return the names of what was counted."""
	done: list[str] = []
	for report in REPORTS:
		if kept.is_large(report.READS):
			done += _count(report)
		else:
			in_transaction(kept.forget, report.KEPT)
	return done


def _count(report: CountedReport) -> list[str]:
	"""Keep the results of one report. One that fails is logged, and stops no other."""
	began = now()
	try:
		results = report.results()
		in_transaction(_keep, report.NAME, results, began)
	except Exception:
		frappe.db.rollback()
		in_transaction(frappe.log_error, f"{report.NAME} could not be counted"[:140], frappe.get_traceback())
		return []
	return list(results)


def _keep(report: str, results: dict[str, list[dict]], counted_on: str) -> None:
	for name, rows in results.items():
		kept.keep(name, rows, counted_on)
	kept.show_at_once(report)
