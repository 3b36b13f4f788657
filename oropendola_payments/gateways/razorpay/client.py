"""Calls to Razorpay through its official SDK, on our own HTTP client: time-outs, no retries, errors sorted by "was it sent"."""

from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

import razorpay
import requests

from oropendola_payments.gateways.base import Gateway
from oropendola_payments.gateways.errors import (
	BadAnswer,
	CredentialsRefused,
	GatewayError,
	GatewayRefused,
	MaybeSent,
)
from oropendola_payments.gateways.http import HttpClient, path_segment, read_json
from oropendola_payments.gateways.parsing import entries_in, member, parse_object, sentence_of, short_text

LABEL = "Razorpay"
WRONG_KEYS = "Razorpay does not accept the Key Id and Key Secret. Please copy both again from its dashboard."
PAGE = 100
MAX_PAGES = 20
RECON_PAGE, MAX_RECON_PAGES = 500, 4000
Entity = dict[str, Any]


class Unknown(GatewayRefused):
	"""Razorpay has nothing under this id, or not for this pair of keys."""


class Client:
	"""Razorpay's API as plain JSON objects; every error is one of ours."""

	def __init__(self, gateway: Gateway):
		keys = (gateway.secrets.get("key_id", ""), gateway.secrets.get("key_secret", ""))
		self.sdk = razorpay.Client(session=SdkSession(gateway.http), auth=keys, base_url=gateway.host("api"))

	def create_order(self, fields: Entity) -> Entity:
		return self.sdk.order.create(fields)

	def orders(self, reference: str) -> list[Entity]:
		"""The orders with our reference: more than one when a create call timed out."""
		found = _items_of(self.sdk.order.all({"receipt": reference, "count": PAGE}))
		return [order for order in found if order.get("receipt") == reference]

	def payments(self, order_id: str) -> list[Entity]:
		"""The payments of an order; Unknown when there is no such order."""
		return _items_of(self.sdk.order.payments(path_segment(order_id), {"count": PAGE}))

	def payment(self, payment_id: str) -> Entity:
		return self.sdk.payment.fetch(payment_id, {})

	def capture(self, payment_id: str, minor: int, currency: str) -> Entity:
		return self.sdk.payment.capture(payment_id, minor, {"currency": currency})

	def create_refund(self, payment_id: str, fields: Entity, idempotency_key: str) -> Entity:
		headers = {"X-Refund-Idempotency": idempotency_key}
		return self.sdk.payment.refund(path_segment(payment_id), fields, headers=headers)

	def refund(self, payment_id: str, refund_id: str) -> Entity:
		"""One refund of a payment; Unknown when there is none."""
		return self.sdk.payment.fetch_refund_id(path_segment(payment_id), path_segment(refund_id))

	def refunds(self, payment_id: str) -> Iterator[Entity]:
		"""All refunds of a payment, page by page."""
		for page in range(MAX_PAGES):
			window = {"count": PAGE, "skip": page * PAGE}
			refunds = _items_of(self.sdk.payment.fetch_multiple_refund(path_segment(payment_id), window))
			yield from refunds
			if len(refunds) < PAGE:
				return
		raise BadAnswer("Razorpay lists too many refunds for one payment.")

	def settlements(self, since: int, until: int) -> Iterator[Entity]:
		"""All settlements that were created in this time, page by page."""
		return self._paged(self.sdk.settlement.all, {"from": since, "to": until}, PAGE)

	def recon(self, day: date) -> Iterator[Entity]:
		"""Everything that was settled on a day in India."""
		window = {"year": day.year, "month": f"{day.month:02d}", "day": f"{day.day:02d}"}
		return self._paged(self.sdk.settlement.report, window, RECON_PAGE)

	def _paged(self, read: Callable[[Entity], Any], window: Entity, count: int) -> Iterator[Entity]:
		for page in range(MAX_RECON_PAGES):
			items = _items_of(read({**window, "count": count, "skip": page * count}))
			yield from items
			if len(items) < count:
				return
		raise BadAnswer("Razorpay's list of settlements does not end.")

	def check_keys(self) -> None:
		"""Raise CredentialsRefused when Razorpay does not accept the keys."""
		self.sdk.order.all({"count": 1})


class SdkSession:
	"""Stands in for the SDK's requests session and raises our errors; the SDK's own lose the HTTP status."""

	def __init__(self, http: HttpClient):
		self._http = http

	def get(self, url: str, **options: Any) -> requests.Response:
		return self._send("GET", url, options)

	def post(self, url: str, **options: Any) -> requests.Response:
		return self._send("POST", url, options)

	def _send(self, method: str, url: str, options: dict[str, Any]) -> requests.Response:
		# The SDK ships a list of certificate authorities; the host's own is the one that is kept up to date.
		options.pop("verify", None)
		answer = self._http.send(method, url, label=LABEL, **options)
		if not 200 <= answer.status_code < 300:
			raise _error_of(answer)
		read_json(answer, LABEL)
		return answer


def _items_of(answer: Any) -> list[Any]:
	items = member(answer, "items")
	if not isinstance(items, list):
		raise BadAnswer("Razorpay sent a list without items.")
	return entries_in(items)


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
