"""Frappe's exceptions with the HTTP status each of them gives."""

from werkzeug.exceptions import NotFound


def _family(base: type, names: str, status: int | None = None) -> None:
	body = (
		{"__module__": __name__} if status is None else {"__module__": __name__, "http_status_code": status}
	)
	for name in names.split():
		globals()[name] = type(name, (base,), dict(body))


_family(Exception, "ValidationError", 417)
_family(TypeError, "FrappeTypeError", 417)
_family(Exception, "AuthenticationError SessionExpired", 401)
_family(Exception, "PermissionError", 403)
_family(Exception, "NameError", 409)
_family(Exception, "OutgoingEmailError", 501)
_family(Exception, "SessionStopped", 503)
_family(Exception, "UnsupportedMediaType", 415)
_family(Exception, "RequestToken", 200)
_family(Exception, "CSRFTokenError", 400)
_family(Exception, "TooManyRequestsError", 429)
_family(
	Exception,
	"""UrlSchemeNotSupported UnknownDomainError RetryBackgroundJobError SecurityException FileAlreadyAttachedException
	AttachmentLimitReached QueryTimeoutError QueryDeadlockError TooManyWritesError InvalidRemoteException""",
)

_family(NameError, "DuplicateEntryError")
_family(ValidationError, "DoesNotExistError PageDoesNotExistError", 404)  # noqa: F821
_family(ValidationError, "RateLimitExceededError", 429)  # noqa: F821
_family(ValidationError, "InReadOnlyMode", 503)  # noqa: F821
_family(ValidationError, "SessionBootFailed", 500)  # noqa: F821
_family(ValidationError, "LinkExpired", 410)  # noqa: F821
_family(ValidationError, "InvalidKeyError", 401)  # noqa: F821
_family(
	ValidationError,  # noqa: F821
	"""DataError MappingMismatchError InvalidStatusError MandatoryError NonNegativeError InvalidSignatureError
	CannotChangeConstantError CharacterLengthExceededError UpdateAfterSubmitError LinkValidationError
	DocstatusTransitionError TimestampMismatchError EmptyTableError LinkExistsError InvalidEmailAddressError
	InvalidNameError InvalidPhoneNumberError TemplateNotFoundError UniqueValidationError AppNotInstalledError
	ImplicitCommitError DocumentLockedError CircularLinkingError InvalidColumnName IncompatibleApp InvalidDates
	DataTooLongException DocumentAlreadyRestored PrintFormatError InvalidDatabaseFile""",
)
_family(LinkValidationError, "CancelledLinkError")  # noqa: F821
_family(CSRFTokenError, "InvalidAuthorizationHeader InvalidAuthorizationPrefix InvalidAuthorizationToken")  # noqa: F821
_family(NotFound, "IncorrectSitePath")
_family(FileNotFoundError, "ExecutableNotFound InvalidRoundingMethod")


class SiteNotSpecifiedError(Exception):
	def __init__(self, *args, **kwargs):
		self.message = "Please specify --site sitename"
		super().__init__(self.message)


class Redirect(Exception):
	def __init__(self, http_status_code: int = 301):
		self.http_status_code = http_status_code
