"""Razorpay's adapter: orders, their payments, captures and refunds.

https://razorpay.com/docs/api/orders, https://razorpay.com/docs/webhooks and https://razorpay.com/docs/api/refunds
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from typing import Any

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
from oropendola_payments.gateways.errors import BadAnswer, GatewayRefused
from oropendola_payments.gateways.parsing import matching, member, read_entity
from oropendola_payments.gateways.payouts import PayoutSource
from oropendola_payments.gateways.razorpay import notices, payouts
from oropendola_payments.gateways.razorpay.client import LABEL, Client, Unknown
from oropendola_payments.gateways.razorpay.mapping import (
	AMOUNT_DECIMALS,
	EXPONENTS,
	FAILURE_CLASSES,
	ID,
	exponent_of,
	payment_event,
	refund_event,
	was_never_captured,
)
from oropendola_payments.gateways.razorpay.payloads import (
	METHODS,
	form_fields,
	minor_of,
	order_fields,
	refund_fields,
	script_options,
)

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
	failure_classes = FAILURE_CLASSES
	simulator_secrets = {
		"key_id": "rzp_test_Simulator0001",
		"key_secret": "SimulatorRazorpayKeySecret",
		"webhook_secret": "simulator-razorpay-webhook-secret",
	}
	payout_file = payouts.FILE
	capabilities = Capabilities(
		payouts=True,
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
	amount_decimals = AMOUNT_DECIMALS

	@cached_property
	def client(self) -> Client:
		return Client(self)

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
		self.client.check_keys()
		return "Razorpay accepts the Key Id and the Key Secret."

	# Payments -------------------------------------------------------------------------------------

	def create(self, request: PaymentRequest) -> Checkout:
		wanted = order_fields(request)
		order = self.client.create_order(wanted)
		is_same = all(order.get(name) == wanted[name] for name in ("amount", "currency"))
		if not is_same or not matching(ID, order.get("id")):
			raise BadAnswer("Razorpay created a different order from the one requested.")
		key_id = self.secrets.get("key_id", "")
		script = f"{self.host('checkout')}/v1/checkout.js"
		return Checkout(
			next_action="sdk",
			order_id=order["id"],
			sdk=Sdk("razorpay", script, script_options(request, order, key_id)),
			form=Form(f"{self.host('api')}/v1/checkout/embedded", form_fields(request, order, key_id)),
		)

	def status(self, payment: PaymentRef) -> list[PaymentEvent | RefundEvent]:
		orders = [payment.order_id] if payment.order_id else self._orders_of(payment.reference)
		events = [event for order_id in orders for event in self._events_of(order_id, payment.reference)]
		return events or [PaymentEvent(Outcome.NOT_FOUND, reference=payment.reference)]

	def capture(self, payment: PaymentRef, event: PaymentEvent, key: str) -> PaymentEvent:
		payment_id = matching(ID, event.payment_id or payment.payment_id)
		if not payment_id:
			raise GatewayRefused("There is no Razorpay payment to capture.")
		entity = self.client.payment(payment_id)
		if entity.get("status") == "authorized":
			source: PaymentEvent | PaymentRef = event if event.amount else payment
			entity = self._capture(payment_id, source.amount or payment.amount, source.currency or "")
		return _with_reference(read_entity(LABEL, payment_event, entity), payment.reference)

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
		# How long Razorpay remembers an idempotency key is not documented, so the list comes first.
		return self.refund_once(
			request, lambda: self._send_refund(request), find=self._find_refund, find_first=True
		)

	def refund_status(self, request: RefundRequest) -> RefundEvent:
		if not request.refund_id:
			return self._find_refund(request)
		try:
			entity = self.client.refund(request.payment_id, request.refund_id)
		except Unknown:
			return RefundEvent(RefundOutcome.NOT_FOUND, key=request.key, payment_id=request.payment_id)
		return read_entity(LABEL, refund_event, entity)

	# Orders and their payments --------------------------------------------------------------------

	def _orders_of(self, reference: str) -> list[str]:
		ids = (matching(ID, order.get("id")) for order in self.client.orders(reference))
		return [order_id for order_id in ids if order_id]

	def _events_of(self, order_id: str, reference: str) -> list[PaymentEvent | RefundEvent]:
		try:
			payments = self.client.payments(order_id)
		except Unknown:
			return [PaymentEvent(Outcome.NOT_FOUND, reference=reference, order_id=order_id)]
		if not payments:
			return [PaymentEvent(Outcome.PENDING, reference=reference, order_id=order_id)]
		events = [_with_reference(read_entity(LABEL, payment_event, one), reference) for one in payments]
		refunds = (refund for one in payments for refund in self._refunds_of(one))
		return [*_without_returned_holds(events), *refunds]

	def _refunds_of(self, payment: Mapping[str, Any]) -> list[RefundEvent]:
		"""The refunds of a payment; fetched only when it says that something was refunded."""
		payment_id = matching(ID, payment.get("id"))
		if not payment_id or not payment.get("amount_refunded") or was_never_captured(payment):
			return []
		refunds = self.client.refunds(payment_id)
		return self.refunds_or_none(lambda: (read_entity(LABEL, refund_event, refund) for refund in refunds))

	def _capture(self, payment_id: str, amount: Decimal, currency: str) -> dict[str, Any]:
		try:
			return self.client.capture(payment_id, minor_of(amount, currency), currency)
		except GatewayRefused:
			# Somebody else, or Razorpay's own timer, may have captured it in between.
			entity = self.client.payment(payment_id)
			if entity.get("status") == "authorized":
				raise
			return entity

	# Refunds of a payment -------------------------------------------------------------------------

	def _send_refund(self, request: RefundRequest) -> RefundEvent:
		key = f"payment-refund-{request.key}"
		answer = self.client.create_refund(request.payment_id, refund_fields(request), key)
		return read_entity(LABEL, refund_event, answer)

	def _find_refund(self, request: RefundRequest) -> RefundEvent:
		for entity in self.client.refunds(request.payment_id):
			if request.key in (entity.get("receipt"), member(entity, "notes", "refund")):
				return read_entity(LABEL, refund_event, entity)
		return RefundEvent(RefundOutcome.NOT_FOUND, key=request.key, payment_id=request.payment_id)


def _without_returned_holds(events: list[PaymentEvent]) -> list[PaymentEvent]:
	"""The events of an order. A hold that was given back fails it only if no other payment took money or is under way."""
	goes_on = any(event.outcome in MONEY or event.details.get("status") == "created" for event in events)
	return [event for event in events if not (goes_on and event.outcome is Outcome.FAILED)]


def _with_reference(event: PaymentEvent, reference: str) -> PaymentEvent:
	# What the payment itself says comes first, so that another attempt's payment stays recognisable.
	return replace(event, reference=event.reference or reference)
