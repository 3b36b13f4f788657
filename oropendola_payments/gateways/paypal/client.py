"""Calls to PayPal's REST API: a cached token, renewed once on 401, and errors sorted by what PayPal did.

https://developer.paypal.com/api/rest/authentication/
"""

import hashlib
import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import requests

from oropendola_payments.gateways.base import Gateway
from oropendola_payments.gateways.errors import (
	BadAnswer,
	CredentialsRefused,
	GatewayError,
	MaybeSent,
	NotSent,
)
from oropendola_payments.gateways.http import HttpClient, path_segment, read_json
from oropendola_payments.gateways.parsing import entries_in, member, utc_text, whole_number
from oropendola_payments.gateways.paypal.mapping import word

LABEL = "PayPal"
TOKEN_EARLY_SECONDS = 300
MAX_REQUEST_ID = 108
PAGE, MAX_PAGES = 500, 100
Entity = dict[str, Any]
WRONG_KEYS = (
	"PayPal does not accept the Client ID and the Secret. Please copy both again from the app's page in the PayPal"
	" Developer Dashboard; sandbox and live have different ones."
)


class Client:
	"""PayPal's API as plain JSON objects; None where PayPal has no such record."""

	def __init__(self, gateway: Gateway):
		self.http = gateway.http
		self.tokens = gateway.tokens
		self.host = gateway.host()
		self._keys = (gateway.secrets.get("key_id", ""), gateway.secrets.get("key_secret", ""))

	def create_order(self, order: Entity, request_id: str) -> Entity:
		"""A new order; the same one again under the same request id."""
		return self._post("/v2/checkout/orders", order, request_id)

	def order(self, order_id: str) -> Entity | None:
		return self._get(f"/v2/checkout/orders/{path_segment(order_id)}")

	def capture_order(self, order_id: str, request_id: str) -> Entity:
		"""The order after its money was taken, once under the same request id."""
		return self._post(f"/v2/checkout/orders/{path_segment(order_id)}/capture", {}, request_id)

	def capture(self, capture_id: str) -> Entity | None:
		return self._get(f"/v2/payments/captures/{path_segment(capture_id)}")

	def refund_capture(self, capture_id: str, refund: Entity, request_id: str) -> Entity:
		"""A refund of a capture, made once under the same request id."""
		return self._post(f"/v2/payments/captures/{path_segment(capture_id)}/refund", refund, request_id)

	def refund(self, refund_id: str) -> Entity | None:
		return self._get(f"/v2/payments/refunds/{path_segment(refund_id)}")

	def webhook(self, webhook_id: str) -> Entity | None:
		return self._get(f"/v1/notifications/webhooks/{path_segment(webhook_id)}")

	def verify_webhook_signature(self, question: bytes) -> Entity:
		"""PayPal's own check; the question is sent byte by byte as it is."""
		return self._post("/v1/notifications/verify-webhook-signature", question)

	def transactions(self, since: datetime, until: datetime) -> Iterator[Entity]:
		"""What changed the balance in this time, at most 31 days."""
		window = {"start_date": utc_text(since), "end_date": utc_text(until)}
		for page in range(1, MAX_PAGES + 1):
			query = urlencode({**window, "fields": "transaction_info", "page_size": PAGE, "page": page})
			answer = self._get(f"/v1/reporting/transactions?{query}") or {}
			yield from (dict(entry) for entry in entries_in(answer.get("transaction_details")))
			if page >= (whole_number(answer.get("total_pages")) or 0):
				return
		raise BadAnswer("PayPal's list of transactions does not end.")

	def has_token(self) -> bool:
		"""Whether a token is cached; makes no call."""
		return bool(self.tokens.get(self._token_name()))

	def forget_token(self) -> None:
		"""The next call fetches a new token."""
		self.tokens.delete(self._token_name())

	def _get(self, path: str) -> Entity | None:
		answer = self._send("GET", path)
		return None if answer.status_code == 404 else _read(answer)

	def _post(self, path: str, body: Entity | bytes, request_id: str | None = None) -> Entity:
		content = body if isinstance(body, bytes) else json.dumps(body).encode()
		headers = {"Content-Type": "application/json", "Prefer": "return=representation"}
		if request_id:
			headers["PayPal-Request-Id"] = _bounded(request_id)
		return _read(self._send("POST", path, headers=headers, data=content))

	def _send(
		self, method: str, path: str, headers: dict[str, str] | None = None, data: bytes | None = None
	) -> requests.Response:
		answer = self._send_once(method, path, headers, data)
		if answer.status_code != 401:
			return answer
		# A token may die early. PayPal did nothing on a 401, so one more try with a new token is safe.
		self.forget_token()
		return self._send_once(method, path, headers, data)

	def _send_once(
		self, method: str, path: str, headers: dict[str, str] | None, data: bytes | None
	) -> requests.Response:
		headers = {**(headers or {}), "Authorization": f"Bearer {self._token()}"}
		return self.http.send(method, self.host + path, label=LABEL, headers=headers, data=data)

	def _token(self) -> str:
		known = self.tokens.get(self._token_name())
		if known:
			return known
		answer = self._fetch_token()
		token, seconds = answer.get("access_token"), answer.get("expires_in")
		if not isinstance(token, str) or not token.isascii() or not token.isprintable():
			raise NotSent("PayPal gave no access token. Please try again in a minute.")
		lasting = seconds - TOKEN_EARLY_SECONDS if isinstance(seconds, int) else 0
		if lasting > 0:
			self.tokens.set(self._token_name(), token, lasting)
		return token

	def _fetch_token(self) -> Entity:
		url, form = f"{self.host}/v1/oauth2/token", {"grant_type": "client_credentials"}
		keys = tuple(key.encode() for key in self._keys)
		try:
			return _read(self.http.send("POST", url, label=LABEL, auth=keys, data=form))
		except (MaybeSent, BadAnswer) as error:  # a token moves no money: repeating is safe
			raise NotSent("PayPal gave no access token. Please try again in a minute.") from error

	def _token_name(self) -> str:
		# The keys are part of the name, so that new keys never meet an old token.
		return "paypal:token:" + hashlib.sha256("\n".join((self.host, *self._keys)).encode()).hexdigest()


def _read(answer: requests.Response) -> Entity:
	if answer.status_code in (200, 201):
		return read_json(answer, LABEL)
	raise _refusal(answer)


def _refusal(answer: requests.Response) -> GatewayError:
	"""The error behind an answer that is not a success. Issues decide; PayPal's sentences are only for people."""
	report = _report(answer)
	issue = (
		word(member(report, "details", 0, "issue")) or word(report.get("name")) or word(report.get("error"))
	)
	debug_id = word(report.get("debug_id")) or "none"
	message = (
		f"PayPal refused the request: {issue} (HTTP {answer.status_code}, debug id {debug_id})."
		if issue
		else None
	)
	if answer.status_code == 409:
		return MaybeSent("PayPal is still processing the same request.", gateway_code=issue)
	if answer.status_code == 401:
		return CredentialsRefused(WRONG_KEYS, gateway_code=issue)
	return HttpClient.error_of(answer, LABEL, message, issue)


def _report(answer: requests.Response) -> Entity:
	try:
		return read_json(answer, LABEL)
	except BadAnswer:
		return {}


def _bounded(request_id: str) -> str:
	plain = len(request_id) <= MAX_REQUEST_ID and request_id.isascii() and request_id.isprintable()
	return request_id if plain else hashlib.sha256(request_id.encode()).hexdigest()
