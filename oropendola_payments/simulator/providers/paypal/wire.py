"""PayPal's wire format: access tokens, refusals, amounts as text, and webhooks signed with a certificate."""

import base64
import json
import re
import zlib
from urllib.parse import urlencode

from werkzeug.wrappers import Request, Response

from oropendola_payments.simulator.core.amounts import to_minor
from oropendola_payments.simulator.providers.paypal import certificates

CURRENCIES = frozenset(
	"AUD BRL CAD CNY CZK DKK EUR HKD HUF ILS JPY MYR MXN TWD NZD NOK PHP PLN GBP SGD SEK CHF THB USD".split()  # noqa: SIM905
)
WITHOUT_DECIMALS = frozenset({"HUF", "JPY", "TWD"})
TOKEN_SECONDS = 32400


class Refused(Exception):
	def __init__(self, status: int, issue: str):
		super().__init__(issue)
		self.status, self.issue = status, issue


class Wire:
	"""What all calls of PayPal's API have in common: access tokens and signed webhooks."""

	def wire_routes(self):
		return [
			("POST", "/v1/oauth2/token", self.token),
			("GET", "/v1/notifications/webhooks/<webhook_id>", self.webhook_settings),
			("POST", "/v1/notifications/verify-webhook-signature", self.verify_webhook),
			("GET", "/v1/notifications/certs/<name>", self.certificate),
			("GET", "/simulator-root.pem", self.root_certificate),
		]

	# Tokens -----------------------------------------------------------------------------------------

	def token(self, request: Request) -> Response:
		given, expected = request.authorization, (self.config["key_id"], self.config["key_secret"])
		if given is None or (given.username, given.password) != expected:
			return self.json_response(
				{"error": "invalid_client", "error_description": "Client Authentication failed"}, 401
			)
		if request.form.get("grant_type") != "client_credentials":
			return self.json_response(
				{"error": "unsupported_grant_type", "error_description": "Grant Type"}, 400
			)
		token = f"A21AA-simulated-{self.ledger.next_number()}"
		self.access_tokens[token] = self.clock.now().timestamp() + TOKEN_SECONDS
		return self.json_response(
			{"access_token": token, "token_type": "Bearer", "expires_in": TOKEN_SECONDS}
		)

	def guarded(self, request: Request, handle) -> Response:
		"""The response of `handle`, or PayPal's refusal; without a valid token nothing is done."""
		given = request.headers.get("Authorization", "").removeprefix("Bearer ")
		if self.access_tokens.get(given, 0) < self.clock.now().timestamp():
			return self._refusal(401, "AUTHENTICATION_FAILURE", "TOKEN_EXPIRED")
		try:
			return handle()
		except Refused as refused:
			names = {400: "INVALID_REQUEST", 404: "RESOURCE_NOT_FOUND", 422: "UNPROCESSABLE_ENTITY"}
			return self._refusal(refused.status, names[refused.status], refused.issue)

	def _refusal(self, status: int, name: str, issue: str) -> Response:
		debug_id = f"debug{self.ledger.next_number()}"
		body = {
			"name": name,
			"message": "See details.",
			"debug_id": debug_id,
			"details": [{"issue": issue, "description": "Sent by the simulator."}],
		}
		return self.json_response(body, status, {"PayPal-Debug-Id": debug_id})

	# Webhooks ---------------------------------------------------------------------------------------

	def send_event(self, event_type: str, resource_type: str, resource: dict) -> None:
		event = {
			"id": f"WH-{self.ledger.next_number():012d}",
			"event_version": "1.0",
			"create_time": time_text(self.clock.now()),
			"resource_type": resource_type,
			"event_type": event_type,
			"resource": resource,
		}
		body = json.dumps(event, separators=(",", ":")).encode()
		self.send_webhook(body, self.signed_headers(body))

	def signed_headers(self, body: bytes) -> dict[str, str]:
		"""The headers of a webhook with this body, signed for the configured webhook id."""
		signer = certificates.signer(self.config["certificate"])
		transmission = (
			f"a1b2c3d4-0000-11f0-9999-{self.ledger.next_number():012d}",
			time_text(self.clock.now()),
		)
		signature = base64.b64encode(signer.sign(self._signed_message(*transmission, body))).decode()
		return {
			"Content-Type": "application/json",
			"PAYPAL-TRANSMISSION-ID": transmission[0],
			"PAYPAL-TRANSMISSION-TIME": transmission[1],
			"PAYPAL-TRANSMISSION-SIG": self.reported_signature("webhook", signature),
			"PAYPAL-CERT-URL": self.url(f"/v1/notifications/certs/{signer.name}"),
			"PAYPAL-AUTH-ALGO": "SHA256withRSA",
			"PAYPAL-AUTH-VERSION": "v2",
		}

	def _signed_message(self, transmission_id: str, time: str, body: bytes) -> bytes:
		crc = zlib.crc32(body) & 0xFFFFFFFF
		return f"{transmission_id}|{time}|{self.config['webhook_id']}|{crc}".encode()

	def verify_webhook(self, request: Request) -> Response:
		return self.guarded(request, lambda: self._verify_webhook(request))

	def _verify_webhook(self, request: Request) -> Response:
		params, raw = json_body(request), request.get_data().decode()
		start = re.search(r'"webhook_event"\s*:\s*', raw)
		if start is None or not all(
			isinstance(params.get(n), str) for n in ("transmission_id", "webhook_id")
		):
			raise Refused(400, "MISSING_REQUIRED_PARAMETER")
		end = json.JSONDecoder().raw_decode(raw, start.end())[1]
		signer = certificates.signer(self.config["certificate"])
		message = self._signed_message(
			params["transmission_id"], params["transmission_time"], raw[start.end() : end].encode()
		)
		is_known = params["webhook_id"] == self.config["webhook_id"] and params["cert_url"].endswith(
			signer.name
		)
		is_valid = is_known and signer.has_signed(base64.b64decode(params["transmission_sig"]), message)
		return self.json_response({"verification_status": "SUCCESS" if is_valid else "FAILURE"})

	def webhook_settings(self, request: Request, webhook_id: str) -> Response:
		def settings() -> Response:
			if webhook_id != self.config["webhook_id"]:
				raise Refused(404, "INVALID_RESOURCE_ID")
			return self.json_response({"id": webhook_id, "url": self.config["webhook_url"]})

		return self.guarded(request, settings)

	def certificate(self, request: Request, name: str) -> Response:
		signer = certificates.signer(self.config["certificate"])
		if name != signer.name or not self.config["certificate_exists"]:
			return self.text_response("", 404)
		return self.text_response(signer.pem().decode(), content_type="application/x-pem-file")

	def root_certificate(self, request: Request) -> Response:
		return self.text_response(certificates.root_pem().decode(), content_type="application/x-pem-file")


