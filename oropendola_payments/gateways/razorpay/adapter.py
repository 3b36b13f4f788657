"""Razorpay: Orders API, Standard and Hosted Checkout, webhooks, refunds, through the official SDK.

https://razorpay.com/docs/api/orders, https://razorpay.com/docs/webhooks and https://razorpay.com/docs/api/refunds
"""

import hashlib
import hmac
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from functools import cached_property, partial
from urllib.parse import quote

from oropendola_payments.gateways.base import (
	Callback,
	Capabilities,
	Checkout,
	Credential,
	Form,
	Gateway,
	Notice,
	Outcome,
	PaymentEvent,
	PaymentRef,
	PaymentRequest,
	RefundEvent,
	RefundOutcome,
	RefundRequest,
	Sdk,
)
from oropendola_payments.gateways.errors import (
	BadAnswer,
	CredentialsRefused,
	GatewayRefused,
	MalformedNotice,
	SignatureError,
)
from oropendola_payments.gateways.http import member, parse_object, short_text
from oropendola_payments.gateways.razorpay.client import LABEL, Unknown, items_of, make_client, read_entity
from oropendola_payments.gateways.razorpay.mapping import (
	EXPONENTS,
	exponent_of,
	is_id,
	payment_event,
	refund_event,
	webhook_events,
)
from oropendola_payments.money import to_minor

METHODS = ("card", "upi", "netbanking", "wallet", "emi", "paylater")
PAGE = 100
MAX_PAGES = 20
MONEY = (Outcome.PAID, Outcome.AUTHORIZED)


