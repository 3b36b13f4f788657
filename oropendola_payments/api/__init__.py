"""HTTP endpoints: check the user, call the engine once, return the answer.

`endpoint` whitelists a function, checks its arguments and wraps its answer in the public envelope. A refusal keeps its own HTTP
status; any other exception is raised, so that a bug is logged.
"""

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Any

import frappe
from frappe import _

from oropendola_payments.ai_billing.doctype.payment_event.payment_event import acting_as
from oropendola_payments.api.arguments import checked_arguments, require_utf8
from oropendola_payments.api.contract import Contract
from oropendola_payments.compat import rollback
from oropendola_payments.engine.core.times import with_iso_times
from oropendola_payments.exceptions import NotAllowed, details_of, is_refusal, sentence_of, slug_of
from oropendola_payments.roles import is_manager, is_staff


def endpoint(
	*,
	methods: tuple[str, ...] = ("GET", "POST"),
	guest: bool = False,
	source: str = "API",
	rate_limit: Callable[[Callable], Callable] | None = None,
	answer: Any = None,
	errors: tuple[str, ...] = (),
	scope: str | None = None,
) -> Callable[[Callable], Callable]:
	"""Make a public endpoint. `methods` are HTTP methods; `rate_limit` is Frappe's decorator.

	The rest is described and not checked: `answer` is its shape (a TypedDict of `api/answers`), `errors` are error codes besides the
	usual ones, `scope` is the one that an OAuth token needs.
	"""

	def decorate(function: Callable) -> Callable:
		signature = inspect.signature(function)

		# Frappe passes the arguments that the signature names: accept all and check them here, so that a wrong one is
		# refused in our envelope instead of with a TypeError.
		def wrapper(*args: Any, **kwargs: Any) -> dict:
			try:
				if not guest:
					require_login()
				require_utf8(getattr(frappe.local, "request", None))
				with acting_as(source):
					arguments = checked_arguments(function, signature, args, kwargs)
					return {"success": True, **with_iso_times(function(**arguments) or {})}
			except Exception as error:
				return refusal(error)

		_copy_metadata(function, wrapper)
		inner: Any = rate_limit(wrapper) if rate_limit else wrapper
		inner.is_open_to_guests = guest
		inner.contract = Contract(function, answer, errors, guest, scope)
		# Allow guests as far as `require_login`, so that they get our error and not the framework's page.
		return frappe.whitelist(allow_guest=True, methods=list(methods))(inner)

	return decorate


def refusal(error: Exception) -> dict:
	"""Return the envelope of a refusal, after a rollback, because a normal return would commit."""
	if not is_refusal(error):
		raise error
	sentence = sentence_of(error)
	rollback()
	frappe.clear_messages()
	frappe.local.response.http_status_code = getattr(error, "http_status_code", 500)
	answer = {"success": False, "error": sentence, "error_code": slug_of(error)}
	frappe.local.flags.payments_retry_after = getattr(error, "retry_after", None)
	return {**answer, **details_of(error)}


def require_login() -> str:
	"""Return the logged-in user. Raises NotAllowed for guests."""
	if frappe.session.user == "Guest":
		raise NotAllowed(_("Please log in first."))
	return frappe.session.user


def require_manager() -> None:
	if not is_manager():
		raise NotAllowed(_("Only a Payments Manager may do this."))


def require_staff() -> None:
	if not is_staff():
		raise NotAllowed(_("Only payments staff may see this."))


def _copy_metadata(function: Callable, wrapper: Any) -> None:
	wraps(function)(wrapper)
	# Otherwise Frappe would read the wrapped signature, and drop or type-check arguments before we see them.
	del wrapper.__wrapped__
	wrapper.__annotations__ = {}
