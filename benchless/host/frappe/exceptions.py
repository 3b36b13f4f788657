"""Frappe's exceptions with the HTTP status each of them gives."""

from typing import TYPE_CHECKING

from werkzeug.exceptions import NotFound


def _family(base: type, names: str, status: int | None = None) -> None:
	body = {"__module__": __name__} | ({} if status is None else {"http_status_code": status})
	for name in names.split():
		globals()[name] = type(name, (base,), dict(body))


class ValidationError(Exception):
	http_status_code = 417


class CSRFTokenError(Exception):
	http_status_code = 400


class Redirect(Exception):
	def __init__(self, http_status_code: int = 301):
		self.http_status_code = http_status_code


_family(TypeError, "FrappeTypeError", 417)
_family(Exception, "AuthenticationError", 401)
_family(Exception, "PermissionError", 403)
_family(Exception, "NameError DuplicateEntryError", 409)
_family(Exception, "TooManyRequestsError", 429)
_family(Exception, "OutgoingEmailError", 501)
_family(Exception, "SessionStopped", 503)
_family(Exception, "RetryBackgroundJobError SecurityException SiteNotSpecifiedError")
_family(Exception, "QueryTimeoutError QueryDeadlockError TooManyWritesError")
_family(ValidationError, "DoesNotExistError PageDoesNotExistError", 404)
_family(ValidationError, "RateLimitExceededError", 429)
_family(
	ValidationError,
	"""DataError MandatoryError NonNegativeError CannotChangeConstantError CharacterLengthExceededError
	LinkValidationError TimestampMismatchError LinkExistsError InvalidEmailAddressError InvalidNameError
	InvalidPhoneNumberError UniqueValidationError AppNotInstalledError ImplicitCommitError InvalidColumnName""",
)
_family(CSRFTokenError, "InvalidAuthorizationToken")
_family(NotFound, "IncorrectSitePath")

if TYPE_CHECKING:  # what the app names, for type checkers, which do not see what `_family` makes

	class DoesNotExistError(ValidationError): ...

	class DuplicateEntryError(Exception): ...

	class PermissionError(Exception): ...

	class QueryDeadlockError(Exception): ...

	class QueryTimeoutError(Exception): ...

	class UniqueValidationError(ValidationError): ...
