"""Calls to PhonePe's salt scheme (v1): a base64 payload under an X-VERIFY checksum.

https://developer.phonepe.com/v1/reference/pay-api-1, /check-status-api-1 and /refund-8
"""

import base64
import json
from typing import Any

from oropendola_payments.gateways.base import Gateway
from oropendola_payments.gateways.errors import BadAnswer, CredentialsRefused
from oropendola_payments.gateways.http import path_segment, read_json
from oropendola_payments.gateways.parsing import member
from oropendola_payments.gateways.phonepe.client import LABEL
from oropendola_payments.gateways.phonepe.salt_scheme.signature import checksum

REFUSED_KEYS = "PhonePe refused the keys. Please check Merchant ID, Salt Key and Salt Index, and the mode."
ANSWERED = (200, 201, 202, 400, 404, 409, 410, 417, 422)
Entity = dict[str, Any]


class SaltClient:
	"""The salt scheme's API as plain JSON objects, whatever they say."""

	def __init__(self, gateway: Gateway):
		self.gateway = gateway
		self.merchant = gateway.secrets.get("legacy_id", "")

	def create_order(self, body: Entity) -> Entity:
		return self._post("/pg/v1/pay", body)

	def create_refund(self, body: Entity) -> Entity:
		return self._post("/pg/v1/refund", body)

	def state(self, transaction: str) -> Entity:
		"""The state of a payment or a refund, by our own id of it."""
		path = f"/pg/v1/status/{path_segment(self.merchant)}/{path_segment(transaction)}"
		answer = self._call("GET", path, checksum(path, self.gateway))
		if member(answer, "data", "merchantTransactionId") not in (None, transaction):
			raise BadAnswer("PhonePe's answer is about a different payment.")
		return answer

	def _post(self, path: str, payload: Entity) -> Entity:
		packed = base64.b64encode(json.dumps(payload).encode()).decode()
		return self._call("POST", path, checksum(packed + path, self.gateway), json={"request": packed})

	def _call(self, method: str, path: str, signature: str, **options: Any) -> Entity:
		headers = {"X-VERIFY": signature, "X-MERCHANT-ID": self.merchant, "Accept": "application/json"}
		http, url = self.gateway.http, self.gateway.host("legacy") + path
		try:
			answer = http.call(method, url, label=LABEL, ok=ANSWERED, headers=headers, **options)
		except CredentialsRefused as error:
			raise CredentialsRefused(REFUSED_KEYS) from error
		content = read_json(answer, LABEL)
		if content.get("code") == "AUTHORIZATION_FAILED":
			raise CredentialsRefused(REFUSED_KEYS, gateway_code="AUTHORIZATION_FAILED")
		return content
