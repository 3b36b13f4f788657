"""Usage jobs: sum up the ledger, delete its old rows, tell customers about limits."""

from oropendola_payments.ai_billing.doctype.payment_event.payment_event import acting_as
from oropendola_payments.engine.core.batch import enqueue_sweep
from oropendola_payments.engine.usage_ledger import alerts, retention, rollup

THIS = "oropendola_payments.engine.jobs.usage_jobs"


def sum_up_usage() -> None:
	enqueue_sweep(f"{THIS}.run_sum_up")


def clear_usage_entries() -> None:
	enqueue_sweep(f"{THIS}.run_clear_entries")


def send_usage_alerts() -> None:
	enqueue_sweep(f"{THIS}.run_usage_alerts")


def run_usage_alerts() -> int:
	"""Tell customers about limits that are nearly or wholly used up."""
	with acting_as("Sweep"):
		return alerts.send_due()


def run_sum_up() -> int:
	with acting_as("Sweep"):
		return rollup.roll_up()


def run_clear_entries() -> int:
	"""Sum up first, so that old rows that came in late are no obstacle."""
	with acting_as("Sweep"):
		rollup.roll_up()
		return retention.clear_old_entries()
