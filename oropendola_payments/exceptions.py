"""Refusals, each with the HTTP status and error code that API clients can rely on."""

import frappe
from frappe import _
from frappe.utils import strip_html

from oropendola_payments.gateways.errors import GatewayError


class Refusal(frappe.ValidationError):
	"""`reason` is for programs that must tell apart refusals with one error code. `offer` says what to buy, where that helps."""

	http_status_code = 422
	error_code = "refused"
	offer: dict | None = None

	def __init__(self, *args: object, reason: str | None = None) -> None:
		super().__init__(*args)
		self.reason = reason


class BadRequest(Refusal):
	http_status_code = 400
	error_code = "bad_request"


class NotAllowed(Refusal, frappe.PermissionError):
	http_status_code = 403
	error_code = "not_allowed"


class NotFound(Refusal, frappe.DoesNotExistError):
	http_status_code = 404
	error_code = "not_found"


class Conflict(Refusal):
	http_status_code = 409
	error_code = "conflict"


class InvalidTransition(Conflict):
	error_code = "invalid_transition"


class ConcurrentChange(Conflict):
	"""Another request changed the record first. Nothing was changed by this one."""

	error_code = "concurrent_change"


class AmbiguousSubscription(Conflict):
	"""The request does not say which of several subscriptions it means. Clients get the choices in the envelope."""

	error_code = "ambiguous_subscription"

	def __init__(self, message: str, choices: list[dict]) -> None:
		super().__init__(message)
		self.choices = choices


class Unauthorized(Refusal):
	http_status_code = 401
	error_code = "unauthorized"


class PaymentRequired(Refusal):
	http_status_code = 402
	error_code = "payment_required"


class SubscriptionPaused(PaymentRequired):
	"""The customer paused the subscription. `due` names it if the pause is over and nobody has resumed it yet."""

	error_code = "subscription_paused"

	def __init__(self, message: str, due: str | None = None) -> None:
		super().__init__(message, reason="subscription_paused")
		self.due = due


class TooManyRequests(Refusal):
	http_status_code = 429
	error_code = "too_many_requests"


class QuotaUsedUp(TooManyRequests):
	"""A limit of the plan is used up: `window` names it, and `retry_after` says in how many seconds it is free again."""

	def __init__(self, message: str, window: str, retry_after: int):
		super().__init__(message)
		self.window, self.retry_after = window, retry_after


class Unavailable(Refusal):
	http_status_code = 503
	error_code = "unavailable"


class Unprocessable(Refusal):
	http_status_code = 422
	error_code = "unprocessable"


class AuditTrailIsFrozen(Refusal, frappe.PermissionError):
	http_status_code = 403
	error_code = "audit_trail_is_frozen"


class DocumentIsFrozen(Refusal, frappe.PermissionError):
	http_status_code = 403
	error_code = "document_is_frozen"


def is_refusal(error: Exception) -> bool:
	"""Return whether an error is an answer for the API client. Any other exception is a bug and must be raised."""
	status = getattr(error, "http_status_code", None)
	if not status or isinstance(error, frappe.Redirect):
		return False
	return status < 500 or isinstance(error, GatewayError) or hasattr(error, "error_code")


# What some refusals say for programs, beside the sentence.
DETAILS = ("attempts_left", "choices", "missing", "quote", "reason", "window", "retry_after", "offer")
SLUGS = {
	"PermissionError": "not_allowed",
	"AuthenticationError": "unauthorized",
	"DoesNotExistError": "not_found",
	"ValidationError": "refused",
	"RateLimitExceededError": "too_many_requests",
	"TooManyRequestsError": "too_many_requests",
	"QueryDeadlockError": "concurrent_change",
	"QueryTimeoutError": "concurrent_change",
	"TimestampMismatchError": "concurrent_change",
}


def slug_of(error: Exception) -> str:
	"""Return the error code of a refusal."""
	code = getattr(error, "error_code", None) or (error.code if isinstance(error, GatewayError) else None)
	return code or SLUGS.get(type(error).__name__) or frappe.scrub(type(error).__name__)


def details_of(error: Exception) -> dict:
	"""Return what a refusal says for programs, beside its sentence and its code."""
	known = {name: getattr(error, name, None) for name in DETAILS}
	return {name: value for name, value in known.items() if value is not None}


def sentence_of(error: Exception) -> str:
	"""Return the message of a refusal as plain text."""
	message = str(error) or frappe.flags.error_message or _("You are not allowed to do this.")
	return strip_html(str(message))
