"""Job for proposals of agents: let expire what nobody decided in time."""

from oropendola_payments.ai_billing.doctype.payment_event.payment_event import acting_as
from oropendola_payments.engine.core.batch import enqueue_sweep
from oropendola_payments.engine.proposals import decide

THIS = "oropendola_payments.engine.jobs.proposal_jobs"


def expire_proposals() -> None:
	enqueue_sweep(f"{THIS}.run_proposal_expiry")


def run_proposal_expiry() -> None:
	with acting_as("Sweep"):
		decide.expire_due()
