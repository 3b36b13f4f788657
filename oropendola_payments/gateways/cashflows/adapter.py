"""Cashflows' adapter: payment jobs on its hosted page, their captures and refunds.

https://developer.cashflows.com/api_reference/cashflows_gateway.html and /integration_guides/hosted_payment_page.html
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
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
)
from oropendola_payments.gateways.cashflows import notices, payouts
from oropendola_payments.gateways.cashflows.client import LABEL, Client
from oropendola_payments.gateways.cashflows.mapping import (
	FAILURE_CLASSES,
	job_events,
	own_refund_event,
	payment_event,
	reference_in,
	refund_in,
)
from oropendola_payments.gateways.cashflows.payloads import capture_body, job_body, refund_body
from oropendola_payments.gateways.errors import (
	BadAnswer,
	CredentialsRefused,
	GatewayRefused,
	MaybeSent,
	NotSent,
)
from oropendola_payments.gateways.parsing import member

OPEN_FOR = timedelta(hours=24)  # Cashflows' own default is six months
# From integrators; which of them an account takes is in the Portal.
CURRENCIES = frozenset("AUD CAD CHF DKK EUR GBP HKD JPY NOK NZD SEK SGD USD ZAR".split())  # noqa: SIM905


class Cashflows(Gateway):
	code = "cashflows"
	label = LABEL
	credentials = (
		Credential("key_id", "Configuration ID"),
		Credential("key_secret", "API key", help="Also called API password in the Portal."),
		Credential(
			"webhook_secret",
			"Webhook shared secret (our own)",
			False,
			"Leave this empty: Cashflows does not sign webhooks. Only for your own proxy that signs with X-Signature.",
		),
		Credential(
			"webhook_secret_previous", "Previous webhook shared secret", False, "Only while you change it."
		),
	)
	failure_classes = FAILURE_CLASSES
	simulator_secrets = {
		"key_id": "210101010101010101",
		"key_secret": "simulator-cashflows-api-key-not-real",
	}
	payout_file = payouts.FILE
	capabilities = Capabilities(currencies=CURRENCIES, methods=("card",), capture=True, cancel=True)
	answer_names = {
		"payment_job_reference": "order_id",
		"payment_reference": "payment_id",
		"action_url": "url",
	}
	hosts = {
		"Test": {"api": "https://gateway-int.cashflows.com"},
		"Live": {"api": "https://gateway.cashflows.com"},
	}

	@cached_property
	def client(self) -> Client:
		return Client(self)

	# Settings -------------------------------------------------------------------------------------

	@classmethod
	def credential_problems(cls, secrets: Mapping[str, str], mode: str) -> list[str]:
		problems = []
		key_id, key_secret = secrets.get("key_id") or "", secrets.get("key_secret") or ""
		if re.fullmatch(r"[0-9A-Fa-f]{128}", key_secret):
			problems.append(
				"This looks like a hash of the API key. Please enter the API key itself, from the Portal."
			)
		if key_id and key_id == key_secret:
			problems.append(
				"Configuration ID and API key are the same. Please copy the API key from the Portal."
			)
		if any(text != text.strip() or "\n" in text for text in (key_id, key_secret)):
			problems.append("The Configuration ID or the API key has spaces around it. Please remove them.")
		return problems

	def is_suspended(self) -> bool:
		return self.client.is_suspended()

	@classmethod
	def is_retryable_decline(cls, error_code: str) -> bool:
		return error_code not in ("Expired", "Cancelled")

	def test_connection(self) -> str:
		# A person tests the keys, perhaps after unlocking the account: one more call is wanted.
		self.client.end_suspension()
		if not self.client.knows_configuration():
			raise CredentialsRefused(
				f"Cashflows does not know the Configuration ID on its {self.mode} address. Please check that the keys"
				" are those of this mode.",
				gateway_code="configuration_unknown",
			)
		return f"Cashflows accepts the Configuration ID and the API key ({self.mode})."

	# Payments -------------------------------------------------------------------------------------

	def create(self, request: PaymentRequest) -> Checkout:
		expires_at = self.now() + OPEN_FOR
		try:
			answer = self.client.create_job(job_body(request, expires_at))
		except MaybeSent:
			# Cashflows has no idempotency key, but can say whether it knows the order number.
			if self.client.has_order(request.reference):
				raise
			raise NotSent("Cashflows did not answer and has no such order. Please try again.") from None
		order_id, url = (
			reference_in(member(answer, "data", "reference")),
			member(answer, "links", "action", "url"),
		)
		if not order_id or not isinstance(url, str) or not url.startswith(("https://", self.host())):
			raise BadAnswer(
				"Cashflows opened a payment job without a reference or without a page to pay it on."
			)
		return Checkout(next_action="redirect", order_id=order_id, url=url, expires_at=expires_at)

	def status(self, payment: PaymentRef) -> list[PaymentEvent | RefundEvent]:
		"""What the payment job says, refunds behind payments. Without its reference only whether Cashflows knows our order number."""
		order_id = payment.order_id
		if not order_id:
			return [self._status_by_order_number(payment)]
		job = self.client.job(order_id)
		if job is None:
			return [PaymentEvent(Outcome.NOT_FOUND, order_id=order_id)]
		return job_events(job, lambda reference: self.client.payment(order_id, reference))

	def capture(self, payment: PaymentRef, event: PaymentEvent, key: str) -> PaymentEvent:
		"""Take a reserved amount. There is no idempotency key, so what was taken already is looked up first."""
		order_id, payment_id = payment.order_id, event.payment_id or payment.payment_id
		if not order_id or not payment_id:
			raise GatewayRefused("This payment has no Cashflows payment job, so it cannot be captured.")
		job = self.client.job(order_id)
		if job is None:
			raise GatewayRefused("Cashflows does not know the payment job.")
		before = payment_event(self.client.payment(order_id, payment_id), job)
		if before.outcome is not Outcome.AUTHORIZED:
			return before
		try:
			self.client.capture(order_id, payment_id, capture_body(before))
		except CredentialsRefused:
			raise
		except GatewayRefused:
			after = payment_event(self.client.payment(order_id, payment_id), job)
			if after.outcome is Outcome.AUTHORIZED:
				raise
			return after
		return payment_event(self.client.payment(order_id, payment_id), job)

	def cancel(self, payment: PaymentRef) -> PaymentEvent:
		"""Close the job; its state afterwards, which may be that it was paid a moment earlier."""
		if not payment.order_id:
			# Its creation was not answered: nobody has the page to pay on.
			event = self._status_by_order_number(payment)
			is_unpaid = event.outcome in (Outcome.PENDING, Outcome.NOT_FOUND)
			return replace(event, outcome=Outcome.CANCELLED) if is_unpaid else event
		try:
			self.client.cancel_job(payment.order_id)
		except CredentialsRefused:
			raise
		except GatewayRefused as refusal:
			if refusal.gateway_code != "InvalidPaymentStatus":
				raise
		events = self.payment_events(payment)
		return next((e for e in events if e.outcome in (Outcome.PAID, Outcome.AUTHORIZED)), events[-1])

	def _status_by_order_number(self, payment: PaymentRef) -> PaymentEvent:
		"""A create that was not answered: nobody ever got the page to pay on, so the job can only expire."""
		outcome = Outcome.NOT_FOUND
		if payment.reference and self.client.has_order(payment.reference):
			is_over = payment.created_at is not None and payment.created_at < self.now() - OPEN_FOR
			outcome = Outcome.EXPIRED if is_over else Outcome.PENDING
		return PaymentEvent(outcome, reference=payment.reference)

	# Returns and webhooks -------------------------------------------------------------------------

	def verify(self, callback: Callback) -> None:
		notices.verify(callback, self)

	def parse(self, callback: Callback) -> Notice:
		return notices.parse(callback)

	# Refunds --------------------------------------------------------------------------------------

	def refund(self, request: RefundRequest) -> RefundEvent:
		# Cashflows would refund a repeated request twice. And an error report can come along with a refund that was made.
		return self.refund_once(request, lambda: self._send_refund(request), find_first=True)

	def refund_status(self, request: RefundRequest) -> RefundEvent:
		payment = self.client.payment(_job_of(request), request.payment_id)
		refund = refund_in(payment, request)
		if refund is None:
			return RefundEvent(RefundOutcome.NOT_FOUND, key=request.key, payment_id=request.payment_id)
		return own_refund_event(refund, request)

	def _send_refund(self, request: RefundRequest) -> RefundEvent:
		refund = self.client.create_refund(_job_of(request), request.payment_id, refund_body(request))
		return own_refund_event(refund, request)


def _job_of(request: RefundRequest) -> str:
	if not request.payment.order_id:
		raise GatewayRefused("This payment has no Cashflows payment job, so it cannot be refunded.")
	return request.payment.order_id
