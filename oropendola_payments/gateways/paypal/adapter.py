"""PayPal's adapter: Orders v2 by redirect, captured on return.

https://developer.paypal.com/docs/api/orders/v2/ and https://developer.paypal.com/docs/api/payments/v2/
"""

import re
from collections.abc import Mapping
from datetime import datetime
from functools import cached_property
from typing import Any

from oropendola_payments.gateways.base import (
	Callback,
	Capabilities,
	Checkout,
	Credential,
	Gateway,
	Notice,
	Outcome,
	PaymentEvent,
	PaymentRef,
	PaymentRequest,
	RefundEvent,
	RefundOutcome,
	RefundRequest,
)
from oropendola_payments.gateways.errors import BadAnswer, CredentialsRefused, GatewayRefused
from oropendola_payments.gateways.parsing import entries_in
from oropendola_payments.gateways.payouts import PayoutSource
from oropendola_payments.gateways.paypal import notices, payouts
from oropendola_payments.gateways.paypal.client import LABEL, Client
from oropendola_payments.gateways.paypal.mapping import (
	EXPONENTS,
	FAILURE_CLASSES,
	capture_event,
	declined_captures,
	order_captures,
	order_events,
	order_id_of,
	order_refunds,
	refund_event,
	refund_in,
	word,
)
from oropendola_payments.gateways.paypal.payloads import order_body, refund_body, refund_tag

# INR is missing on purpose: PayPal India closed domestic payments in 2021. BRL, CNY, MYR: accounts of that country only.
CURRENCIES = frozenset(
	"AUD BRL CAD CHF CNY CZK DKK EUR GBP HKD HUF ILS JPY MXN MYR NOK NZD PHP PLN SEK SGD THB TWD USD".split()  # noqa: SIM905
)
APPROVAL_LINKS = ("payer-action", "approve")
# The order stays open: the customer goes back to PayPal and picks another source of money.
CUSTOMER_HAS_TO_ACT = frozenset(
	{
		"ORDER_NOT_APPROVED",
		"INSTRUMENT_DECLINED",
		"PAYER_ACTION_REQUIRED",
		"REDIRECT_PAYER_FOR_ALTERNATE_FUNDING",
	}
)
IN_PROGRESS = "ORDER_COMPLETION_IN_PROGRESS"
REQUEST_ID_SECONDS = 72 * 3600  # PayPal remembers a request id of an order no longer
MAX_CAPTURE_IDS = 10
DUPLICATE_REFUND = "DUPLICATE_INVOICE_ID"
# Refusals that an earlier attempt at the same refund explains.
REFUND_MAY_EXIST = frozenset({DUPLICATE_REFUND, "CAPTURE_FULLY_REFUNDED", "REFUND_AMOUNT_EXCEEDED"})


