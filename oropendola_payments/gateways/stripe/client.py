"""Calls to Stripe through its official SDK, on our own HTTP client: time-outs, no retries, no telemetry, one API version."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import requests
import stripe

from oropendola_payments.gateways.base import Gateway
from oropendola_payments.gateways.errors import (
	BadAnswer,
	CredentialsRefused,
	GatewayError,
	GatewayRefused,
	MaybeSent,
	NotSent,
)
from oropendola_payments.gateways.http import HttpClient, read_json
from oropendola_payments.gateways.parsing import matching, member, parse_object, sentence_of, short_text
from oropendola_payments.gateways.stripe.mapping import ID

LABEL = "Stripe"
API_VERSION = "2026-10-28.endive"
PAGE = 100
MAX_PAGES = 20
MAX_REPORT_PAGES = 20_000
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


class Client:
	"""Stripe's API as plain JSON objects; every error is one of ours."""

	def __init__(self, gateway: Gateway):
		self.sdk = stripe.StripeClient(
			gateway.secrets.get("key_secret", ""),
			stripe_version=API_VERSION,
			base_addresses={"api": gateway.host("api")},
			max_network_retries=0,
			http_client=SdkTransport(gateway.http),
		)
		self._sessions, self._refunds = self.sdk.v1.checkout.sessions, self.sdk.v1.refunds

	def create_session(self, params: dict[str, Any], idempotency_key: str) -> dict[str, Any]:
		return _call(self._sessions.create, params, {"idempotency_key": idempotency_key})

	def session(self, session_id: str | None) -> dict[str, Any]:
		"""A session with its payment and charge; Unknown when there is none."""
		expand = {"expand": ["payment_intent.latest_charge"]}
		return _call(self._sessions.retrieve, _known_id(session_id), expand)

	def sessions(self, params: dict[str, Any]) -> Iterator[dict[str, Any]]:
		return _entries(self._sessions.list, params)

	def expire_session(self, session_id: str | None) -> dict[str, Any]:
		return _call(self._sessions.expire, session_id)

	def create_refund(self, params: dict[str, Any], idempotency_key: str) -> dict[str, Any]:
		return _call(self._refunds.create, params, {"idempotency_key": idempotency_key})

	def refund(self, refund_id: str) -> dict[str, Any]:
		"""A refund; Unknown when there is none."""
		return _call(self._refunds.retrieve, _known_id(refund_id))

	def refunds(self, params: dict[str, Any]) -> Iterator[dict[str, Any]]:
		return _entries(self._refunds.list, params)

	def payouts(self, params: dict[str, Any]) -> Iterator[dict[str, Any]]:
		return _entries(self.sdk.v1.payouts.list, params, MAX_REPORT_PAGES)

	def balance_transactions(self, payout_id: str) -> Iterator[dict[str, Any]]:
		"""What a payout consists of, each with the charge, refund or dispute that it comes from."""
		params = {"payout": payout_id, "expand": ["data.source"]}
		return _entries(self.sdk.v1.balance_transactions.list, params, MAX_REPORT_PAGES)

	def check_key(self) -> None:
		"""Raise CredentialsRefused when Stripe does not accept the key."""
		_call(self._sessions.list, {"limit": 1})


class SdkTransport(stripe.HTTPClient):
	"""Lets the SDK send through our HTTP client, and raises our errors in place of its own."""

	name = "requests"

	def __init__(self, http: HttpClient):
		super().__init__()
		self._http = http

	def request(  # type: ignore[override]  # the SDK decodes bytes, and each version may add keywords
		self, method: str, url: str, headers: Mapping[str, str] | None, post_data: Any = None, **_more: Any
	) -> tuple[bytes, int, Mapping[str, str]]:
		answer = self._http.send(method.upper(), url, label=LABEL, headers=headers, data=post_data)
		if not 200 <= answer.status_code < 300:
			raise _error_of(answer)
		read_json(answer, LABEL)
		return answer.content, answer.status_code, answer.headers


def _call(method: Callable[..., Any], *arguments: Any) -> dict[str, Any]:
	try:
		return method(*arguments).to_dict()
	except (ArithmeticError, ValueError) as error:
		raise BadAnswer("Stripe sent an object that its own SDK cannot read.") from error


def _entries(
	method: Callable[..., Any], params: dict[str, Any], pages: int = MAX_PAGES
) -> Iterator[dict[str, Any]]:
	"""Every entry of a list, page by page."""
	for _ in range(pages):
		page = _call(method, {**params, "limit": PAGE})
		found = page.get("data")
		if not isinstance(found, list) or not all(isinstance(entry, dict) for entry in found):
			raise BadAnswer("Stripe sent a list without entries.")
		yield from found
		if not found or page.get("has_more") is not True:
			return
		params = {**params, "starting_after": found[-1].get("id")}
	raise BadAnswer("Stripe's list is too long to look through.")


def _known_id(value: str | None) -> str:
	"""An id that may stand in an address; Stripe cannot know any other."""
	found = matching(ID, value)
	if not found:
		raise Unknown("Stripe does not know this payment.")
	return found


def _error_of(answer: requests.Response) -> GatewayError:
	try:
		error = member(parse_object(answer.content, LABEL), "error")
	except BadAnswer:
		error = None
	sentence = sentence_of(member(error, "message"), 300)
	code = next(
		filter(None, (short_text(member(error, name)) for name in ("decline_code", "code", "type"))), None
	)
	message = f"Stripe says: {sentence}" if sentence else None
	if special := _special_error(answer, member(error, "type"), member(error, "code")):
		kind, own_message = special
		return kind(own_message or message or f"{LABEL} refused the request.", gateway_code=code)
	return HttpClient.error_of(answer, LABEL, message, code)


def _special_error(
	answer: requests.Response, error_type: Any, code: Any
) -> tuple[type[GatewayError], str | None] | None:
	status = answer.status_code
	special: tuple[tuple[bool, type[GatewayError], str | None], ...] = (
		(status == 401, CredentialsRefused, WRONG_KEY),
		(status == 403, CredentialsRefused, NOT_ALLOWED),
		(status == 400 and error_type == "idempotency_error", KeyReused, None),
		(status in (400, 404) and code == "resource_missing", Unknown, None),
		(status == 400 and code == "rate_limit", NotSent, None),
		(status in (409, 424), MaybeSent, None),
		(status >= 500 and answer.headers.get("Idempotent-Replayed") == "true", ReplayedFailure, None),
	)
	return next(((kind, message) for applies, kind, message in special if applies), None)
