"""Every call to a gateway goes through here, so that its success or failure counts for the gateway's health."""

import frappe

from oropendola_payments.engine.gateway import circuit_breaker, registry
from oropendola_payments.gateways.errors import GatewayError


def call_gateway(code: str, call, *args, **kwargs):
	"""The gateway's answer; success and failure count for its health."""
	try:
		answer = call(*args, **kwargs)
	except GatewayError as error:
		if circuit_breaker.report_failure(code, error):
			registry.record_failure(code, error)
			frappe.db.commit()
		raise
	circuit_breaker.report_success(code)
	_note_success_hourly(code)
	return answer


def _note_success_hourly(code: str):
	if not frappe.cache.get_value(_success_key(code), expires=True):
		frappe.cache.set_value(_success_key(code), 1, expires_in_sec=3600)
		registry.record_success(code)


def forget_success(code: str):
	"""Of other keys or another mode: the next call that succeeds is noted at once."""
	frappe.cache.delete_value(_success_key(code))


def _success_key(code: str) -> str:
	return f"oropendola_success:{code}"
