"""Every call to a gateway goes through here, so that its success or failure counts for the gateway's health."""

from oropendola_payments.engine import breaker
from oropendola_payments.gateways.errors import GatewayError


def call_gateway(code: str, call, *args, **kwargs):
	"""The gateway's answer; success and failure count for its health."""
	try:
		answer = call(*args, **kwargs)
	except GatewayError as error:
		breaker.report_failure(code, error)
		raise
	breaker.report_success(code)
	return answer
