"""Stripe's adapter: Checkout Sessions, hosted or embedded, and their refunds.

https://docs.stripe.com/api/checkout/sessions, https://docs.stripe.com/webhooks and https://docs.stripe.com/refunds
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
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
	Sdk,
)
from oropendola_payments.gateways.errors import BadAnswer, CredentialsRefused, GatewayRefused, NotSupported
from oropendola_payments.gateways.parsing import matching, member, read_entity, short_text, unix_time
from oropendola_payments.gateways.payouts import PayoutSource
from oropendola_payments.gateways.stripe import notices, payouts
from oropendola_payments.gateways.stripe.client import (
	API_VERSION,
	LABEL,
	Client,
	KeyReused,
	ReplayedFailure,
	Unknown,
)
from oropendola_payments.gateways.stripe.mapping import (
	AMOUNT_DECIMALS,
	EXPONENTS,
	FAILURE_CLASSES,
	ID,
	REFERENCE,
	REFUND_KEY,
	exponent_of,
	id_of,
	refund_event,
	session_event,
)
from oropendola_payments.gateways.stripe.payloads import minor_of, payment_of, refund_params, session_params


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
	failure_classes = FAILURE_CLASSES
	simulator_secrets = {
		"key_secret": "sk_test_SimulatorStripe0001",
		"public_key": "pk_test_SimulatorStripe0001",
		"webhook_secret": "whsec_SimulatorStripe0001",
	}
	payout_file = payouts.FILE
	capabilities = Capabilities(
		payouts=True,
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
	amount_decimals = AMOUNT_DECIMALS

	@cached_property
	def client(self) -> Client:
		return Client(self)

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
		self.client.check_key()
		return "Stripe accepts the Secret key."

	# Payments -------------------------------------------------------------------------------------

	def create(self, request: PaymentRequest) -> Checkout:
		if request.flow == "embedded" and not self.secrets.get("public_key"):
			raise NotSupported("Please fill in the Publishable key to show Stripe inside your own page.")
		session: dict[str, Any] | None
		try:
			session = self.client.create_session(session_params(request), request.idempotency_key)
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
			session = self.client.session(session_id)
			return [self._event_of(session, payment), *self._refunds_of(session)]
		except Unknown:
			return [PaymentEvent(Outcome.NOT_FOUND, reference=payment.reference, order_id=payment.order_id)]

	def cancel(self, payment: PaymentRef) -> PaymentEvent:
		"""Expire the session; when it is no longer open, its state, which may be PAID or in transit."""
		event = self.payment_events(payment)[0]
		if event.outcome is not Outcome.PENDING or event.in_transit:
			return event
		try:
			self.client.expire_session(event.order_id)
		except CredentialsRefused:
			raise
		except GatewayRefused:
			return self._event_of(self.client.session(event.order_id), payment)
		return replace(event, outcome=Outcome.CANCELLED)

	# Returns and webhooks -------------------------------------------------------------------------

	def verify(self, callback: Callback) -> None:
		notices.verify(callback, self)

	def parse(self, callback: Callback) -> Notice:
		return notices.parse(callback, self)

	# Payouts --------------------------------------------------------------------------------------

	def fetch_payouts(self, since: datetime, until: datetime) -> PayoutSource:
		return payouts.fetch(self.client, since, until)

	# Refunds --------------------------------------------------------------------------------------

	def refund(self, request: RefundRequest) -> RefundEvent:
		# Stripe forgets idempotency keys after a day, so the list of refunds comes first.
		return self.refund_once(
			request, lambda: self._send_refund(request), find=self._find_refund, find_first=True
		)

	def refund_status(self, request: RefundRequest) -> RefundEvent:
		if not request.refund_id:
			return self._find_refund(request)
		try:
			return read_entity(LABEL, refund_event, self.client.refund(request.refund_id))
		except Unknown:
			return RefundEvent(RefundOutcome.NOT_FOUND, key=request.key, payment_id=request.payment_id)

	# Sessions -------------------------------------------------------------------------------------

	def _check_session(self, session: dict[str, Any], request: PaymentRequest) -> None:
		wanted = [minor_of(request.amount, request.currency), request.currency.lower(), self.mode == "Live"]
		found = [session.get(name) for name in ("amount_total", "currency", "livemode")]
		if not matching(ID, session.get("id")) or found != wanted:
			raise BadAnswer("Stripe created a different session from the one requested.")

	def _checkout(self, session: dict[str, Any]) -> Checkout:
		order_id, expires_at = session["id"], unix_time(session.get("expires_at"))
		if url := short_text(session.get("url"), 10_000):
			return Checkout("redirect", order_id, url=url, expires_at=expires_at)
		secret = short_text(session.get("client_secret"), 10_000)
		if not secret:
			raise BadAnswer("Stripe created a session that cannot be paid.")
		release = API_VERSION.partition(".")[2]
		config = {"publishable_key": self.secrets.get("public_key", ""), "client_secret": secret}
		sdk = Sdk("stripe", f"{self.host('js')}/{release}/stripe.js", config)
		return Checkout("sdk", order_id, sdk=sdk, expires_at=expires_at)

	def _find_session(self, reference: str, created_at: datetime | None = None) -> dict[str, Any] | None:
		"""The session with our reference, among those of that hour or, without a time, of the last day."""
		start = created_at - timedelta(hours=1) if created_at else self.now() - timedelta(days=1)
		window = {"gte": int(start.timestamp())}
		if created_at:
			window["lte"] = int((created_at + timedelta(hours=1)).timestamp())
		# A payment link lets the buyer choose the client_reference_id; metadata is ours alone.
		sessions = self.client.sessions({"created": window})
		return next((one for one in sessions if member(one, "metadata", REFERENCE) == reference), None)

	def _event_of(self, session: dict[str, Any], payment: PaymentRef) -> PaymentEvent:
		if session.get("livemode") is not (self.mode == "Live"):
			raise BadAnswer(
				f"Stripe answered for a mode other than {self.mode}. Please check the Secret key."
			)
		event = read_entity(LABEL, session_event, session)
		return replace(event, reference=event.reference or payment.reference)

	def _refunds_of(self, session: dict[str, Any]) -> list[RefundEvent]:
		"""The refunds of a session; fetched only when its charge says that something was refunded."""
		intent = session.get("payment_intent")
		if not member(intent, "latest_charge", "amount_refunded"):
			return []
		refunds = self.client.refunds({"payment_intent": id_of(intent) or ""})
		return self.refunds_or_none(lambda: (read_entity(LABEL, refund_event, refund) for refund in refunds))

	# Refunds of a payment -------------------------------------------------------------------------

	def _send_refund(self, request: RefundRequest) -> RefundEvent:
		params, key = refund_params(request), f"refund-{request.key}"
		try:
			answer = self.client.create_refund(params, key)
		except ReplayedFailure:
			# The list says that the stored failure made no refund, and only another key gets past it.
			answer = self.client.create_refund(params, f"{key}-again")
		return read_entity(LABEL, refund_event, answer)

	def _find_refund(self, request: RefundRequest) -> RefundEvent:
		for refund in self.client.refunds(payment_of(request)):
			if member(refund, "metadata", REFUND_KEY) == request.key:
				return read_entity(LABEL, refund_event, refund)
		return RefundEvent(RefundOutcome.NOT_FOUND, key=request.key, payment_id=request.payment_id)