class Razorpay(Gateway):
	code = "razorpay"
	label = LABEL
	credentials = (
		Credential(
			"key_id", "Key Id", help="Account & Settings, API Keys. Starts with rzp_test_ or rzp_live_."
		),
		Credential("key_secret", "Key Secret", help="Shown once, when the key is generated."),
		Credential(
			"webhook_secret", "Webhook Secret", help="The secret that you enter when you add the webhook."
		),
		Credential(
			"webhook_secret_previous",
			"Previous Webhook Secret",
			required=False,
			help="Keep the old secret here for a day after a change: retried events still use it.",
		),
	)
	simulator_secrets = {
		"key_id": "rzp_test_Simulator0001",
		"key_secret": "SimulatorRazorpayKeySecret",
		"webhook_secret": "simulator-razorpay-webhook-secret",
	}
	capabilities = Capabilities(
		methods=METHODS,
		flows=("redirect", "embedded"),
		instant_refunds=True,
		capture=True,
		minimum={"INR": Decimal("1.00")},
		browser_hosts=(
			"https://checkout.razorpay.com",
			"https://api.razorpay.com",
			"https://cdn.razorpay.com",
			"https://lumberjack.razorpay.com",
		),
	)
	hosts = {
		"Test": {"api": "https://api.razorpay.com", "checkout": "https://checkout.razorpay.com"},
		"Live": {"api": "https://api.razorpay.com", "checkout": "https://checkout.razorpay.com"},
	}
	exponents = EXPONENTS

	@cached_property
	def client(self):
		keys = [self.secrets.get(name, "") for name in ("key_id", "key_secret")]
		return make_client(self.http, *keys, self.host("api"))

	def exponent(self, currency: str) -> int:
		return exponent_of(currency)

	# Settings -------------------------------------------------------------------------------------

	@classmethod
	def credential_problems(cls, secrets: Mapping[str, str], mode: str) -> list[str]:
		key_id, problems = secrets.get("key_id") or "", []
		if key_id and not re.fullmatch(r"rzp_(test|live)_[A-Za-z0-9]+", key_id):
			problems.append("The Key Id must start with rzp_test_ or rzp_live_. Please copy it again.")
		elif key_id and key_id.startswith("rzp_live_") != (mode == "Live"):
			kind = "live" if mode == "Live" else "test"
			problems.append(f"{mode} mode needs a {kind} key: the Key Id must start with rzp_{kind}_.")
		if secrets.get("webhook_secret") and secrets["webhook_secret"] == secrets.get("key_secret"):
			problems.append(
				"The Webhook Secret is not the Key Secret. Please enter the one set at the webhook."
			)
		return problems

	@classmethod
	def is_retryable_decline(cls, error_code: str) -> bool:
		return True

	def test_connection(self) -> str:
		self.client.order.all({"count": 1})
		return "Razorpay accepts the Key Id and the Key Secret."

	# Paying ---------------------------------------------------------------------------------------

	def create(self, request: PaymentRequest) -> Checkout:
		currency, amount = request.currency.upper(), self._minor(request.amount, request.currency)
		notes = {"attempt": request.reference, "invoice": request.invoice[:256]}
		asked = {"amount": amount, "currency": currency}
		order = self.client.order.create({**asked, "receipt": request.reference, "notes": notes})
		if not is_id(order.get("id")) or {name: order.get(name) for name in asked} != asked:
			raise BadAnswer("Razorpay created a different order from the one requested.")
		options = {**asked, "order_id": order["id"], "name": request.description[:255]}
		return Checkout(
			next_action="sdk",
			order_id=order["id"],
			sdk=Sdk(
				"razorpay", f"{self.host('checkout')}/v1/checkout.js", self._sdk_options(request, options)
			),
			form=Form(f"{self.host('api')}/v1/checkout/embedded", self._form_fields(request, options)),
		)

	def status(self, payment: PaymentRef) -> list[PaymentEvent | RefundEvent]:
		orders = [payment.order_id] if payment.order_id else self._orders_of(payment.reference)
		events = [event for order_id in orders for event in self._events_of(order_id, payment.reference)]
		return events or [PaymentEvent(Outcome.NOT_FOUND, reference=payment.reference)]

	def capture(self, payment: PaymentRef, event: PaymentEvent, key: str) -> PaymentEvent:
		payment_id = event.payment_id or payment.payment_id
		if not is_id(payment_id):
			raise GatewayRefused("There is no Razorpay payment to capture.")
		entity = self.client.payment.fetch(payment_id, {})
		if entity.get("status") == "authorized":
			entity = self._capture(payment_id, event if event.amount else payment)
		return _with_reference(read_entity(payment_event, entity), payment.reference)

	# Hearing --------------------------------------------------------------------------------------

	def verify(self, callback: Callback) -> None:
		if callback.kind != "return":
			secrets = [self.secrets.get(name) for name in ("webhook_secret", "webhook_secret_previous")]
			_check(callback.body, callback.header("X-Razorpay-Signature"), secrets)
		elif signature := callback.form.get("razorpay_signature"):
			order_id, payment_id = _signed_ids(callback)
			_check(f"{order_id}|{payment_id}".encode(), signature, [self.secrets.get("key_secret")])

	def parse(self, callback: Callback) -> Notice:
		if callback.kind == "return":
			return _return_notice(callback)
		try:
			return self._webhook_notice(callback, parse_object(callback.body, LABEL))
		except (BadAnswer, ValueError) as error:
			raise MalformedNotice(f"A Razorpay webhook cannot be read: {error}") from None

	# Giving back ----------------------------------------------------------------------------------

	def refund(self, request: RefundRequest) -> RefundEvent:
		# How long Razorpay remembers an idempotency key is not documented, so the list comes first.
		done = self._find_refund(request)
		if done.outcome is not RefundOutcome.NOT_FOUND:
			return done
		try:
			return read_entity(refund_event, self._send_refund(request))
		except CredentialsRefused:
			raise
		except GatewayRefused:
			done = self._find_refund(request)
			if done.outcome is RefundOutcome.NOT_FOUND:
				raise
			return done

	def refund_status(self, request: RefundRequest) -> RefundEvent:
		if not request.refund_id:
			return self._find_refund(request)
		try:
			entity = self.client.payment.fetch_refund_id(
				quote(request.payment_id, safe=""), quote(request.refund_id, safe="")
			)
		except Unknown:
			return RefundEvent(RefundOutcome.NOT_FOUND, key=request.key, payment_id=request.payment_id)
		return read_entity(refund_event, entity)

	# Parts of create ------------------------------------------------------------------------------

	def _minor(self, amount: Decimal, currency: str) -> int:
		try:
			minor = to_minor(amount, currency, self.exponent(currency))
		except ValueError as error:
			raise GatewayRefused(f"Razorpay cannot accept this amount: {error}") from None
		if self.exponent(currency) == 3 and minor % 10:
			raise GatewayRefused(
				f"Razorpay accepts {currency} amounts in steps of 0.01. Please round the amount."
			)
		return minor

	def _sdk_options(self, request: PaymentRequest, options: dict) -> dict:
		customer = request.customer
		prefill = {"name": customer.name, "email": customer.email, "contact": customer.phone}
		if request.method in METHODS:
			prefill["method"] = request.method
		options = {**options, "key": self.secrets.get("key_id", ""), "description": request.description[:255]}
		return {
			**options,
			"prefill": {name: value for name, value in prefill.items() if value},
			"notes": {"attempt": request.reference},
			"callback_url": request.return_url,
			"redirect": True,
		}

	def _form_fields(self, request: PaymentRequest, options: dict) -> dict[str, str]:
		customer = request.customer
		fields = {
			**options,
			"key_id": self.secrets.get("key_id", ""),
			"description": request.description[:255],
			"prefill[name]": customer.name,
			"prefill[email]": customer.email,
			"prefill[contact]": customer.phone,
			"notes[attempt]": request.reference,
			"callback_url": request.return_url,
			"cancel_url": request.cancel_url,
		}
		return {name: str(value) for name, value in fields.items() if value}

	# Parts of status and capture ------------------------------------------------------------------

	def _orders_of(self, reference: str) -> list[str]:
		"""Ids of the orders with our reference: more than one when a create call timed out."""
		found = items_of(self.client.order.all({"receipt": reference, "count": PAGE}))
		return [o["id"] for o in found if o.get("receipt") == reference and is_id(o.get("id"))]

	def _events_of(self, order_id: str, reference: str) -> list[PaymentEvent | RefundEvent]:
		try:
			payments = items_of(self.client.order.payments(quote(order_id, safe=""), {"count": PAGE}))
		except Unknown:
			return [PaymentEvent(Outcome.NOT_FOUND, reference=reference, order_id=order_id)]
		events = [_with_reference(read_entity(payment_event, entity), reference) for entity in payments]
		for entity in payments:
			if entity.get("amount_refunded") and is_id(entity.get("id")):
				events += self.refunds_or_none(partial(self._refund_events, entity["id"]))
		return events or [PaymentEvent(Outcome.PENDING, reference=reference, order_id=order_id)]

	def _refund_events(self, payment_id: str) -> Iterator[RefundEvent]:
		return (read_entity(refund_event, entity) for entity in self._refunds_of(payment_id))

	def _capture(self, payment_id: str, money: PaymentEvent | PaymentRef) -> dict:
		currency = money.currency or ""
		try:
			return self.client.payment.capture(
				payment_id, self._minor(money.amount, currency), {"currency": currency}
			)
		except GatewayRefused:
			# Somebody else, or Razorpay's own timer, may have captured it in between.
			entity = self.client.payment.fetch(payment_id, {})
			if entity.get("status") == "authorized":
				raise
			return entity

	# Parts of refund ------------------------------------------------------------------------------

	def _send_refund(self, request: RefundRequest) -> dict:
		body = {
			"amount": self._minor(request.amount, request.currency),
			"speed": "optimum" if request.speed == "instant" else "normal",
			"receipt": request.key,
			"notes": {"refund": request.key, "attempt": request.payment.reference},
		}
		headers = {"X-Refund-Idempotency": f"payment-refund-{request.key}"}
		return self.client.payment.refund(quote(request.payment_id, safe=""), body, headers=headers)

	def _find_refund(self, request: RefundRequest) -> RefundEvent:
		"""The refund with our key, among all refunds of the payment."""
		for entity in self._refunds_of(request.payment_id):
			if request.key in (entity.get("receipt"), member(entity, "notes", "refund")):
				return read_entity(refund_event, entity)
		return RefundEvent(RefundOutcome.NOT_FOUND, key=request.key, payment_id=request.payment_id)

	def _refunds_of(self, payment_id: str) -> Iterator[dict]:
		for page in range(MAX_PAGES):
			window = {"count": PAGE, "skip": page * PAGE}
			refunds = items_of(self.client.payment.fetch_multiple_refund(quote(payment_id, safe=""), window))
			yield from refunds
			if len(refunds) < PAGE:
				return
		raise BadAnswer("Razorpay lists too many refunds for one payment.")

	# From Razorpay's words to ours ----------------------------------------------------------------

	def _webhook_notice(self, callback: Callback, body: dict) -> Notice:
		name = short_text(body.get("event"), 100)
		if not name:
			raise ValueError("the event has no name")
		events = webhook_events(name, body)
		told_paid = name in ("payment.captured", "order.paid")
		return Notice(
			events=events,
			verified=True,
			# Test and live events look alike, and the buyer writes the notes: only the order in our account proves.
			confirm=told_paid
			or any(event.outcome in MONEY for event in events if isinstance(event, PaymentEvent)),
			reference=next((event.reference for event in events), None),
			order_id=next((event.order_id for event in events), None),
			payment_id=next((event.payment_id for event in events), None),
			event_key=_event_key(callback),
			event_type=name,
		)


