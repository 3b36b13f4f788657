"""PayPal Orders v2, redirect flow with capture on return.

https://developer.paypal.com/docs/api/orders/v2/ and https://developer.paypal.com/api/rest/webhooks/
"""

import hashlib
import json
import re
from dataclasses import asdict
from decimal import Decimal
from functools import cached_property
from urllib.parse import quote

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
from oropendola_payments.gateways.errors import (
	BadAnswer,
	CredentialsRefused,
	GatewayError,
	GatewayRefused,
	MalformedNotice,
	MaybeSent,
	NotSent,
	SignatureError,
)
from oropendola_payments.gateways.http import member, parse_object
from oropendola_payments.gateways.paypal.certificates import (
	Transmission,
	UnusableCertificate,
	is_below,
	is_paypal_address,
	public_roots,
	read_certificates,
	trusted_key,
)
from oropendola_payments.gateways.paypal.client import PayPalClient
from oropendola_payments.gateways.paypal.mapping import (
	REFUND_TAG,
	capture_event,
	order_events,
	order_refunds,
	refund_event,
	refund_in,
	reversal_event,
	word,
)
from oropendola_payments.money import money_text

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
UNDER_WAY = "ORDER_COMPLETION_IN_PROGRESS"
REQUEST_ID_SECONDS = 72 * 3600  # for so long PayPal remembers a request id of an order at most
MOST_CAPTURE_IDS = 10
CERTIFICATE_SECONDS = 24 * 3600
ORDER_EVENTS = frozenset({"CHECKOUT.ORDER.APPROVED", "CHECKOUT.ORDER.COMPLETED"})
CAPTURE_EVENTS = frozenset(
	f"PAYMENT.CAPTURE.{name}" for name in ("COMPLETED", "PENDING", "DENIED", "DECLINED")
)
REFUND_EVENTS = frozenset({"PAYMENT.CAPTURE.REFUNDED", "PAYMENT.REFUND.PENDING", "PAYMENT.REFUND.FAILED"})


