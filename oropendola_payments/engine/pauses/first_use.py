"""Use of an API key whose pause is over: the subscription resumes first, so that a stopped scheduler makes no difference."""

from oropendola_payments.engine.entitlements import usage
from oropendola_payments.engine.pauses.resume import resume_if_due
from oropendola_payments.exceptions import SubscriptionPaused


def consume(api_key: str | None, requests: int) -> dict:
	"""As `usage.consume`."""
	try:
		return usage.consume(api_key, requests)
	except SubscriptionPaused as paused:
		if not paused.due or not resume_if_due(paused.due):
			raise
	return usage.consume(api_key, requests)
