"""Stripe: Checkout Sessions (hosted and embedded), events, refunds, through the official SDK.

https://docs.stripe.com/api/checkout/sessions, https://docs.stripe.com/webhooks and https://docs.stripe.com/refunds
"""

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cached_property

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
	Sdk,
)
from oropendola_payments.gateways.errors import (
	BadAnswer,
	CredentialsRefused,
	GatewayRefused,
	MalformedNotice,
	NotSupported,
	SignatureError,
)
from oropendola_payments.gateways.http import member, parse_object, short_text
from oropendola_payments.gateways.stripe.client import (
	API_VERSION,
	LABEL,
	KeyReused,
	ReplayedFailure,
	Unknown,
	call,
	entries,
	known_id,
	make_client,
	read_entity,
)
from oropendola_payments.gateways.stripe.mapping import (
	CHARGE_REFUNDED,
	EXPONENTS,
	REFERENCE,
	REFUND_KEY,
	charged,
	exponent_of,
	id_of,
	is_id,
	minor_of,
	moment,
	refund_event,
	session_event,
	webhook_events,
)

SIGNATURE_SECONDS = 300
MAX_SIGNATURES = 20


class Stripe(Gateway):
	code = "stripe"
	label = LABEL
	credentials = (
		Credential("key_secret", "Secret key", help="Developers, API keys. Starts with sk_ or rk_."),
		Credential(
			"public_key",
			"Publishable key",
			required=False,
			help="Starts with pk_. Only needed to show the payment form inside your own page.",
		),
		Credential("webhook_secret", "Signing secret", help="Of the webhook endpoint. Starts with whsec_."),
		Credential(
			"webhook_secret_previous",
			"Previous signing secret",
			required=False,
			help="Keep the old one here while the secret is being rolled.",
		),
	)
	simulator_secrets = {
		"key_secret": "sk_test_SimulatorStripe0001",
		"public_key": "pk_test_SimulatorStripe0001",
		"webhook_secret": "whsec_SimulatorStripe0001",
	}
	capabilities = Capabilities(
		methods=("card", "wallet", "bank"),
		flows=("redirect", "embedded"),
		cancel=True,
		minimum={"USD": Decimal("0.50")},
		browser_hosts=(
			"https://js.stripe.com",
			"https://checkout.stripe.com",
			"https://api.stripe.com",
			"https://hooks.stripe.com",
		),
	)
	hosts = {
		"Test": {"api": "https://api.stripe.com", "js": "https://js.stripe.com"},
		"Live": {"api": "https://api.stripe.com", "js": "https://js.stripe.com"},
	}
	exponents = EXPONENTS

	@cached_property
	def client(self):
		return make_client(self.http, self.secrets.get("key_secret", ""), self.host("api"))

	def exponent(self, currency: str) -> int:
		return exponent_of(currency)

	# Settings -------------------------------------------------------------------------------------

	@classmethod
	def credential_problems(cls, secrets: Mapping[str, str], mode: str) -> list[str]:
		kind = "live" if mode == "Live" else "test"
		shapes = {
			"key_secret": ("Secret key", f"sk_{kind}_", f"rk_{kind}_"),
			"public_key": ("Publishable key", f"pk_{kind}_"),
			"webhook_secret": ("Signing secret", "whsec_"),
			"webhook_secret_previous": ("Previous signing secret", "whsec_"),
		}
		return [
			f"In {mode} mode the {label} must start with {' or '.join(starts)}. Please copy it again."
			for name, (label, *starts) in shapes.items()
			if secrets.get(name) and not re.fullmatch(rf"({'|'.join(starts)})[\x21-\x7e]+", secrets[name])
		]

	@classmethod
	def is_retryable_decline(cls, error_code: str) -> bool:
		return True

	def test_connection(self) -> str:
		call(self.client.v1.checkout.sessions.list, {"limit": 1})
		return "Stripe accepts the Secret key."

	# Paying ---------------------------------------------------------------------------------------

	def create(self, request: PaymentRequest) -> Checkout:
		if request.flow == "embedded" and not self.secrets.get("public_key"):
			raise NotSupported("Please fill in the Publishable key to show Stripe inside your own page.")
		options = {"idempotency_key": request.idempotency_key}
		try:
			session = call(self.client.v1.checkout.sessions.create, self._params(request), options)
		except KeyReused:
			# A repetition after the customer's e-mail address was changed is another request to Stripe.
			session = self._find_session(request.reference)
			if session is None:
				raise
		self._check_session(session, request)
		return self._checkout(session)

	def status(self, payment: PaymentRef) -> list[PaymentEvent | RefundEvent]:
		session_id = payment.order_id or id_of(self._find_session(payment.reference, payment.created_at))
		try:
			session = self._session(session_id)
			return [self._event_of(session, payment), *self._refunds_behind(session)]
		except Unknown:
			return [PaymentEvent(Outcome.NOT_FOUND, reference=payment.reference, order_id=payment.order_id)]

	def cancel(self, payment: PaymentRef) -> PaymentEvent:
		"""Expire the session; when it is no longer open, what became of it, which may be PAID."""
		event = self.status(payment)[0]
		if event.outcome is not Outcome.PENDING:
			return event
		try:
			call(self.client.v1.checkout.sessions.expire, event.order_id)
		except CredentialsRefused:
			raise
		except GatewayRefused:
			return self._event_of(self._session(event.order_id), payment)
		return replace(event, outcome=Outcome.CANCELLED)

	# Hearing --------------------------------------------------------------------------------------

	def verify(self, callback: Callback) -> None:
		if callback.kind == "return":
			return  # Nothing in the return is signed: it only makes the engine ask.
		timestamp, signatures = _signature_parts(callback.header("Stripe-Signature"))
		signed = timestamp.encode() + b"." + callback.body
		secrets = [self.secrets.get(name) for name in ("webhook_secret", "webhook_secret_previous")]
		if not any(_matches(secret, signed, signatures) for secret in secrets if secret):
			raise SignatureError("The Stripe signature is missing or wrong.")
		if int(timestamp) < self.now().timestamp() - SIGNATURE_SECONDS:
			raise SignatureError("The Stripe signature is too old.")

	def parse(self, callback: Callback) -> Notice:
		if callback.kind == "return":
			return _return_notice(callback)
		try:
			return self._event_notice(parse_object(callback.body, LABEL))
		except (BadAnswer, ValueError) as error:
			raise MalformedNotice(f"A Stripe event cannot be read: {error}") from None

	# Giving back ----------------------------------------------------------------------------------

	def refund(self, request: RefundRequest) -> RefundEvent:
		# Stripe forgets idempotency keys after a day, so the list of refunds comes first.
		done = self._find_refund(request)
		if done.outcome is not RefundOutcome.NOT_FOUND:
			return done
		try:
			return self._send_refund(request, f"refund-{request.key}")
		except ReplayedFailure:
			# The list says that the stored failure made no refund, and only another key gets past it.
			return self._send_refund(request, f"refund-{request.key}-again")
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
			return read_entity(
				refund_event, call(self.client.v1.refunds.retrieve, known_id(request.refund_id))
			)
		except Unknown:
			return RefundEvent(RefundOutcome.NOT_FOUND, key=request.key, payment_id=request.payment_id)

	# Parts of create ------------------------------------------------------------------------------

	def _params(self, request: PaymentRequest) -> dict:
		metadata = {REFERENCE: request.reference, "invoice": request.invoice[:500]}
		description = request.description[:500] or request.reference
		params = {
			"mode": "payment",
			"client_reference_id": request.reference,
			"line_items": [self._line(request, description)],
			# Stripe copies metadata neither from the session to the payment nor the other way round.
			"metadata": metadata,
			"payment_intent_data": {"metadata": metadata, "description": description},
			# Otherwise the customer may pay another amount in another currency than the invoice's.
			"adaptive_pricing": {"enabled": False},
			**self._way_back(request),
		}
		if "@" in request.customer.email:
			params["customer_email"] = request.customer.email
		return params

	def _line(self, request: PaymentRequest, description: str) -> dict:
		price = {
			"currency": request.currency.lower(),
			"unit_amount": minor_of(request.amount, request.currency),
			"product_data": {"name": description[:250]},
		}
		return {"quantity": 1, "price_data": price}

	def _way_back(self, request: PaymentRequest) -> dict:
		mark = "&" if "?" in request.return_url else "?"
		returned = f"{request.return_url}{mark}session_id={{CHECKOUT_SESSION_ID}}"
		if request.flow == "embedded":
			return {"ui_mode": "embedded_page", "return_url": returned}
		return {"success_url": returned, "cancel_url": request.cancel_url}

	def _check_session(self, session: dict, request: PaymentRequest) -> None:
		asked = (minor_of(request.amount, request.currency), request.currency.lower(), self.mode == "Live")
		if not is_id(session.get("id")) or asked != tuple(
			map(session.get, ("amount_total", "currency", "livemode"))
		):
			raise BadAnswer("Stripe created a different session from the one requested.")

	def _checkout(self, session: dict) -> Checkout:
		common = {"order_id": session["id"], "expires_at": moment(session.get("expires_at"))}
		if url := short_text(session.get("url"), 10_000):
			return Checkout("redirect", url=url, **common)
		secret = short_text(session.get("client_secret"), 10_000)
		if not secret:
			raise BadAnswer("Stripe created a session that cannot be paid.")
		release = API_VERSION.partition(".")[2]
		config = {"publishable_key": self.secrets.get("public_key", ""), "client_secret": secret}
		return Checkout("sdk", sdk=Sdk("stripe", f"{self.host('js')}/{release}/stripe.js", config), **common)

	# Parts of status ------------------------------------------------------------------------------

	def _session(self, session_id: str | None) -> dict:
		expand = {"expand": ["payment_intent.latest_charge"]}
		return call(self.client.v1.checkout.sessions.retrieve, known_id(session_id), expand)

	def _event_of(self, session: dict, payment: PaymentRef) -> PaymentEvent:
		self._check_livemode(session)
		event = read_entity(session_event, session)
		return replace(event, reference=event.reference or payment.reference)

	def _refunds_behind(self, session: dict) -> list[RefundEvent]:
		"""What was sent back, when the charge says that something was; at most one question more."""
		intent = session.get("payment_intent")
		if not member(intent, "latest_charge", "amount_refunded"):
			return []
		asked = {"payment_intent": known_id(id_of(intent))}
		return self.refunds_or_none(
			lambda: (read_entity(refund_event, one) for one in entries(self.client.v1.refunds.list, asked))
		)

	def _check_livemode(self, entity: Mapping) -> None:
		if entity.get("livemode") is not (self.mode == "Live"):
			raise BadAnswer(
				f"Stripe answered for a mode other than {self.mode}. Please check the Secret key."
			)

	def _find_session(self, reference: str, created_at: datetime | None = None) -> dict | None:
		"""The session with our reference, among those of that hour or, without a time, of the last day."""
		start = created_at - timedelta(hours=1) if created_at else self.now() - timedelta(days=1)
		window = {"gte": int(start.timestamp())}
		if created_at:
			window["lte"] = int((created_at + timedelta(hours=1)).timestamp())
		sessions = entries(self.client.v1.checkout.sessions.list, {"created": window})
		# A payment link lets the buyer choose the client_reference_id; metadata is ours alone.
		return next((one for one in sessions if member(one, "metadata", REFERENCE) == reference), None)

	# Parts of refund ------------------------------------------------------------------------------

	def _send_refund(self, request: RefundRequest, idempotency_key: str) -> RefundEvent:
		params = {
			**_payment_of(request),
			"amount": minor_of(request.amount, request.currency),
			"reason": "requested_by_customer",
			"metadata": {REFUND_KEY: request.key, REFERENCE: request.payment.reference},
		}
		answer = call(self.client.v1.refunds.create, params, {"idempotency_key": idempotency_key})
		return read_entity(refund_event, answer)

	def _find_refund(self, request: RefundRequest) -> RefundEvent:
		for refund in entries(self.client.v1.refunds.list, _payment_of(request)):
			if member(refund, "metadata", REFUND_KEY) == request.key:
				return read_entity(refund_event, refund)
		return RefundEvent(RefundOutcome.NOT_FOUND, key=request.key, payment_id=request.payment_id)

	# Parts of receive -----------------------------------------------------------------------------

	def _event_notice(self, body: dict) -> Notice:
		key, name, entity = body.get("id"), short_text(body.get("type")), member(body, "data", "object")
		if body.get("object") != "event" or not is_id(key) or not name:
			raise ValueError("it is not an event")
		if body.get("livemode") is not (self.mode == "Live"):
			raise ValueError(f"it is not meant for {self.mode} mode")
		events = webhook_events(name, entity, moment(body.get("created")))
		first = events[0] if events else None
		if name == CHARGE_REFUNDED:
			first = PaymentEvent(Outcome.PENDING, **charged(entity))
		return Notice(
			events=events,
			verified=True,
			confirm=name == CHARGE_REFUNDED,
			reference=first.reference if first else None,
			order_id=first.order_id if first else None,
			payment_id=first.payment_id if first else None,
			event_key=key if len(key) <= 140 else hashlib.sha256(key.encode()).hexdigest(),
			event_type=name,
		)


def _signature_parts(header: str) -> tuple[str, list[str]]:
	"""Timestamp and v1 signatures of `t=…,v1=…,v1=…`; other schemes are decoys."""
	parts = [part.partition("=") for part in header[:4096].split(",")]
	timestamp = next((value for name, _, value in parts if name == "t"), "")
	if not re.fullmatch(r"[0-9]{1,12}", timestamp):
		raise SignatureError("The Stripe signature is missing or malformed.")
	return timestamp, [value for name, _, value in parts if name == "v1"][:MAX_SIGNATURES]


def _matches(secret: str, signed: bytes, signatures: list[str]) -> bool:
	expected = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest().encode()
	return any(hmac.compare_digest(expected, given.encode("utf-8", "replace")) for given in signatures)


def _return_notice(callback: Callback) -> Notice:
	reference, session_id = callback.query.get("attempt"), callback.query.get("session_id")
	return Notice(
		reference=reference if is_id(reference) else None,
		order_id=session_id if is_id(session_id) else None,
		event_type="return",
	)


def _payment_of(request: RefundRequest) -> dict[str, str]:
	name = "charge" if request.payment_id.startswith(("ch_", "py_")) else "payment_intent"
	return {name: request.payment_id}
