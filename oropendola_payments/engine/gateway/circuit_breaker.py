"""A gateway that keeps failing is Degraded: still usable, no longer recommended.

The counters live in the shared cache, so that all workers see the same. After the pause the next call is the trial: its success
closes the breaker, its failure opens it again at once.
"""

import time

import frappe

from oropendola_payments.gateways.errors import BadAnswer, CredentialsRefused, MaybeSent, NotSent

WINDOW_SECONDS = 300
FAILURES_TO_OPEN = 5
PAUSE_SECONDS = 120
REMEMBERED_SECONDS = 7 * 24 * 3600
OUTAGES = (NotSent, MaybeSent, BadAnswer)


def is_degraded(code: str) -> bool:
	"""After the pause an outage may be over. Refused keys stay refused until a call succeeds."""
	state = _state(code)
	opened = state.get("opened_at")
	return bool(opened) and (bool(state.get("keys_refused")) or time.time() - opened < PAUSE_SECONDS)


def last_failure(code: str) -> dict | None:
	"""What the gateway said when it failed last, until a call succeeds: `opened_at, error, keys_refused`."""
	state = _state(code)
	return state if state.get("opened_at") else None


def report_success(code: str):
	if _state(code):
		frappe.cache.delete_value(_key(code))


def report_failure(code: str, error: Exception) -> bool:
	"""Count an outage; False for an error that says nothing of the gateway's health.

	Refused keys open the breaker at once: repeating them can lock an account.
	"""
	if isinstance(error, CredentialsRefused):
		_open(code, error)
	elif isinstance(error, OUTAGES):
		_count(code, error)
	else:
		return False
	return True


def _count(code: str, error: Exception):
	state, now = _state(code), time.time()
	if state.get("opened_at"):
		return _open(code, error)
	recent = [at for at in state.get("failures", []) if now - at < WINDOW_SECONDS] + [now]
	if len(recent) >= FAILURES_TO_OPEN:
		return _open(code, error)
	_save(code, {"failures": recent}, WINDOW_SECONDS)


def _open(code: str, error: Exception):
	"""Kept until a call succeeds, so that the alert about it lasts as long as the trouble."""
	refused = isinstance(error, CredentialsRefused)
	_save(
		code,
		{"opened_at": time.time(), "error": str(error)[:300], "keys_refused": refused},
		REMEMBERED_SECONDS,
	)


def _state(code: str) -> dict:
	return frappe.cache.get_value(_key(code), expires=True) or {}


def _save(code: str, state: dict, seconds: int):
	frappe.cache.set_value(_key(code), state, expires_in_sec=seconds)


def _key(code: str) -> str:
	return f"oropendola_breaker:{code}"
