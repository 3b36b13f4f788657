"""What can go wrong at a gateway, sorted by "was it sent, may it be repeated". A decline is an event, not an error."""


class GatewayError(Exception):
	"""Base of all errors that an adapter raises; `gateway_code` is the provider's own code."""

	http_status_code = 502
	code = "gateway_error"

	def __init__(self, message: str, *, gateway_code: str | None = None):
		super().__init__(message)
		self.gateway_code = gateway_code


class NotSent(GatewayError):
	"""The request never left, or the gateway said it did nothing: safe to repeat."""

	http_status_code = 503
	code = "gateway_unreachable"


class Blocked(NotSent):
	"""A firewall in front of the gateway stopped the request. It says nothing about our keys."""


class MaybeSent(GatewayError):
	"""No answer, or a server error: it may have happened. Never repeat it blindly: look it up."""

	http_status_code = 504
	code = "gateway_timeout"


class BadAnswer(GatewayError):
	"""The gateway answered something that its documentation does not describe: treat as unknown."""

	http_status_code = 502
	code = "gateway_bad_answer"


class GatewayRefused(GatewayError):
	"""The gateway refused the request, and would refuse it again."""

	http_status_code = 422
	code = "gateway_refused"


class CredentialsRefused(GatewayRefused):
	"""The gateway does not accept our keys: an administrator has to act."""

	code = "gateway_credentials_refused"


class NotSupported(GatewayRefused):
	"""This gateway does not support the operation."""

	code = "gateway_not_supported"


class SignatureError(GatewayError):
	"""The signature of a callback or webhook is missing or wrong."""

	http_status_code = 401
	code = "invalid_signature"


class MalformedNotice(GatewayError):
	"""A callback or webhook that cannot be read, although its signature is right or it needs none."""

	http_status_code = 400
	code = "malformed_notice"
