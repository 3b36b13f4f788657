"""Usage of the service with an API key."""

import frappe

from oropendola_payments.api import endpoint
from oropendola_payments.engine.metering import leases, usage
from oropendola_payments.engine.pauses.first_use import resuming


@endpoint(methods=("POST",), guest=True)
def consume(
	requests: int = 1, model: str | None = None, input_tokens: int = 0, output_tokens: int = 0
) -> dict:
	"""Consume quota. The API key is sent in the header X-API-Key, or as a bearer token."""
	return resuming(usage.consume, _api_key(), requests, model, input_tokens, output_tokens)


@endpoint(methods=("POST",), guest=True)
def lease(
	requests: int,
	seconds: int = 30,
	model: str | None = None,
	holder: str | None = None,
	idempotency_key: str | None = None,
) -> dict:
	"""Take a slice of the quota, to spend without asking for each call. Report it with `settle`."""
	return resuming(leases.grant, _api_key(), requests, seconds, model, holder, idempotency_key)


@endpoint(methods=("POST",), guest=True)
def settle(lease: str, spent: int, close: bool = True) -> dict:
	"""Report how much of a lease was spent in all. Closing it gives the rest back."""
	return resuming(leases.settle, _api_key(), lease, spent, close)


def _api_key() -> str | None:
	request = getattr(frappe.local, "request", None)
	return request.headers.get("X-API-Key") if request else None
