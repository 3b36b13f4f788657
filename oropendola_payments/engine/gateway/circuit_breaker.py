"""Circuit breaker: a gateway that keeps failing is Degraded, which means still usable but no longer recommended.

The state is stored in the gateway's settings, so it survives an emptied cache. Failures are counted in the shared cache, where a
lost count only delays the breaker by a few failures. After the pause the next call is the trial, see Payment Gateway Settings.
"""

import time
from typing import Any

import frappe
from frappe.utils import now_datetime

from oropendola_payments.ai_billing.current import forget
from oropendola_payments.ai_billing.plain_text import without_tags
from oropendola_payments.compat import cached_for_a_time
from oropendola_payments.engine.core.transactions import write_through
from oropendola_payments.engine.gateway.registry import SETTINGS, settings_of
from oropendola_payments.gateways.errors import BadAnswer, CredentialsRefused, MaybeSent, NotSent

WINDOW_SECONDS = 300
FAILURES_TO_OPEN = 5
OUTAGES = (NotSent, MaybeSent, BadAnswer)


def is_degraded(code: str) -> bool:
	return settings_of(code).is_degraded()


def report_success(code: str) -> None:
	"""Close the circuit after a successful call."""
	frappe.cache.delete_value(_key(code))
	if settings_of(code).degraded_since:
		_write(code, degraded_since=None, keys_refused=0)


def report_failure(code: str, error: Exception) -> None:
	"""Count an outage. Errors that are no sign of bad health, such as a decline, are not counted.

	Refused keys open the circuit at once, because repeated calls with them can lock the account.
	"""
	if not isinstance(error, (CredentialsRefused, *OUTAGES)):
		return
	now = now_datetime()
	values = {"last_error": without_tags(str(error)[:500]), "last_error_on": now}
	if isinstance(error, CredentialsRefused):
		values |= {"degraded_since": now, "keys_refused": 1}
	elif settings_of(code).degraded_since or _count(code) >= FAILURES_TO_OPEN:
		values |= {"degraded_since": now, "keys_refused": 0}
	_write(code, **values)


def _count(code: str) -> int:
	"""Add this failure and return the number of failures within the window."""
	now = time.time()
	known = cached_for_a_time(_key(code)) or []
	recent = [*(at for at in known if now - at < WINDOW_SECONDS), now]
	frappe.cache.set_value(_key(code), recent, expires_in_sec=WINDOW_SECONDS)
	return len(recent)


def _write(code: str, **values: Any) -> None:
	write_through(_write_now, code, values)


def _write_now(code: str, values: dict) -> None:
	frappe.db.set_value(SETTINGS, settings_of(code).name, values, update_modified=False)
	forget(SETTINGS)


def _key(code: str) -> str:
	return f"oropendola_gateway_failures:{code}"
