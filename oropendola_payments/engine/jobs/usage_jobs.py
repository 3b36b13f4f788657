"""Usage jobs: sum up the ledger, delete its old rows."""

from oropendola_payments.ai_billing.doctype.payment_event.payment_event import acting_as
from oropendola_payments.engine.core.batch import enqueue_sweep
from oropendola_payments.engine.usage_ledger import retention, rollup

THIS = "oropendola_payments.engine.jobs.usage_jobs"


def sum_up_usage() -> None:
	enqueue_sweep(f"{THIS}.run_sum_up")


def clear_usage_entries() -> None:
	enqueue_sweep(f"{THIS}.run_clear_entries")


def run_sum_up() -> int:
	with acting_as("Sweep"):
		return rollup.roll_up()


def run_clear_entries() -> int:
	"""Sum up first, so that old rows that came in late are no obstacle."""
	with acting_as("Sweep"):
		rollup.roll_up()
		return retention.clear_old_entries()
