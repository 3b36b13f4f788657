"""Which functions may be called over HTTP, by whom and how."""

import inspect
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from ._site import local
from .exceptions import PermissionError

whitelisted = []
guest_methods = []
xss_safe_methods = []
allowed_http_methods_for_whitelisted_func = {}


def whitelist(allow_guest=False, xss_safe=False, methods=None):
	"""Decorator: the function may be called as /api/method/dotted.path."""

	def innerfn(fn):
		from frappe.utils.typing_validations import validate_argument_types

		fn = validate_argument_types(fn, apply_condition=_in_request_or_test)
		whitelisted.append(fn)
		allowed_http_methods_for_whitelisted_func[fn] = methods or ["GET", "POST", "PUT", "DELETE"]
		if allow_guest:
			guest_methods.append(fn)
			if xss_safe:
				xss_safe_methods.append(fn)
		return fn

	return innerfn


def _in_request_or_test() -> bool:
	return bool(getattr(local, "request", None) or local.flags.in_test)


def is_whitelisted(method):
	"""Refuse a function that this user may not call over HTTP; clean what a guest sends."""
	from frappe import _, bold, throw
	from frappe.utils.html_utils import sanitize_html

	is_guest = local.session["user"] == "Guest"
	if method not in whitelisted or (is_guest and method not in guest_methods):
		summary = _("You are not permitted to access this resource.")
		detail = _("Function {0} is not whitelisted.").format(bold(f"{method.__module__}.{method.__name__}"))
		message = f"<details><summary>{summary}</summary>{detail}</details>"
		throw(message, PermissionError, title=_("Method Not Allowed"))
	if is_guest and method not in xss_safe_methods:
		for key, value in local.form_dict.items():
			local.form_dict[key] = sanitize_html(value)


def only_for(roles: list[str] | tuple[str, ...] | str, message=False):
	"""Refuse users who have none of the roles. As in Frappe, tests and Administrator always pass."""
	from frappe import _, get_roles, throw

	if local.flags.in_test or local.session.user == "Administrator":
		return
	roles = (roles,) if isinstance(roles, str) else roles
	if set(roles).isdisjoint(get_roles()):
		if not message:
			raise PermissionError
		throw(_("This action is only allowed for {}").format(", ".join(roles)), PermissionError)


def call(fn: str | Callable, *args, **kwargs):
	"""Call with the arguments that the function takes; others are dropped."""
	from frappe import get_attr

	if isinstance(fn, str):
		fn = get_attr(fn)
	return fn(*args, **get_newargs(fn, kwargs))


def get_newargs(fn: Callable, kwargs: dict[str, Any]) -> dict[str, Any]:
	names, takes_all = _parameters_of(fn)
	hidden = ("ignore_permissions", "flags")
	return {
		name: value for name, value in kwargs.items() if name not in hidden and (takes_all or name in names)
	}


@lru_cache(maxsize=2048)
def _parameters_of(fn: Callable) -> tuple[frozenset[str], bool]:
	"""The names of the parameters, and whether there is room for any other."""
	parameters = inspect.signature(fn).parameters
	return frozenset(parameters), any(p.kind is p.VAR_KEYWORD for p in parameters.values())
