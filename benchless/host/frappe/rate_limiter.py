"""Limits how often a caller may call: per site by time spent, per endpoint by count."""

import datetime
from collections.abc import Callable
from functools import wraps

from werkzeug.wrappers import Response

import frappe
from frappe import _
from frappe._absent import _absent
from frappe.utils import cint


def apply():
	if rate_limit := frappe.conf.rate_limit:
		frappe.local.rate_limiter = RateLimiter(rate_limit["limit"], rate_limit["window"])
		frappe.local.rate_limiter.apply()


def update():
	if hasattr(frappe.local, "rate_limiter"):
		frappe.local.rate_limiter.update()


def respond():
	if hasattr(frappe.local, "rate_limiter"):
		return frappe.local.rate_limiter.respond()


class RateLimiter:
	"""Counts the microseconds a site's requests take within a window of seconds."""

	def __init__(self, limit, window):
		self.limit = int(limit * 1_000_000)
		self.window = window
		self.start = _utc_now()
		number, spent = divmod(int(self.start.timestamp()), window)
		self.key = frappe.cache.make_key(f"rate-limit-counter-{number}")
		self.counter = cint(frappe.cache.get(self.key))
		self.remaining = max(self.limit - self.counter, 0)
		self.reset = window - spent
		self.end = None
		self.duration = None
		self.rejected = False

	def apply(self):
		if self.counter > self.limit:
			self.rejected = True
			self.reject()

	def reject(self):
		raise frappe.TooManyRequestsError

	def update(self):
		self.record_request_end()
		frappe.cache.incrby(self.key, self.duration)
		frappe.cache.expire(self.key, self.window)

	def headers(self):
		self.record_request_end()
		headers = {
			"X-RateLimit-Reset": self.reset,
			"X-RateLimit-Limit": self.limit,
			"X-RateLimit-Remaining": self.remaining,
		}
		if self.rejected:
			return {**headers, "Retry-After": self.reset}
		return {**headers, "X-RateLimit-Used": self.duration}

	def record_request_end(self):
		if self.end is None:
			self.end = _utc_now()
			self.duration = int((self.end - self.start).total_seconds() * 1_000_000)

	def respond(self):
		if self.rejected:
			return Response(_("Too Many Requests"), status=429)


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
			if _is_limited(methods):
				_count_call(_identity(key, ip_based), limit() if callable(limit) else limit, seconds)
			return fn(*args, **kwargs)

		return wrapper

	return ratelimit_decorator


def _is_limited(methods: str | list) -> bool:
	if not getattr(frappe.local, "request", None):
		return False
	return methods == "ALL" or not frappe.request.method or frappe.request.method.upper() in methods


def _identity(key: str | None, ip_based: bool) -> str:
	address = frappe.local.request_ip if ip_based is True else None
	value = frappe.form_dict.get(key, "")
	identity = ":".join([address, value]) if key and ip_based else address or value
	return identity or frappe.throw(_("Either key or IP flag is required."))


def _count_call(identity: str, limit: int, seconds: int) -> None:
	key = frappe.cache.make_key(f"rl:{frappe.form_dict.cmd}:{identity}")
	if not frappe.cache.get(key):
		frappe.cache.setex(key, seconds, 0)
	if frappe.cache.incrby(key, 1) > limit:
		frappe.throw(
			_("You hit the rate limit because of too many requests. Please try after sometime."),
			frappe.RateLimitExceededError,
		)


def _utc_now() -> datetime.datetime:
	return datetime.datetime.now(datetime.timezone.utc)


__getattr__ = _absent("frappe.rate_limiter")