def json_body(request: Request) -> dict:
	try:
		body = json.loads(request.get_data())
	except ValueError:
		raise Refused(400, "MALFORMED_REQUEST_JSON") from None
	if not isinstance(body, dict) or request.mimetype != "application/json":
		raise Refused(400, "INVALID_REQUEST")
	return body


def read_amount(amount) -> tuple[int, str]:
	"""Minor units and currency. As strict as PayPal: text only, and no decimals in a currency without them."""
	value, currency = (amount or {}).get("value"), (amount or {}).get("currency_code")
	if not isinstance(value, str) or not re.fullmatch(r"[0-9]{1,28}(\.[0-9]{1,3})?", value):
		raise Refused(400, "INVALID_PARAMETER_SYNTAX")
	if currency not in CURRENCIES:
		raise Refused(422, "CURRENCY_NOT_SUPPORTED")
	if currency in WITHOUT_DECIMALS and "." in value:
		raise Refused(422, "DECIMALS_NOT_SUPPORTED")
	try:
		minor = to_minor(value, currency, decimals(currency))
	except ValueError:
		raise Refused(422, "DECIMAL_PRECISION") from None
	if minor <= 0:
		raise Refused(422, "CANNOT_BE_ZERO_OR_NEGATIVE")
	return minor, currency


def decimals(currency: str) -> int:
	return 0 if currency in WITHOUT_DECIMALS else 2


def time_text(moment) -> str:
	return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def with_query(url: str, **values) -> str:
	return url + ("&" if "?" in url else "?") + urlencode(values)
