"""Webhook jobs: distribute and send what a process that died, or an empty queue, has left. Payments start the same work at once."""

from oropendola_payments.ai_billing.doctype.payment_event.payment_event import acting_as
from oropendola_payments.engine.core.batch import enqueue_sweep
from oropendola_payments.engine.webhooks_out import deliver, relay
from oropendola_payments.engine.webhooks_out import endpoints as endpoints_out

THIS = "oropendola_payments.engine.jobs.webhook_jobs"


def send_webhooks() -> None:
	enqueue_sweep(f"{THIS}.run_webhooks")


def run_webhooks() -> int:
	"""Distribute what waits in the outbox, and start a job for each endpoint with something due. Return the number of these.

	Endpoints whose owner has left are disabled first.
	"""
	with acting_as("Sweep"):
		endpoints_out.disable_left()
		relay.distribute()
		endpoints = deliver.due_endpoints()
		for endpoint in endpoints:
			relay.start(endpoint)
	return len(endpoints)
