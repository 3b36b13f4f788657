"""Calls to the Cashflows Gateway: the request hash, errors sorted, and a pause after refused keys.

https://developer.cashflows.com/api_reference/cashflows_gateway.html. Cashflows locks accounts after repeated wrong
hashes, so after one refusal nothing more is sent with the same keys for a while. The error carries `gateway_code`
SIGNATURE_REFUSED: the engine's circuit breaker opens at once on it.
"""

import hashlib
import json
from typing import Any

import requests

from oropendola_payments.gateways.base import Gateway
from oropendola_payments.gateways.cashflows.mapping import error_in
from oropendola_payments.gateways.cashflows.signature import request_hash
from oropendola_payments.gateways.errors import BadAnswer, CredentialsRefused, GatewayError, GatewayRefused
from oropendola_payments.gateways.http import HttpClient, path_segment, read_json

LABEL = "Cashflows"
SIGNATURE_REFUSED = "signature_refused"
SUSPENDED_SECONDS = 600
REFUSED = (
	"Cashflows does not accept the Configuration ID and the API key. Please copy both again from the Cashflows Portal;"
	" integration and production have different ones. Requests with these keys are paused for ten minutes, because"
	" Cashflows locks accounts after repeated refusals."
)
Entity = dict[str, Any]


class Client:
	"""Cashflows' API as plain JSON objects; None where Cashflows has no such record."""

	def __init__(self, gateway: Gateway):
		self.http = gateway.http
		self.tokens = gateway.tokens
		self.host = gateway.host()
		self._key_id = gateway.secrets.get("key_id", "")
		self._api_key = gateway.secrets.get("key_secret", "")

	def create_job(self, body: Entity) -> Entity:
		"""The whole answer, which holds the job and the link to its page."""
		return self._call("POST", "payment-jobs", body)

	def job(self, job: str) -> Entity | None:
		answer = self._send("GET", f"payment-jobs/{path_segment(job)}")
		return None if answer.status_code == 404 else _data(_read(answer))

	def payment(self, job: str, payment: str) -> Entity:
		"""A payment that Cashflows named; BadAnswer when it does not show it."""
		answer = self._send("GET", _payment_path(job, payment))
		if answer.status_code == 404:
			raise BadAnswer("Cashflows no longer shows a payment that it reported.")
		return _data(_read(answer))

	def cancel_job(self, job: str) -> None:
		self._call("PATCH", f"payment-jobs/{path_segment(job)}/cancel")

	def capture(self, job: str, payment: str, body: Entity) -> None:
		self._call("POST", f"{_payment_path(job, payment)}/captures", body)

	def create_refund(self, job: str, payment: str, body: Entity) -> Entity:
		return _data(self._call("POST", f"{_payment_path(job, payment)}/refunds", body))

	def has_order(self, reference: str) -> bool:
		"""Whether Cashflows knows our order number."""
		answer = self._send("HEAD", f"orders/{path_segment(reference)}")
		if answer.status_code in (200, 204):
			return True
		if answer.status_code == 404:
			return False
		raise _refusal(answer)

	def knows_configuration(self) -> bool:
		"""Whether the keys belong to this environment; raises CredentialsRefused when they are wrong."""
		answer = self._send("GET", "supported-payment-methods")
		if answer.status_code == 404:
			return False
		_read(answer)
		return True

	def is_suspended(self) -> bool:
		return bool(self.tokens.get(self._suspension()))

	def end_suspension(self) -> None:
		"""The next call is sent, whatever became of the last one."""
		self.tokens.delete(self._suspension())

	def _call(self, method: str, path: str, body: Entity | None = None) -> Entity:
		return _read(self._send(method, path, body))

	def _send(self, method: str, path: str, body: Entity | None = None) -> requests.Response:
		if self.is_suspended():
			raise CredentialsRefused(REFUSED, gateway_code=SIGNATURE_REFUSED)
		content = b"" if body is None else json.dumps(body, separators=(",", ":")).encode()
		headers = {
			"ConfigurationId": self._key_id,
			"Hash": request_hash(self._api_key, content),
			"Content-Type": "application/json",
		}
		url = f"{self.host}/api/gateway/{path}"
		answer = self.http.send(method, url, label=LABEL, headers=headers, data=content or None)
		if answer.status_code == 401:
			self.tokens.set(self._suspension(), "refused", SUSPENDED_SECONDS)
			raise CredentialsRefused(REFUSED, gateway_code=SIGNATURE_REFUSED)
		return answer

	def _suspension(self) -> str:
		# The keys are part of the name: new keys are tried at once.
		parts = (self.host, self._key_id, self._api_key)
		return "cashflows:refused:" + hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _payment_path(job: str, payment: str) -> str:
	return f"payment-jobs/{path_segment(job)}/payments/{path_segment(payment)}"


def _read(answer: requests.Response) -> Entity:
	if answer.status_code not in (200, 201):
		raise _refusal(answer)
	content = read_json(answer, LABEL)
	code = error_in(content)
	if code:  # a success can still carry an error report
		raise GatewayRefused(f"Cashflows refused the request: {code}.", gateway_code=code)
	return content


def _refusal(answer: requests.Response) -> GatewayError:
	try:
		code = error_in(read_json(answer, LABEL))
	except BadAnswer:
		code = None
	message = f"Cashflows refused the request: {code} (HTTP {answer.status_code})." if code else None
	return HttpClient.error_of(answer, LABEL, message, code)


def _data(content: Entity) -> Entity:
	data = content.get("data")
	if not isinstance(data, dict):
		raise BadAnswer("Cashflows sent an answer without data.")
	return data
