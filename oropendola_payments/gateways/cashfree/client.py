"""Calls to Cashfree's REST API with a pinned version: headers, errors sorted, exact JSON numbers.

https://www.cashfree.com/docs/api-reference/payments/latest
"""

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import requests

from oropendola_payments.gateways.base import Gateway
from oropendola_payments.gateways.cashfree.mapping import sentence_of
from oropendola_payments.gateways.cashfree.signature import two_factor_headers
from oropendola_payments.gateways.errors import BadAnswer, CredentialsRefused, GatewayRefused, MaybeSent
from oropendola_payments.gateways.http import path_segment, read_json, read_list
from oropendola_payments.gateways.parsing import entries_in, short_text, utc_text

LABEL = "Cashfree"
API_VERSION = "2025-01-01"
PAGE, MAX_PAGES = 500, 2000
REFUSED_KEYS = (
	"Cashfree refused the keys. Please check Client ID and Client Secret, and that they belong to this mode."
)
Entity = dict[str, Any]


class StoredFailure(MaybeSent):
	"""A server error for a request with an idempotency key. Cashfree may answer every repeat of the key with it."""


class Client:
	"""Cashfree's API as HTTP status and plain JSON object, where the status decides what follows."""

	def __init__(self, gateway: Gateway):
		self.gateway = gateway
		self.secrets = gateway.secrets

	def create_order(self, body: str, key: str) -> tuple[int, Entity]:
		return self.call("POST", "/orders", body, key)

	def order(self, reference: str) -> Entity | None:
		"""The order with our reference; None when Cashfree does not know it."""
		status, order = self.call("GET", _order_path(reference))
		if is_unknown(status, order):
			return None
		if status >= 400:
			raise refusal(order)
		if order.get("order_id") != reference:
			raise BadAnswer("Cashfree's answer is about a different order.")
		return order

	def terminate_order(self, reference: str) -> tuple[int, Entity]:
		return self.call("PATCH", _order_path(reference), json.dumps({"order_status": "TERMINATED"}))

	def payments(self, reference: str) -> list[Entity]:
		"""The attempts to pay an order."""
		found = self._list(f"{_order_path(reference)}/payments")
		return [entry for entry in found if entry.get("order_id") in (None, reference)]

	def pay(self, body: Entity, key: str) -> tuple[int, Entity]:
		return self.call("POST", "/orders/sessions", json.dumps(body), key)

	def authenticate(self, payment_id: str, body: Entity) -> tuple[int, Entity]:
		return self.call("POST", f"/orders/pay/authenticate/{path_segment(payment_id)}", json.dumps(body))

	def capture(self, reference: str, body: str, key: str) -> tuple[int, Entity]:
		return self.call("POST", f"{_order_path(reference)}/authorization", body, key)

	def create_refund(self, reference: str, body: str, key: str) -> tuple[int, Entity]:
		return self.call("POST", f"{_order_path(reference)}/refunds", body, key)

	def refund(self, reference: str, key: str) -> tuple[int, Entity]:
		return self.call("GET", f"{_order_path(reference)}/refunds/{path_segment(key)}")

	def refunds(self, reference: str) -> list[Entity]:
		return self._list(f"{_order_path(reference)}/refunds")

	def settlements(self, since: datetime, until: datetime) -> Iterator[Entity]:
		return self._pages("/settlements", since, until)

	def settlement_events(self, since: datetime, until: datetime) -> Iterator[Entity]:
		return self._pages("/settlement/recon", since, until)

	def _pages(self, path: str, since: datetime, until: datetime) -> Iterator[Entity]:
		"""Every entry of a list that hands out a cursor with each page."""
		filters = {"start_date": utc_text(since), "end_date": utc_text(until)}
		cursor: str | None = None
		for _page in range(MAX_PAGES):
			pagination = {"limit": PAGE, "cursor": cursor}
			status, answer = self.call(
				"POST", path, json.dumps({"pagination": pagination, "filters": filters})
			)
			if status >= 400:
				raise refusal(answer)
			entries = entries_in(answer.get("data"))
			yield from (dict(entry) for entry in entries)
			following = short_text(answer.get("cursor"), 1000)
			if not following or following == cursor or not entries:
				return
			cursor = following
		raise BadAnswer("Cashfree's list of settlements does not end.")

	def call(
		self, method: str, path: str, body: str | None = None, key: str | None = None
	) -> tuple[int, Entity]:
		"""HTTP status and JSON of an answer; raises where the keys were refused or nothing can be known."""
		answer = self._send(method, path, body, key)
		status = answer.status_code
		if status in (401, 403):
			raise CredentialsRefused(REFUSED_KEYS)
		if status >= 500 and key:
			raise StoredFailure(f"Cashfree is having problems (HTTP {status}).")
		if status == 429 or status >= 500 or 300 <= status < 400:
			raise self.gateway.http.error_of(answer, LABEL)
		return status, read_json(answer, LABEL)

	def _list(self, path: str) -> list[Entity]:
		"""The objects of a JSON array; none where Cashfree knows nothing."""
		answer = self._send("GET", path)
		if answer.status_code == 404:
			return []
		if answer.status_code >= 300:
			raise self.gateway.http.error_of(answer, LABEL)
		return [entry for entry in read_list(answer, LABEL) if isinstance(entry, dict)]

	def _send(
		self, method: str, path: str, body: str | None = None, key: str | None = None
	) -> requests.Response:
		headers = {
			"x-client-id": self.secrets.get("key_id", ""),
			"x-client-secret": self.secrets.get("key_secret", ""),
			"x-api-version": API_VERSION,
			"Content-Type": "application/json",
			**({"x-idempotency-key": key} if key else {}),
			**two_factor_headers(self.secrets, self.gateway.now()),
		}
		url = f"{self.gateway.host()}/pg{path}"
		return self.gateway.http.send(method, url, label=LABEL, headers=headers, data=body)


def refusal(answer: Mapping[str, Any]) -> GatewayRefused:
	"""The error for an answer that says no, with Cashfree's own code and sentence."""
	code, message = short_text(answer.get("code")), sentence_of(answer.get("message"))
	return GatewayRefused(
		f"Cashfree refused the request: {message or code or 'no reason given'}", gateway_code=code
	)


def is_unknown(status: int, answer: Mapping[str, Any]) -> bool:
	"""Whether Cashfree does not know the id. A bare 404 of a wrong address has no code of this kind."""
	return status == 404 and (short_text(answer.get("code")) or "").endswith("not_found")


def is_key_reused(status: int, answer: Mapping[str, Any]) -> bool:
	"""Whether the idempotency key was used before, for a request with another body."""
	return 400 <= status < 500 and answer.get("type") == "idempotency_error"


def _order_path(reference: str) -> str:
	return f"/orders/{path_segment(reference)}"
