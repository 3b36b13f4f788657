"""Razorpay's official SDK on our own HTTP client: time-outs, no retries, errors sorted by "was it sent"."""

import razorpay
import requests

from oropendola_payments.gateways.errors import (
	BadAnswer,
	CredentialsRefused,
	GatewayError,
	GatewayRefused,
	MaybeSent,
)
from oropendola_payments.gateways.http import HttpClient, member, parse_object, read_json, short_text
from oropendola_payments.gateways.razorpay.mapping import sentence_of

LABEL = "Razorpay"
WRONG_KEYS = "Razorpay does not accept the Key Id and Key Secret. Please copy both again from its dashboard."


class Unknown(GatewayRefused):
	"""Razorpay has nothing under this id, or not for this pair of keys."""


class SdkSession:
	"""Stands in for the SDK's requests session and raises our errors; the SDK's own lose the HTTP status."""

	def __init__(self, http: HttpClient):
		self._http = http

	def get(self, url: str, **options) -> requests.Response:
		return self._send("GET", url, options)

	def post(self, url: str, **options) -> requests.Response:
		return self._send("POST", url, options)

	def _send(self, method: str, url: str, options: dict) -> requests.Response:
		# The SDK ships a list of certificate authorities; the host's own is the one that is kept up to date.
		options.pop("verify", None)
		answer = self._http.send(method, url, label=LABEL, **options)
		if not 200 <= answer.status_code < 300:
			raise _error_of(answer)
		read_json(answer, LABEL)
		return answer


def make_client(http: HttpClient, key_id: str, key_secret: str, base_url: str) -> razorpay.Client:
	return razorpay.Client(session=SdkSession(http), auth=(key_id, key_secret), base_url=base_url)


def items_of(answer) -> list[dict]:
	items = member(answer, "items")
	if not isinstance(items, list):
		raise BadAnswer("Razorpay sent a list without items.")
	return [item for item in items if isinstance(item, dict)]


def read_entity(convert, entity):
	"""What Razorpay answered to a question of ours; unreadable is its fault, not the caller's."""
	try:
		return convert(entity)
	except ValueError as error:
		raise BadAnswer(f"Razorpay answered {error}.") from None


def _error_of(answer: requests.Response) -> GatewayError:
	try:
		error = member(parse_object(answer.content, LABEL), "error")
	except BadAnswer:
		error = None
	sentence = sentence_of(member(error, "description"), 300) or ""
	code = short_text(member(error, "reason")) or short_text(member(error, "code"))
	status = answer.status_code
	if status == 401 or (status == 400 and "authentication failed" in sentence.lower()):
		return CredentialsRefused(WRONG_KEYS, gateway_code=code)
	if status == 409:
		return MaybeSent("Razorpay is still processing the same request.", gateway_code=code)
	if status in (400, 404) and "does not exist" in sentence:
		return Unknown(f"Razorpay says: {sentence}", gateway_code=code)
	return HttpClient.error_of(answer, LABEL, f"Razorpay says: {sentence}" if sentence else None, code)
