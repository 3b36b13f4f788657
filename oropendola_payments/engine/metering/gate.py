"""What a proxy asks about a key: may this request pass, and whose is it."""

import frappe

from oropendola_payments.engine.metering import credits, usage
from oropendola_payments.engine.metering.key_check import authenticate


def authorize(api_key: str | None, requests: int = 1, model: str | None = None) -> dict:
	"""Take the request from the quota, and return the balance and whose key it is."""
	call = usage.checked_call(requests, model, 0, 0)
	key, windows = usage.serve(api_key, call)
	return {**usage.answer(key, windows, call.requests), **_owner(key)}


def check(api_key: str | None, requests: int = 1, model: str | None = None) -> dict:
	"""Return the same, and take nothing."""
	call = usage.checked_call(requests, model, 0, 0)
	key, rows = authenticate(api_key)
	return {**usage.answer(key, credits.look(key, rows, call), 0), **_owner(key)}


def _owner(key: frappe._dict) -> dict:
	return {"subscription_id": key.subscription, "plan": key.plan, "key_prefix": key.key_prefix}
