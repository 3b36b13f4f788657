"""Refusals: each has the HTTP status and the slug that callers can rely on."""

import frappe


class Refusal(frappe.ValidationError):
	http_status_code = 422
	error_code = "refused"


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
	"""Somebody else was faster. What was tried did not happen; reading again tells how things stand."""

	error_code = "concurrent_change"


class Unauthorized(Refusal):
	http_status_code = 401
	error_code = "unauthorized"


class PaymentRequired(Refusal):
	http_status_code = 402
	error_code = "payment_required"


class TooManyRequests(Refusal):
	http_status_code = 429
	error_code = "too_many_requests"


class Unavailable(Refusal):
	http_status_code = 503
	error_code = "unavailable"


class Unprocessable(Refusal):
	http_status_code = 422
	error_code = "unprocessable"


class AuditTrailIsFrozen(Refusal, frappe.PermissionError):
	http_status_code = 403
	error_code = "audit_trail_is_frozen"
