"""Make a gateway call and report its success or failure to the circuit breaker."""

import time
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import frappe
from frappe import _
from frappe.utils import now_datetime

from oropendola_payments.ai_billing.doctype.payment_gateway_settings.payment_gateway_settings import (
	PaymentGatewaySettings,
)
from oropendola_payments.engine.core.transactions import write_through
from oropendola_payments.engine.gateway import circuit_breaker
from oropendola_payments.engine.gateway.registry import SETTINGS, build, missing_credentials, settings_of
from oropendola_payments.gateways.errors import GatewayError, NotSupported

P = ParamSpec("P")
R = TypeVar("R")
SUCCESS_SECONDS = 60


def call_gateway(code: str, call: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
	"""Call a gateway and return its answer. Success and failure count for its health."""
	try:
		answer = call(*args, **kwargs)
	except GatewayError as error:
		circuit_breaker.report_failure(code, error)
		raise
	circuit_breaker.report_success(code)
	_record_success_if_due(code)
	return answer


def check_connection(settings: PaymentGatewaySettings, method: str | None = None) -> str:
	"""Test the credentials at the provider and return the result as a sentence. For `doc_events` of Payment Gateway Settings."""
	missing = missing_credentials(settings)
	if missing:
		return _("Please enter these first: {0}.").format(", ".join(_(label) for label in missing))
	try:
		answer = build(settings).test_connection()
	except NotSupported as error:
		return str(error)  # no evidence about the keys
	except GatewayError as error:
		circuit_breaker.report_failure(settings.gateway, error)
		return str(error)
	circuit_breaker.report_success(settings.gateway)
	_record_success(settings.gateway)
	return answer


def _record_success_if_due(code: str) -> None:
	"""Record the success, at most once a minute: more would be a write for every call. Commits, so that no later call holds the lock."""
	now = time.time()
	if now - (frappe.cache.get_value(_success_key(code), expires=True) or 0) >= SUCCESS_SECONDS:
		frappe.cache.set_value(_success_key(code), now, expires_in_sec=SUCCESS_SECONDS)
		write_through(_record_success, code)


def _record_success(code: str) -> None:
	frappe.db.set_value(
		SETTINGS, settings_of(code).name, "last_success_on", now_datetime(), update_modified=False
	)


def forget_success(code: str) -> None:
	"""After the keys or the mode changed: record the next success at once instead of within the minute."""
	frappe.cache.delete_value(_success_key(code))


def _success_key(code: str) -> str:
	return f"oropendola_success:{code}"
