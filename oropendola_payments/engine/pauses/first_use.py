"""Use of an API key whose pause is over: the subscription resumes first, so that a stopped scheduler makes no difference."""

from collections.abc import Callable

from oropendola_payments.engine.pauses.resume import resume_if_due
from oropendola_payments.exceptions import SubscriptionPaused


def resuming(use: Callable[..., dict], *arguments: object) -> dict:
	"""Return what `use` of a key returns, after resuming its subscription if that is due."""
	try:
		return use(*arguments)
	except SubscriptionPaused as paused:
		if not paused.due or not resume_if_due(paused.due):
			raise
	return use(*arguments)