class PayPal(Gateway):
	code = "paypal"
	label = "PayPal"
	credentials = (
		Credential("key_id", "Client ID"),
		Credential("key_secret", "Secret"),
		Credential(
			"webhook_id",
			"Webhook ID",
			help="Shown next to the webhook on the app's page. It is not the webhook's address.",
		),
	)
	simulator_secrets = {
		"key_id": "simulator-paypal-client-id",
		"key_secret": "simulator-paypal-secret-not-real",
		"webhook_id": "5AB00000CD000000E",
	}
	capabilities = Capabilities(currencies=CURRENCIES, methods=("paypal",), capture=True)
	hosts = {
		"Test": {"api": "https://api-m.sandbox.paypal.com"},
		"Live": {"api": "https://api-m.paypal.com"},
	}
	exponents = {"HUF": 0, "JPY": 0, "TWD": 0}

	@cached_property
	def _api(self) -> PayPalClient:
		return PayPalClient(self.http, self.tokens, self.secrets, self.host())

	# Settings -------------------------------------------------------------------------------------

	def token_state(self) -> str:
		return "cached" if self._api.has_token() else "none"

	@classmethod
	def credential_problems(cls, secrets, mode) -> list[str]:
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
		self._api.forget_token()
		webhook = self._api.get(
			f"/v1/notifications/webhooks/{quote(self.secrets.get('webhook_id') or '-', safe='')}"
		)
		if webhook is None:
			raise CredentialsRefused(
				"PayPal accepts the Client ID and the Secret, but this app has no webhook with the Webhook ID."
				" Please copy it again; sandbox and live have different ones.",
				gateway_code="webhook_id_unknown",
			)
		return f"PayPal accepts the keys and knows the webhook ({self.mode})."

	# Paying ---------------------------------------------------------------------------------------

	def create(self, request: PaymentRequest) -> Checkout:
		order = self._api.post("/v2/checkout/orders", self._order_of(request), request.idempotency_key)
		order_id, links = word(order.get("id")), order.get("links")
		links = links if isinstance(links, list) else []
		url = next((member(link, "href") for link in links if member(link, "rel") in APPROVAL_LINKS), None)
		if not order_id or not isinstance(url, str) or not url.startswith(("https://", self.host())):
			raise BadAnswer("PayPal opened an order without an id or without a page to pay it on.")
		return Checkout(next_action="redirect", order_id=order_id, url=url)

	def _order_of(self, request: PaymentRequest) -> dict:
		unit = {
			"reference_id": request.reference,
			"custom_id": request.reference,
			# Shown to the payer and unique by account setting: the attempt, never the invoice (pitfall 6).
			"invoice_id": request.reference,
			"description": request.description[:127],
			"amount": self._amount(request.amount, request.currency),
		}
		experience = {
			"return_url": request.return_url,
			"cancel_url": request.cancel_url,
			"shipping_preference": "NO_SHIPPING",
			"user_action": "PAY_NOW",
			"payment_method_preference": "IMMEDIATE_PAYMENT_REQUIRED",
		}
		source = {"paypal": {"experience_context": experience}}
		return {"intent": "CAPTURE", "purchase_units": [unit], "payment_source": source}

	def status(self, payment: PaymentRef) -> list[PaymentEvent | RefundEvent]:
		"""The order's captures and refunds. Without an order id nobody ever got the page to pay on, so no money can have moved."""
		if payment.order_id:
			order = self._api.get(f"/v2/checkout/orders/{quote(payment.order_id, safe='')}")
			if order is not None:
				return [*order_events(order), *order_refunds(order)]
		elif payment.payment_id:
			capture = self._api.get(f"/v2/payments/captures/{quote(payment.payment_id, safe='')}")
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
		path = f"/v2/checkout/orders/{quote(order_id, safe='')}/capture"
		request_id = self._capture_id(payment.reference or key)
		try:
			events = order_events(self._api.post(path, {}, request_id))
		except GatewayRefused as error:
			if error.gateway_code in CUSTOMER_HAS_TO_ACT:
				self._use_up(payment.reference or key)
			events = self._after_refused_capture(order_id, error)
		return next((e for e in events if e.outcome is Outcome.PAID), events[0])

	def _capture_id(self, name: str) -> str:
		refused = self.tokens.get(f"paypal:refused:{name}") or "0"
		return f"capture-{name}" + (f"-{refused}" if refused != "0" else "")

	def _use_up(self, name: str) -> None:
		"""PayPal answers a known request id as before, so what the customer changed needs another one.

		It takes the money of an order once under any id. The bound keeps sweeps from trying a refused card for ever.
		"""
		refused = int(self.tokens.get(f"paypal:refused:{name}") or 0)
		if refused < MOST_CAPTURE_IDS:
			self.tokens.set(f"paypal:refused:{name}", str(refused + 1), REQUEST_ID_SECONDS)

	def _after_refused_capture(self, order_id: str, error: GatewayRefused) -> list[PaymentEvent]:
		issue = error.gateway_code
		if issue == "ORDER_ALREADY_CAPTURED":
			order = self._api.get(f"/v2/checkout/orders/{quote(order_id, safe='')}")
			if order is None:
				raise BadAnswer(
					"PayPal says that the order was captured but does not show the capture."
				) from error
			return order_events(order)
		if issue in CUSTOMER_HAS_TO_ACT or issue == UNDER_WAY:
			reason = (
				"PayPal has not finished yet."
				if issue == UNDER_WAY
				else (
					"PayPal could not use this payment method. Please return to PayPal and choose another one."
				)
			)
			return [
				PaymentEvent(
					Outcome.PENDING, order_id=order_id, error_code=issue, reason=reason, method="paypal"
				)
			]
		raise error

	# Hearing --------------------------------------------------------------------------------------

	def verify(self, callback: Callback) -> None:
		if callback.kind == "return":
			return  # nothing is signed there: a doorbell
		transmission = Transmission.of(callback)
		if not self._may_fetch(transmission.cert_url):
			raise SignatureError("The certificate of the signature is not at PayPal's address.")
		webhook_id = self.secrets.get("webhook_id")
		if not webhook_id:
			raise SignatureError("PayPal webhooks cannot be checked without the Webhook ID.")
		key = self._key_behind(transmission.cert_url)
		if key is None:
			self._ask_paypal(transmission, webhook_id, callback.body)
		elif not transmission.is_signed(key, webhook_id, callback.body):
			raise SignatureError("PayPal's signature does not match the message.")

	def _may_fetch(self, url: str) -> bool:
		if self.mode == "Simulator":
			return is_below(url, self.base_url)
		return is_paypal_address(url, self.mode)

	def _key_behind(self, url: str) -> str | None:
		"""The key that a trusted certificate proves, kept for a day; None when PayPal has to be asked instead."""
		name = f"paypal:certificate:{self.mode}:{hashlib.sha256(url.encode()).hexdigest()}"
		known = self.tokens.get(name)
		if known:
			return known
		try:
			chain = read_certificates(self._fetch(url))
			key, seconds = trusted_key(chain, self._roots(), self.now())
		except (GatewayError, UnusableCertificate):
			return None
		self.tokens.set(name, key, min(seconds, CERTIFICATE_SECONDS))
		return key

	def _roots(self):
		"""Who may vouch for a certificate: the public roots; only in Simulator mode the simulator's own."""
		if self.mode == "Simulator":
			return read_certificates(self._fetch(f"{self.base_url}/simulator-root.pem"))
		return list(public_roots())

	def _fetch(self, url: str) -> bytes:
		return self.http.call("GET", url, label=self.label, ok=(200,)).content

	def _ask_paypal(self, transmission: Transmission, webhook_id: str, body: bytes) -> None:
		"""The way without a certificate: PayPal checks its own signature over the very bytes that came in."""
		try:
			# A body that is more than one JSON value could bring its own webhook_id along.
			parse_object(body, self.label)
		except BadAnswer:
			raise SignatureError("The message is not JSON, so PayPal cannot verify it.") from None
		rest = json.dumps({**asdict(transmission), "webhook_id": webhook_id}).encode()
		question = b'{"webhook_event":' + body + b"," + rest[1:]
		try:
			answer = self._api.post("/v1/notifications/verify-webhook-signature", question)
		except CredentialsRefused as error:
			raise NotSent(
				"PayPal rejects our keys, so its message cannot be verified at the moment."
			) from error
		except GatewayRefused:
			raise SignatureError("PayPal does not recognise the signature.") from None
		except (MaybeSent, BadAnswer) as error:
			raise NotSent("PayPal cannot verify its signature at the moment.") from error
		if answer.get("verification_status") != "SUCCESS":
			raise SignatureError("PayPal does not recognise the message.")

	def parse(self, callback: Callback) -> Notice:
		if callback.kind == "return":
			return _doorbell(callback)
		try:
			message = parse_object(callback.body, self.label)
			event_key, event_type = word(message.get("id")), message.get("event_type")
			if not event_key or not isinstance(event_type, str):
				raise BadAnswer("PayPal sent a message without an id or a type.")
			events = self._events_of(event_type, message.get("resource"))
		except BadAnswer as error:
			raise MalformedNotice(str(error)) from None
		first = events[0] if events else None
		# A CRC32 protects the body, which is no proof of its content: the engine reads the order again.
		return Notice(
			events=tuple(events),
			verified=True,
			confirm=True,
			reference=first and first.reference,
			order_id=first and first.order_id,
			payment_id=first and first.payment_id,
			event_key=event_key,
			event_type=event_type[:140],
		)

	@staticmethod
	def _events_of(event_type: str, resource) -> list:
		if not isinstance(resource, dict):
			return []
		if event_type in ORDER_EVENTS:
			return order_events(resource)
		if event_type == "CHECKOUT.PAYMENT-APPROVAL.REVERSED":
			order = {**resource, "id": resource.get("id") or resource.get("order_id"), "status": "VOIDED"}
			return order_events(order)
		if event_type in CAPTURE_EVENTS:
			return [capture_event(resource, {})]
		if event_type in REFUND_EVENTS:
			return [refund_event(resource)]
		return [reversal_event(resource)] if event_type == "PAYMENT.CAPTURE.REVERSED" else []

	# Giving back ----------------------------------------------------------------------------------

	def refund(self, request: RefundRequest) -> RefundEvent:
		tag = REFUND_TAG + request.key
		body = {"amount": self._amount(request.amount, request.currency), "custom_id": tag, "invoice_id": tag}
		if request.reason:
			body["note_to_payer"] = request.reason[:255]
		path = f"/v2/payments/captures/{quote(request.payment_id, safe='')}/refund"
		try:
			return refund_event(self._api.post(path, body, tag), request.payment_id)
		except CredentialsRefused:
			raise
		except GatewayRefused as error:
			return self._refund_made_before(request, error)

	def _refund_made_before(self, request: RefundRequest, error: GatewayRefused) -> RefundEvent:
		if error.gateway_code not in (
			"CAPTURE_FULLY_REFUNDED",
			"DUPLICATE_INVOICE_ID",
			"REFUND_AMOUNT_EXCEEDED",
		):
			raise error
		found = self.refund_status(request)
		if found.outcome is not RefundOutcome.NOT_FOUND:
			return found
		if error.gateway_code == "DUPLICATE_INVOICE_ID":
			# The number is our refund's own: an earlier try arrived. Only the engine knows whether there was one of the others.
			raise BadAnswer(
				"PayPal says that it has this refund but does not show it.", gateway_code=error.gateway_code
			)
		raise error

	def refund_status(self, request: RefundRequest) -> RefundEvent:
		if request.refund_id:
			found = self._api.get(f"/v2/payments/refunds/{quote(request.refund_id, safe='')}")
		else:
			found = refund_in(self._order_behind(request), request.key)
		if found is None:
			return RefundEvent(RefundOutcome.NOT_FOUND, key=request.key, payment_id=request.payment_id)
		return refund_event(found, request.payment_id)

	def _order_behind(self, request: RefundRequest) -> dict:
		order_id = request.payment.order_id
		if not order_id:
			capture = self._api.get(f"/v2/payments/captures/{quote(request.payment_id, safe='')}")
			order_id = word(member(capture, "supplementary_data", "related_ids", "order_id"))
		order = self._api.get(f"/v2/checkout/orders/{quote(order_id, safe='')}") if order_id else None
		if order is None:
			raise BadAnswer("PayPal does not show the order, so its refunds are unknown.")
		return order

	def _amount(self, amount: Decimal, currency: str) -> dict[str, str]:
		try:
			return {
				"currency_code": currency,
				"value": money_text(amount, currency, self.exponents.get(currency, 2)),
			}
		except ValueError as error:
			raise GatewayRefused(f"PayPal cannot accept this amount: {error}") from None


def _doorbell(callback: Callback) -> Notice:
	reference, order_id = callback.query.get("attempt"), word(callback.query.get("token"))
	return Notice(reference=reference[:140] if reference else None, order_id=order_id, event_type="return")