class PayPal(Gateway):
	code = "paypal"
	label = LABEL
	credentials = (
		Credential("key_id", "Client ID"),
		Credential("key_secret", "Secret"),
		Credential(
			"webhook_id",
			"Webhook ID",
			help="Shown next to the webhook on the app's page. It is not the webhook's address.",
		),
	)
	failure_classes = FAILURE_CLASSES
	simulator_secrets = {
		"key_id": "simulator-paypal-client-id",
		"key_secret": "simulator-paypal-secret-not-real",
		"webhook_id": "5AB00000CD000000E",
	}
	payout_file = payouts.FILE
	capabilities = Capabilities(currencies=CURRENCIES, methods=("paypal",), capture=True, payouts=True)
	hosts = {
		"Test": {"api": "https://api-m.sandbox.paypal.com"},
		"Live": {"api": "https://api-m.paypal.com"},
	}
	exponents = EXPONENTS

	@cached_property
	def client(self) -> Client:
		return Client(self)

	# Settings -------------------------------------------------------------------------------------

	def token_state(self) -> str:
		return "cached" if self.client.has_token() else "none"

	@classmethod
	def credential_problems(cls, secrets: Mapping[str, str], mode: str) -> list[str]:
		problems = []
		key_id, key_secret = secrets.get("key_id") or "", secrets.get("key_secret") or ""
		if key_id and key_id == key_secret:
			problems.append(
				"Client ID and Secret are the same. Please copy the Secret, which is below the Client ID."
			)
		if "@" in key_id:
			problems.append(
				"The Client ID is an e-mail address. Please copy the Client ID of the app from the dashboard."
			)
		webhook_id = secrets.get("webhook_id") or ""
		if webhook_id and not re.fullmatch(r"[A-Z0-9]{10,30}", webhook_id):
			problems.append(
				"The Webhook ID is not a PayPal webhook id (capital letters and digits). Please copy it from the"
				" webhook's row in the dashboard, not the webhook's address."
			)
		return problems

	@classmethod
	def is_retryable_decline(cls, error_code: str) -> bool:
		return error_code in CUSTOMER_HAS_TO_ACT

	def test_connection(self) -> str:
		self.client.forget_token()
		if self.client.webhook(self.secrets.get("webhook_id") or "-") is None:
			raise CredentialsRefused(
				"PayPal accepts the Client ID and the Secret, but this app has no webhook with the Webhook ID."
				" Please copy it again; sandbox and live have different ones.",
				gateway_code="webhook_id_unknown",
			)
		return f"PayPal accepts the keys and knows the webhook ({self.mode})."

	# Payments -------------------------------------------------------------------------------------

	def create(self, request: PaymentRequest) -> Checkout:
		order = self.client.create_order(order_body(request), request.idempotency_key)
		links = entries_in(order.get("links"))
		url = next((link.get("href") for link in links if link.get("rel") in APPROVAL_LINKS), None)
		order_id = word(order.get("id"))
		if not order_id or not isinstance(url, str) or not url.startswith(("https://", self.host())):
			raise BadAnswer("PayPal opened an order without an id or without a page to pay it on.")
		return Checkout(next_action="redirect", order_id=order_id, url=url)

	def status(self, payment: PaymentRef) -> list[PaymentEvent | RefundEvent]:
		"""The order's captures and refunds. Without an order id nobody ever got the page to pay on, so no money can have moved."""
		if payment.order_id:
			order = self.client.order(payment.order_id)
			if order is not None:
				return [*order_events(order), *order_refunds(order)]
		elif payment.payment_id:
			capture = self.client.capture(payment.payment_id)
			if capture is not None:
				return [capture_event(capture, {})]
		return [
			PaymentEvent(outcome=Outcome.NOT_FOUND, order_id=payment.order_id, payment_id=payment.payment_id)
		]

	def capture(self, payment: PaymentRef, event: PaymentEvent, key: str) -> PaymentEvent:
		"""Take the money of an approved order. Page, webhook and sweep use one request id, so it is taken once."""
		order_id = payment.order_id or event.order_id
		if not order_id:
			raise GatewayRefused("This payment has no PayPal order, so it cannot be captured.")
		name = payment.reference or key
		capture_id = self._capture_id(name, event)
		try:
			order = self.client.capture_order(order_id, capture_id)
			if declined_captures(order):
				self._count_declined(name, capture_id)
			events = order_captures(order) or order_events(order)
		except GatewayRefused as refusal:
			if refusal.gateway_code in CUSTOMER_HAS_TO_ACT:
				self._count_declined(name, capture_id)
			events = self._after_refused_capture(order_id, refusal)
		return next((event for event in events if event.outcome is Outcome.PAID), events[-1])

	# Returns and webhooks -------------------------------------------------------------------------

	def verify(self, callback: Callback) -> None:
		notices.verify(callback, self)

	def parse(self, callback: Callback) -> Notice:
		return notices.parse(callback)

	# Payouts --------------------------------------------------------------------------------------

	def fetch_payouts(self, since: datetime, until: datetime) -> PayoutSource:
		return payouts.fetch(self.client, since, until)

	# Refunds --------------------------------------------------------------------------------------

	def refund(self, request: RefundRequest) -> RefundEvent:
		try:
			return self.refund_once(
				request,
				lambda: self._send_refund(request),
				may_exist=lambda refusal: refusal.gateway_code in REFUND_MAY_EXIST,
			)
		except GatewayRefused as refusal:
			if refusal.gateway_code != DUPLICATE_REFUND:
				raise
			# The number is our refund's own: an earlier call arrived. Only the engine knows whether there was one.
			raise BadAnswer(
				"PayPal says that it has this refund but does not show it.", gateway_code=DUPLICATE_REFUND
			) from None

	def refund_status(self, request: RefundRequest) -> RefundEvent:
		refund: Mapping[str, Any] | None
		if request.refund_id:
			refund = self.client.refund(request.refund_id)
		else:
			refund = refund_in(self._order_of(request), request.key)
		if refund is None:
			return RefundEvent(RefundOutcome.NOT_FOUND, key=request.key, payment_id=request.payment_id)
		return refund_event(refund, request.payment_id)

	# Captures -------------------------------------------------------------------------------------

	def _capture_id(self, name: str, event: PaymentEvent) -> str:
		"""One request id for each approval, because PayPal repeats its answer to a known one.

		PayPal takes the money of an order once under any id. The bound keeps sweeps from trying a refused card for ever.
		"""
		declined, _last = self._declined(name)
		if declined < MAX_CAPTURE_IDS and event.outcome is Outcome.AUTHORIZED and event.occurred_at:
			return f"capture-{name}-{event.occurred_at:%Y%m%dT%H%M%S}"
		return f"capture-{name}" + (f"-{declined}" if declined else "")

	def _count_declined(self, name: str, capture_id: str) -> None:
		declined, last = self._declined(name)
		if declined < MAX_CAPTURE_IDS and capture_id != last:
			self.tokens.set(_declined_key(name), f"{declined + 1} {capture_id}", REQUEST_ID_SECONDS)

	def _declined(self, name: str) -> tuple[int, str]:
		"""How many request ids were declined, and the last of them."""
		count, _space, last = (self.tokens.get(_declined_key(name)) or "0").partition(" ")
		return int(count), last

	def _after_refused_capture(self, order_id: str, refusal: GatewayRefused) -> list[PaymentEvent]:
		issue = refusal.gateway_code
		if issue == "ORDER_ALREADY_CAPTURED":
			order = self.client.order(order_id)
			if order is None:
				raise BadAnswer(
					"PayPal says that the order was captured but does not show the capture."
				) from refusal
			return order_captures(order) or order_events(order)
		if issue == IN_PROGRESS:
			reason = "PayPal has not finished yet."
		elif issue in CUSTOMER_HAS_TO_ACT:
			reason = (
				"PayPal could not use this payment method. Please return to PayPal and choose another one."
			)
		else:
			raise refusal
		return [
			PaymentEvent(Outcome.PENDING, order_id=order_id, error_code=issue, reason=reason, method="paypal")
		]

	# Refunds of a capture -------------------------------------------------------------------------

	def _send_refund(self, request: RefundRequest) -> RefundEvent:
		answer = self.client.refund_capture(request.payment_id, refund_body(request), refund_tag(request))
		return refund_event(answer, request.payment_id)

	def _order_of(self, request: RefundRequest) -> dict[str, Any]:
		order_id = request.payment.order_id or order_id_of(self.client.capture(request.payment_id))
		order = self.client.order(order_id) if order_id else None
		if order is None:
			raise BadAnswer("PayPal does not show the order, so its refunds are unknown.")
		return order


def _declined_key(name: str) -> str:
	return f"paypal:refused:{name}"
