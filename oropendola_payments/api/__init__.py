"""HTTP in: who asks, one engine call, the answer.

`endpoint` whitelists a function, checks its arguments and puts its answer in the public envelope. A refusal keeps its own HTTP
status; a bug stays loud.
"""

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Any

import frappe
from frappe import _

from oropendola_payments.ai_billing.doctype.payment_event.payment_event import acting_as
from oropendola_payments.api.arguments import checked_arguments, require_utf8
from oropendola_payments.exceptions import NotAllowed, is_refusal, sentence_of
from oropendola_payments.gateways.errors import GatewayError
from oropendola_payments.roles import is_manager, is_staff


def endpoint(
	*,
	methods: tuple[str, ...] = ("GET", "POST"),
	guest: bool = False,
	source: str = "API",
	rate_limit: Callable[[Callable], Callable] | None = None,
) -> Callable[[Callable], Callable]:
	"""`methods` lists what HTTP may use; `rate_limit` is a decorator of Frappe's own."""

	def decorate(function: Callable) -> Callable:
		signature = inspect.signature(function)

		# Frappe passes what the signature of the whitelisted function names: take all, and check it here, so that a wrong
		# argument gets our refusal and not a bare type error.
		def wrapper(*args: Any, **kwargs: Any) -> dict:
			try:
				if not guest:
					require_login()
				require_utf8(getattr(frappe.local, "request", None))
				with acting_as(source):
					arguments = checked_arguments(function, signature, args, kwargs)
					return {"success": True, **(function(**arguments) or {})}
			except Exception as error:
				return refusal(error)

		_look_like(function, wrapper)
		inner: Any = rate_limit(wrapper) if rate_limit else wrapper
		inner.is_open_to_guests = guest
		# Guests come in as far as `require_login`, so that they too get our sentence and not the framework's page.
		return frappe.whitelist(allow_guest=True, methods=list(methods))(inner)

	return decorate


def refusal(error: Exception) -> dict:
	"""The envelope of a refusal. What the call wrote before is undone: a normal return would commit it."""
	if not is_refusal(error):
		raise error
	sentence = sentence_of(error)
	frappe.db.rollback()
	frappe.clear_messages()
	frappe.local.response.http_status_code = getattr(error, "http_status_code", 500)
	answer = {"success": False, "error": sentence, "error_code": slug_of(error)}
	left = getattr(error, "attempts_left", None)
	return answer if left is None else {**answer, "attempts_left": left}


def slug_of(error: Exception) -> str:
	code = getattr(error, "error_code", None) or (error.code if isinstance(error, GatewayError) else None)
	return code or SLUGS.get(type(error).__name__) or frappe.scrub(type(error).__name__)


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


def require_login() -> str:
	"""The user who asks; guests are told to log in."""
	if frappe.session.user == "Guest":
		raise NotAllowed(_("Please log in first."))
	return frappe.session.user


def require_manager() -> None:
	if not is_manager():
		raise NotAllowed(_("Only a Payments Manager may do this."))


def require_staff() -> None:
	if not is_staff():
		raise NotAllowed(_("Only payments staff may see this."))


def _look_like(function: Callable, wrapper: Any) -> None:
	wraps(function)(wrapper)
	# Frappe would read the wrapped signature and drop or type-check arguments before we see them.
	del wrapper.__wrapped__
	wrapper.__annotations__ = {}
