"""Usage of the service with an API key."""

import frappe

from oropendola_payments.api import contract, endpoint, proxies
from oropendola_payments.api.answers import usage as answers
from oropendola_payments.engine.metering import gate, leases
from oropendola_payments.engine.pauses.first_use import resuming
from oropendola_payments.engine.top_ups.offers import offering
from oropendola_payments.engine.usage_ledger import closing, events, standing


@endpoint(methods=("POST",), guest=True, answer=answers.Consumed, errors=contract.API_KEY)
def consume(
	requests: int = 1,
	model: str | None = None,
	input_tokens: int = 0,
	output_tokens: int = 0,
	event_id: str | None = None,
) -> dict:
	"""Consume quota. The API key is sent in the header X-API-Key, or as a bearer token."""
	arguments = (requests, model, input_tokens, output_tokens, event_id)
	return offering(resuming, events.consume, _api_key(), *arguments)


@endpoint(methods=("POST",), guest=True, answer=answers.Reserved, errors=contract.API_KEY)
def reserve(
	event_id: str,
	requests: int = 1,
	model: str | None = None,
	input_tokens: int = 0,
	output_tokens: int = 0,
	seconds: int = 900,
) -> dict:
	"""Take what a call will use at most, before it is made."""
	arguments = (event_id, requests, model, input_tokens, output_tokens, seconds)
	return offering(resuming, events.reserve, _api_key(), *arguments)


@endpoint(methods=("POST",), guest=True, answer=answers.ClosedReservation, errors=contract.API_KEY)
def settle_reservation(
	event_id: str, input_tokens: int = 0, output_tokens: int = 0, requests: int | None = None
) -> dict:
	"""Book what a reserved call really used."""
	return closing.settle(_api_key(), event_id, input_tokens, output_tokens, requests)


@endpoint(methods=("POST",), guest=True, answer=answers.ClosedReservation, errors=contract.API_KEY)
def release_reservation(event_id: str) -> dict:
	"""Give a reservation back, because the call used nothing."""
	return closing.release(_api_key(), event_id)


@endpoint(methods=("GET", "POST"), guest=True, answer=answers.KeyUsage, errors=contract.API_KEY)
def get_usage(from_date: str | None = None, to_date: str | None = None) -> dict:
	"""Return what is left of each limit, and what this key used per day and model. Takes no quota."""
	return standing.of_key(_api_key(), from_date, to_date)


@endpoint(methods=("GET", "POST"), guest=True, answer=answers.ClosedReservation, errors=contract.API_KEY)
def get_event(event_id: str) -> dict:
	"""Return what one event used."""
	return standing.event_of_key(_api_key(), event_id)


@endpoint(methods=("POST",), guest=True, answer=answers.Lease, errors=contract.API_KEY)
def lease(
	requests: int,
	seconds: int = 30,
	model: str | None = None,
	holder: str | None = None,
	idempotency_key: str | None = None,
) -> dict:
	"""Take a slice of the quota, to spend without asking for each call. Report it with `settle`."""
	return offering(resuming, leases.grant, _api_key(), requests, seconds, model, holder, idempotency_key)


@endpoint(methods=("POST",), guest=True, answer=answers.SettledLease, errors=contract.API_KEY)
def settle(lease: str, spent: int, close: bool = True) -> dict:
	"""Report how much of a lease was spent in all. Closing it gives the rest back."""
	return resuming(leases.settle, _api_key(), lease, spent, close)


@endpoint(methods=proxies.METHODS, guest=True, answer=answers.Authorized, errors=contract.API_KEY)
def authorize() -> dict:
	"""Let a proxy ask whether a request may pass, and count it. For nginx, Traefik, Envoy and others."""
	return proxies.passed(offering(resuming, gate.authorize, _api_key(), *proxies.asked()))


@endpoint(methods=proxies.METHODS, guest=True, answer=answers.Authorized, errors=contract.API_KEY)
def check() -> dict:
	"""Say whether a request may pass, without counting it."""
	return proxies.passed(offering(resuming, gate.check, _api_key(), *proxies.asked()))


def _api_key() -> str | None:
	request = getattr(frappe.local, "request", None)
	return request.headers.get("X-API-Key") if request else None
