"""Decorators that remember what a function gave: for the request, for the process, or in `frappe.cache`."""

import json
import time
from collections import defaultdict
from collections.abc import Callable
from functools import wraps

import frappe

_SITE_CACHE = defaultdict(lambda: defaultdict(dict))


def request_cache(func: Callable) -> Callable:
	@wraps(func)
	def wrapper(*args, **kwargs):
		if not getattr(frappe.local, "initialised", None):
			return func(*args, **kwargs)
		if not hasattr(frappe.local, "request_cache"):
			frappe.local.request_cache = defaultdict(dict)
		known = frappe.local.request_cache[func]
		key = (args, frozenset(kwargs.items()))
		if key not in known:
			known[key] = func(*args, **kwargs)
		return known[key]

	return wrapper


def site_cache(ttl: int | None = None, maxsize: int | None = None) -> Callable:
	"""Remember in this process, per site."""
	if callable(ttl):
		return _site_cached(ttl, None, None)
	return lambda func: _site_cached(func, ttl, maxsize)


def _site_cached(func: Callable, ttl: int | None, maxsize: int | None) -> Callable:
	name = f"{func.__module__}.{func.__name__}"

	@wraps(func)
	def wrapper(*args, **kwargs):
		known = _SITE_CACHE[name][frappe.conf.db_name]
		key = json.dumps((args, kwargs))
		made = known.get(key, (None,))[0]
		if made is None or (ttl and time.monotonic() - made >= ttl):
			if maxsize and len(known) >= maxsize:
				known.pop(next(iter(known)))
			known[key] = time.monotonic(), func(*args, **kwargs)
		return known[key][1]

	wrapper.clear_cache = lambda: _SITE_CACHE[name].clear()
	return wrapper


def redis_cache(ttl: int | None = 3600, user: str | bool | None = None, shared: bool = False) -> Callable:
	"""Remember in `frappe.cache`, for all threads."""
	if callable(ttl):
		return _redis_cached(ttl, 3600, user, shared)
	return lambda func: _redis_cached(func, ttl, user, shared)


def _redis_cached(func: Callable, ttl: int | None, user, shared: bool) -> Callable:
	name = f"{func.__module__}.{func.__qualname__}"

	@wraps(func)
	def wrapper(*args, **kwargs):
		key = f"{name}::{hash((args, frozenset(kwargs.items())))}"
		if frappe.cache.exists(key, user=user, shared=shared):
			return frappe.cache.get_value(key, user=user, shared=shared)
		value = func(*args, **kwargs)
		frappe.cache.set_value(key, value, expires_in_sec=ttl, user=user, shared=shared)
		return value

	wrapper.clear_cache = lambda: frappe.cache.delete_keys(name)
	return wrapper
