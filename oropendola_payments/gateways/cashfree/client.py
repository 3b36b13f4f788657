"""Calls to Cashfree's REST API: headers, the optional two-factor signature, errors sorted, exact JSON numbers."""

import base64
import json
import re
from collections.abc import Mapping

from oropendola_payments.gateways.base import Gateway
from oropendola_payments.gateways.cashfree.mapping import sentence_of
from oropendola_payments.gateways.errors import CredentialsRefused, GatewayRefused
from oropendola_payments.gateways.http import read_json, read_list, short_text

LABEL = "Cashfree"
API_VERSION = "2025-01-01"
REFUSED_KEYS = (
	"Cashfree refused the keys. Please check Client ID and Client Secret, and that they belong to this mode."
)


class Client:
	def __init__(self, gateway: Gateway):
		self.gateway = gateway
		self.secrets = gateway.secrets

	def ask(
		self, method: str, path: str, key: str | None = None, data: str | None = None
	) -> tuple[int, dict]:
		"""HTTP status and JSON of an answer; raises where the keys were refused or nothing can be known."""
		answer = self._send(method, path, key, data)
		status = answer.status_code
		if status in (401, 403):
			raise CredentialsRefused(REFUSED_KEYS)
		if status == 429 or status >= 500 or 300 <= status < 400:
			raise self.gateway.http.error_of(answer, LABEL)
		return status, read_json(answer, LABEL)

	def ask_list(self, path: str) -> list[dict]:
		"""The objects of a JSON array; none where Cashfree knows nothing."""
		answer = self._send("GET", path)
		if answer.status_code == 404:
			return []
		if answer.status_code >= 300:
			raise self.gateway.http.error_of(answer, LABEL)
		return [entry for entry in read_list(answer, LABEL) if isinstance(entry, dict)]

	def _send(self, method: str, path: str, key: str | None = None, data: str | None = None):
		headers = {
			"x-client-id": self.secrets.get("key_id", ""),
			"x-client-secret": self.secrets.get("key_secret", ""),
			"x-api-version": API_VERSION,
			"Content-Type": "application/json",
			**({"x-idempotency-key": key} if key else {}),
			**self._two_factor(),
		}
		url = f"{self.gateway.host()}/pg{path}"
		return self.gateway.http.send(method, url, label=LABEL, headers=headers, data=data)

	def _two_factor(self) -> dict[str, str]:
		"""What accounts without a fixed address send: client id and time, sealed with Cashfree's public key."""
		if not self.secrets.get("public_key"):
			return {}
		from Crypto.Cipher import PKCS1_OAEP

		try:
			cipher = PKCS1_OAEP.new(_public_key(self.secrets["public_key"]))
			stamp = f"{self.secrets.get('key_id', '')}.{int(self.gateway.now().timestamp())}"
			return {"x-cf-signature": base64.b64encode(cipher.encrypt(stamp.encode())).decode()}
		except (ValueError, IndexError) as error:
			raise CredentialsRefused(
				"Cashfree's Public Key cannot be read. Please paste it again."
			) from error


def json_of(fields: dict, **amounts: str) -> str:
	"""JSON in which the amounts stand as the exact numbers of their texts, never as floats."""
	numbers = "".join(f', "{name}": {text}' for name, text in amounts.items())
	return json.dumps(fields)[:-1] + numbers + "}"


def refusal(answer: Mapping) -> GatewayRefused:
	"""The error for an answer that says no, with Cashfree's own code and sentence."""
	code, told = short_text(answer.get("code")), sentence_of(answer.get("message"))
	return GatewayRefused(
		f"Cashfree refused the request: {told or code or 'no reason given'}", gateway_code=code
	)


def is_unknown(status: int, answer: Mapping) -> bool:
	"""Whether Cashfree has never heard of the id. A bare 404 of a wrong address has no code of this kind."""
	return status == 404 and (short_text(answer.get("code")) or "").endswith("not_found")


def is_public_key(text: str) -> bool:
	try:
		return not _public_key(text).has_private()
	except (ValueError, IndexError):
		return False


def _public_key(text: str):
	"""The key of a .pem file, also when a form field swallowed its line breaks."""
	from Crypto.PublicKey import RSA

	return RSA.import_key(base64.b64decode(re.sub(r"-----[A-Z ]+-----|\\n|\s", "", text)))