def _with_reference(event: PaymentEvent, reference: str) -> PaymentEvent:
	# What the payment itself says comes first, so that another attempt's payment stays recognisable.
	return replace(event, reference=event.reference or reference)


def _check(message: bytes, signature: str, secrets: list[str | None]) -> None:
	for secret in filter(None, secrets):
		expected = hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()
		if hmac.compare_digest(expected.encode(), signature.encode("utf-8", "replace")):
			return
	raise SignatureError("The Razorpay signature is missing or wrong.")


def _signed_ids(callback: Callback) -> tuple[str, str]:
	"""Order and payment as claimed. A `|` inside one of them would let the signed text be cut differently."""
	ids = [callback.form.get(f"razorpay_{name}_id", "") for name in ("order", "payment")]
	if not all(map(is_id, ids)):
		raise SignatureError("The ids in the Razorpay return are missing or malformed.")
	return ids[0], ids[1]


def _return_notice(callback: Callback) -> Notice:
	"""A signature proves that the order was authorised, not how much was taken: so the engine has to ask."""
	reference = callback.query.get("attempt", "")
	notice = Notice(reference=reference if is_id(reference) else None, event_type="return")
	if not callback.form.get("razorpay_signature"):
		return notice
	order_id, payment_id = (callback.form.get(f"razorpay_{name}_id") for name in ("order", "payment"))
	return replace(
		notice,
		verified=True,
		confirm=True,
		order_id=order_id,
		payment_id=payment_id,
		event_key=f"return:{payment_id}",
	)


def _event_key(callback: Callback) -> str:
	key = callback.header("x-razorpay-event-id")
	if re.fullmatch(r"[\x21-\x7e]{1,140}", key):
		return key
	return "body:" + hashlib.sha256(callback.body).hexdigest()
