"""Usage of the service with an API key."""

import frappe

from oropendola_payments.api import endpoint
from oropendola_payments.engine.pauses import first_use


@endpoint(methods=("POST",), guest=True)
def consume(requests: int = 1) -> dict:
	"""Consume quota. The API key is sent in the header X-API-Key."""
	return first_use.consume(_api_key(), requests)


def _api_key() -> str | None:
	request = getattr(frappe.local, "request", None)
	return request.headers.get("X-API-Key") if request else None
