"""Stripe's official SDK on our own HTTP client: time-outs, no retries, no telemetry, one API version, our errors."""

from collections.abc import Iterator

import requests
import stripe

from oropendola_payments.gateways.errors import (
	BadAnswer,
	CredentialsRefused,
	GatewayError,
	GatewayRefused,
	MaybeSent,
	NotSent,
)
from oropendola_payments.gateways.http import HttpClient, member, parse_object, read_json, short_text
from oropendola_payments.gateways.stripe.mapping import is_id, sentence_of

LABEL = "Stripe"
API_VERSION = "2026-10-28.endive"
PAGE = 100
MAX_PAGES = 20
WRONG_KEY = "Stripe does not accept the Secret key. Please copy it again from Developers, API keys."
NOT_ALLOWED = "Stripe does not allow this key to do that. Please check the permissions of the restricted key."

# There is no such switch on a client of its own.
stripe.enable_telemetry = False


class Unknown(GatewayRefused):
	"""Stripe has nothing under this id, or not for this key."""


class KeyReused(GatewayRefused):
	"""The idempotency key was used before, for a request with other parameters."""


class ReplayedFailure(MaybeSent):
	"""Stripe repeats a server error that it stored under our idempotency key, and will go on repeating it."""


class SdkTransport(stripe.HTTPClient):
	name = "requests"

	def __init__(self, http: HttpClient):
		super().__init__()
		self._http = http

	def request(self, method, url, headers, post_data=None):
		answer = self._http.send(method.upper(), url, label=LABEL, headers=headers, data=post_data)
		if not 200 <= answer.status_code < 300:
			raise _error_of(answer)
		read_json(answer, LABEL)
		return answer.content, answer.status_code, answer.headers


def make_client(http: HttpClient, api_key: str, base_url: str) -> stripe.StripeClient:
	return stripe.StripeClient(
		api_key,
		stripe_version=API_VERSION,
		base_addresses={"api": base_url},
		max_network_retries=0,
		http_client=SdkTransport(http),
	)


def call(method, *arguments) -> dict:
	"""The plain object that a method of the SDK answers."""
	try:
		return method(*arguments).to_dict()
	except (ArithmeticError, ValueError) as error:
		raise BadAnswer("Stripe sent an object that its own SDK cannot read.") from error


def entries(method, params: dict) -> Iterator[dict]:
	"""Every entry of a list, page by page."""
	for _ in range(MAX_PAGES):
		page = call(method, {**params, "limit": PAGE})
		found = page.get("data")
		if not isinstance(found, list) or not all(isinstance(entry, dict) for entry in found):
			raise BadAnswer("Stripe sent a list without entries.")
		yield from found
		if not found or page.get("has_more") is not True:
			return
		params = {**params, "starting_after": found[-1].get("id")}
	raise BadAnswer("Stripe's list is too long to look through.")


def known_id(value: str | None) -> str:
	"""An id that may stand in an address; Stripe cannot have heard of any other."""
	if not is_id(value):
		raise Unknown("Stripe does not know this payment.")
	return value


def read_entity(convert, entity):
	"""What Stripe answered to a question of ours; unreadable is its fault, not the caller's."""
	try:
		return convert(entity)
	except ValueError as error:
		raise BadAnswer(f"Stripe answered {error}.") from None


def _error_of(answer: requests.Response) -> GatewayError:
	try:
		error = member(parse_object(answer.content, LABEL), "error")
	except BadAnswer:
		error = None
	sentence = sentence_of(member(error, "message"), 300)
	code = (
		short_text(member(error, "decline_code"))
		or short_text(member(error, "code"))
		or short_text(member(error, "type"))
	)
	message = f"Stripe says: {sentence}" if sentence else None
	if special := _special_error(answer, member(error, "type"), member(error, "code")):
		kind, own_message = special
		return kind(own_message or message or f"{LABEL} refused the request.", gateway_code=code)
	return HttpClient.error_of(answer, LABEL, message, code)


def _special_error(
	answer: requests.Response, error_type, code
) -> tuple[type[GatewayError], str | None] | None:
	status = answer.status_code
	if status == 401:
		return CredentialsRefused, WRONG_KEY
	if status == 403:
		return CredentialsRefused, NOT_ALLOWED
	if status == 400 and error_type == "idempotency_error":
		return KeyReused, None
	if status in (400, 404) and code == "resource_missing":
		return Unknown, None
	if status == 400 and code == "rate_limit":
		return NotSent, None
	if status in (409, 424):
		return MaybeSent, None
	if status >= 500 and answer.headers.get("Idempotent-Replayed") == "true":
		return ReplayedFailure, None
	return None
