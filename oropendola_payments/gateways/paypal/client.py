"""Talking to PayPal's REST API: a cached token, renewed once on 401, and errors sorted by what PayPal did.

https://developer.paypal.com/api/rest/authentication/
"""

import hashlib
import json
from collections.abc import Mapping

import requests

from oropendola_payments.gateways.base import TokenCache
from oropendola_payments.gateways.errors import (
	BadAnswer,
	CredentialsRefused,
	GatewayError,
	MaybeSent,
	NotSent,
)
from oropendola_payments.gateways.http import HttpClient, member, read_json
from oropendola_payments.gateways.paypal.mapping import word

LABEL = "PayPal"
TOKEN_EARLY_SECONDS = 300
MAX_REQUEST_ID = 108
WRONG_KEYS = (
	"PayPal does not accept the Client ID and the Secret. Please copy both again from the app's page in the PayPal"
	" Developer Dashboard; sandbox and live have different ones."
)


class PayPalClient:
	def __init__(self, http: HttpClient, tokens: TokenCache, secrets: Mapping[str, str], host: str):
		self.http = http
		self.tokens = tokens
		self.host = host
		self._keys = (secrets.get("key_id", ""), secrets.get("key_secret", ""))

	def get(self, path: str) -> dict | None:
		"""The object at the path; None when PayPal does not know it."""
		answer = self._send("GET", path)
		return None if answer.status_code == 404 else _read(answer)

	def post(self, path: str, body: dict | bytes, request_id: str | None = None) -> dict:
		"""The answer's object. With the same request id PayPal does the same thing only once."""
		content = body if isinstance(body, bytes) else json.dumps(body).encode()
		headers = {"Content-Type": "application/json", "Prefer": "return=representation"}
		if request_id:
			headers["PayPal-Request-Id"] = _bounded(request_id)
		return _read(self._send("POST", path, headers=headers, data=content))

	def has_token(self) -> bool:
		return bool(self.tokens.get(self._token_name()))

	def forget_token(self) -> None:
		self.tokens.delete(self._token_name())

	def _send(self, method: str, path: str, headers: dict | None = None, data: bytes | None = None):
		answer = self._send_once(method, path, headers, data)
		if answer.status_code != 401:
			return answer
		# A token may die early. PayPal did nothing on a 401, so one more try with a new token is safe.
		self.forget_token()
		return self._send_once(method, path, headers, data)

	def _send_once(self, method: str, path: str, headers: dict | None, data: bytes | None):
		headers = {**(headers or {}), "Authorization": f"Bearer {self._token()}"}
		return self.http.send(method, self.host + path, label=LABEL, headers=headers, data=data)

	def _token(self) -> str:
		known = self.tokens.get(self._token_name())
		if known:
			return known
		answer = self._ask_token()
		token, seconds = answer.get("access_token"), answer.get("expires_in")
		if not isinstance(token, str) or not token.isascii() or not token.isprintable():
			raise NotSent("PayPal gave no access token. Please try again in a minute.")
		lasting = seconds - TOKEN_EARLY_SECONDS if isinstance(seconds, int) else 0
		if lasting > 0:
			self.tokens.set(self._token_name(), token, lasting)
		return token

	def _ask_token(self) -> dict:
		url, form = f"{self.host}/v1/oauth2/token", {"grant_type": "client_credentials"}
		keys = tuple(key.encode() for key in self._keys)
		try:
			return _read(self.http.send("POST", url, label=LABEL, auth=keys, data=form))
		except (MaybeSent, BadAnswer) as error:  # a token moves no money: asking again is safe
			raise NotSent("PayPal gave no access token. Please try again in a minute.") from error

	def _token_name(self) -> str:
		# The keys are part of the name, so that new keys never meet an old token.
		return "paypal:token:" + hashlib.sha256("\n".join((self.host, *self._keys)).encode()).hexdigest()


def _read(answer: requests.Response) -> dict:
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


def _report(answer: requests.Response) -> dict:
	try:
		return read_json(answer, LABEL)
	except BadAnswer:
		return {}


def _bounded(request_id: str) -> str:
	plain = len(request_id) <= MAX_REQUEST_ID and request_id.isascii() and request_id.isprintable()
	return request_id if plain else hashlib.sha256(request_id.encode()).hexdigest()
