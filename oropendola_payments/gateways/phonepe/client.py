"""Calls to PhonePe's Standard Checkout: an OAuth token that is cached and renewed, and plain JSON.

https://developer.phonepe.com/payment-gateway/website-integration/standard-checkout/api-integration/api-reference
"""

import hashlib
from typing import Any

import requests

from oropendola_payments.gateways.base import Gateway
from oropendola_payments.gateways.errors import (
	BadAnswer,
	CredentialsRefused,
	GatewayRefused,
	MaybeSent,
	NotSent,
)
from oropendola_payments.gateways.http import path_segment, read_json
from oropendola_payments.gateways.parsing import short_text

LABEL = "PhonePe"
REFUSED_KEYS = (
	"PhonePe refused the keys. Please check Client ID, Client Secret and Client Version, and the mode."
)
RENEW_BEFORE_SECONDS = 240
DAY_SECONDS = 86400
Entity = dict[str, Any]


class Client:
	"""PhonePe's API as HTTP status and plain JSON object."""

	def __init__(self, gateway: Gateway):
		self.gateway = gateway
		self.secrets = gateway.secrets

	def create_order(self, body: Entity) -> tuple[int, Entity]:
		return self._call("POST", "/checkout/v2/pay", json=body)

	def order(self, reference: str) -> tuple[int, Entity]:
		path = f"/checkout/v2/order/{path_segment(reference)}/status"
		return self._call("GET", path, params={"details": "true", "errorContext": "true"})

	def create_refund(self, body: Entity) -> tuple[int, Entity]:
		return self._call("POST", "/payments/v2/refund", json=body)

	def refund(self, key: str) -> tuple[int, Entity]:
		return self._call("GET", f"/payments/v2/refund/{path_segment(key)}/status")

	def has_token(self) -> bool:
		"""Whether a token is cached; makes no call."""
		return bool(self.gateway.tokens.get(self._token_name()))

	def check_keys(self) -> None:
		"""Fetch a new token; raises CredentialsRefused when PhonePe does not accept the keys."""
		self.gateway.tokens.delete(self._token_name())
		self._token()

	def _call(self, method: str, path: str, **options: Any) -> tuple[int, Entity]:
		answer = self._send(method, path, options)
		if answer.status_code == 401:
			# A token may die early. PhonePe did nothing on a 401, so one more try with a new token is safe.
			self.gateway.tokens.delete(self._token_name())
			answer = self._send(method, path, options)
		status = answer.status_code
		if status in (401, 403):
			raise CredentialsRefused(REFUSED_KEYS)
		if status == 429 or status >= 500 or 300 <= status < 400:
			raise self.gateway.http.error_of(answer, LABEL)
		return status, read_json(answer, LABEL)

	def _send(self, method: str, path: str, options: Entity) -> requests.Response:
		headers = {"Authorization": f"O-Bearer {self._token()}", "Accept": "application/json"}
		if self.secrets.get("account_id"):
			headers["X-MERCHANT-ID"] = self.secrets["account_id"]
		url = self.gateway.host("api") + path
		return self.gateway.http.send(method, url, label=LABEL, headers=headers, **options)

	def _token(self) -> str:
		known = self.gateway.tokens.get(self._token_name())
		if known:
			return known
		token, seconds = self._fetch_token()
		if seconds > 0:
			self.gateway.tokens.set(self._token_name(), token, seconds)
		return token

	def _token_name(self) -> str:
		# Keys and host are part of the name, so that new keys never use the old ones' token.
		keys = (self.secrets.get(name, "") for name in ("key_id", "key_secret", "key_version"))
		return (
			"phonepe:"
			+ hashlib.sha256("\n".join((self.gateway.host("token"), *keys)).encode()).hexdigest()[:32]
		)

	def _fetch_token(self) -> tuple[str, int]:
		fields = {
			"client_id": self.secrets.get("key_id", ""),
			"client_version": self.secrets.get("key_version", ""),
			"client_secret": self.secrets.get("key_secret", ""),
			"grant_type": "client_credentials",
		}
		url = self.gateway.host("token") + "/v1/oauth/token"
		try:
			answer = read_json(self.gateway.http.call("POST", url, label=LABEL, data=fields), LABEL)
		except GatewayRefused as error:
			raise CredentialsRefused(REFUSED_KEYS) from error
		except (MaybeSent, BadAnswer) as error:
			raise NotSent(
				"PhonePe gives no access token at the moment. Please try again in a minute."
			) from error
		return self._read_token(answer)

	def _read_token(self, answer: Entity) -> tuple[str, int]:
		"""The token, and for how many seconds it may be used: less than PhonePe says."""
		token, expires_at = short_text(answer.get("access_token"), 4096), answer.get("expires_at")
		if not token or not token.isascii() or not isinstance(expires_at, int):
			raise NotSent("PhonePe's access token cannot be read. Please try again in a minute.")
		left = expires_at - int(self.gateway.now().timestamp())
		return token, min(max(left - RENEW_BEFORE_SECONDS, left // 2), DAY_SECONDS)
