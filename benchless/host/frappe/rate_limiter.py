"""Limits how often a caller may call an endpoint."""

from collections.abc import Callable
from functools import wraps

import frappe
from frappe import _
from frappe._absent import _absent


def rate_limit(
	key: str | None = None,
	limit: int | Callable = 5,
	seconds: int = 24 * 60 * 60,
	methods: str | list = "ALL",
	ip_based: bool = True,
):
	"""Refuse calls of an endpoint above `limit` within `seconds`, per caller address and value of `key`."""

	def ratelimit_decorator(fn):
		@wraps(fn)
		def wrapper(*args, **kwargs):
			request = getattr(frappe.local, "request", None)
			if request and (methods == "ALL" or request.method in methods):
				_count_call(_identity(key, ip_based), limit() if callable(limit) else limit, seconds)
			return fn(*args, **kwargs)

		return wrapper

	return ratelimit_decorator


def _identity(key: str | None, ip_based: bool) -> str:
	parts = [frappe.local.request_ip] if ip_based else []
	parts += [frappe.form_dict.get(key, "")] if key else []
	return ":".join(parts) or frappe.throw(_("Either key or IP flag is required."))


def _count_call(identity: str, limit: int, seconds: int) -> None:
	key = frappe.cache.make_key(f"rl:{frappe.form_dict.cmd}:{identity}")
	if not frappe.cache.get(key):
		frappe.cache.setex(key, seconds, 0)
	if frappe.cache.incrby(key, 1) > limit:
		message = _("You hit the rate limit because of too many requests. Please try after sometime.")
		frappe.throw(message, frappe.RateLimitExceededError)


_absent("frappe.rate_limiter")
