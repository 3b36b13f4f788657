"""PayU's adapter: a form that the browser posts, and queries and refunds through the General API.

https://docs.payu.in/reference/_payment_payu_hosted_checkout. There is no call that opens a payment.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
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
from oropendola_payments.gateways.errors import BadAnswer, GatewayRefused, NotSent
from oropendola_payments.gateways.payouts import PayoutSource
from oropendola_payments.gateways.payu import notices, payouts
from oropendola_payments.gateways.payu.client import LABEL, Client
from oropendola_payments.gateways.payu.mapping import (
	CURRENCY,
	FAILURE_CLASSES,
	is_undecided,
	payment_event,
	refund_event,
	text_of,
)
from oropendola_payments.gateways.payu.payloads import form_fields, script_options
from oropendola_payments.money import money_text

SHARED_TEST_KEYS = frozenset({"JPM7Fg"})  # printed in PayU's samples
# Answers to a refund request, by error_code: https://docs.payu.in/docs/error-codes-for-refund-initiation
REFUND_ACCEPTED = frozenset({"", "100", "101", "102", "112", "122", "126", "127"})
REFUND_TOMORROW = frozenset({"225", "226"})
REFUND_AGAIN_LATER = frozenset({"120", "267", "302"})
REFUND_SAME_AMOUNT_TOO_SOON = "214"
REFUND_KNOWN = frozenset({"106", "109", "227", REFUND_SAME_AMOUNT_TOO_SOON})
MAX_TOKEN = 23


class PayU(Gateway):
	code = "payu"
	label = LABEL
	credentials = (
		Credential("key_id", "Merchant Key", help="Letters and digits; not the numeric merchant id."),
		Credential("key_secret", "Merchant Salt", help="The salt of the same mode as the key."),
		Credential(
			"webhook_secret_previous",
			"Previous salt",
			False,
			"Only while you change the salt: messages signed with the old one are still accepted.",
		),
	)
	failure_classes = FAILURE_CLASSES
	simulator_secrets = {"key_id": "SimPyU", "key_secret": "simulator-payu-salt-0001"}
	payout_file = payouts.FILE
	capabilities = Capabilities(
		payouts=True,
		currencies=frozenset({CURRENCY}),
		methods=("card", "upi", "netbanking", "wallet", "emi"),
		flows=("redirect", "embedded", "inline"),
		needs_phone=True,
		needs_email=True,
		browser_hosts=(
			"https://jssdk.payu.in",
			"https://jssdk-uat.payu.in",
			"https://secure.payu.in",
			"https://test.payu.in",
		),
	)
	hosts = {
		"Test": {
			"pay": "https://test.payu.in",
			"api": "https://test.payu.in",
			"script": "https://jssdk-uat.payu.in",
		},
		"Live": {
			"pay": "https://secure.payu.in",
			"api": "https://info.payu.in",
			"script": "https://jssdk.payu.in",
		},
	}

	@cached_property
	def client(self) -> Client:
		return Client(self)

	# Settings -------------------------------------------------------------------------------------

	@classmethod
	def credential_problems(cls, secrets: Mapping[str, str], mode: str) -> list[str]:
		key, salt = secrets.get("key_id") or "", secrets.get("key_secret") or ""
		problems = []
		if mode == "Live" and key in SHARED_TEST_KEYS:
			problems.append(
				"This Merchant Key is PayU's shared test key. Please use the key of your live account."
			)
		if mode != "Simulator" and cls.simulator_secrets["key_id"] == key:
			problems.append(
				"This Merchant Key only works with the simulator. Please use the key of your account."
			)
		if key.isdigit() and len(key) > 6:
			problems.append("This looks like the numeric merchant ID. Please copy the Merchant Key instead.")
		if any(character.isspace() or character == "|" for character in key + salt):
			problems.append("Key and salt have no spaces and no pipes. Please copy them again.")
		if salt and salt in (key, secrets.get("webhook_secret_previous")):
			problems.append(
				"The Merchant Salt is the same as another field. Please check that each value is in the right field."
			)
		return problems

	def test_connection(self) -> str:
		if not self.client.knows_keys():
			raise BadAnswer(
				"PayU answered without transaction details. Please try again, then ask PayU's support."
			)
		return f"PayU accepts the Merchant Key and the Merchant Salt in {self.mode} mode."

	# Payments -------------------------------------------------------------------------------------

	def create(self, request: PaymentRequest) -> Checkout:
		fields = form_fields(request, self.secrets)
		form = Form(f"{self.host('pay')}/_payment", fields)
		if request.flow not in ("embedded", "inline"):
			return Checkout("form", form=form)
		script = f"{self.host('script')}/bolt/bolt.min.js"
		return Checkout("sdk", sdk=Sdk("bolt", script, script_options(fields, request.flow)), form=form)

	def status(self, payment: PaymentRef) -> list[PaymentEvent | RefundEvent]:
		entry = self.client.transaction(payment.reference)
		if not isinstance(entry, Mapping):
			raise BadAnswer("PayU's answer does not contain this payment.")
		reference = text_of(entry.get("txnid")) or payment.reference
		event = payment_event(entry, reference, entry.get("transaction_amount"))
		if is_undecided(event, payment.created_at, self.now()):
			event = replace(event, outcome=Outcome.PENDING)
		if event.outcome is not Outcome.PAID or self.is_fresh(payment):
			return [event]  # `captured` stays captured whatever was refunded of it
		return [event, *self.refunds_or_none(lambda: self._refunds_of(payment.reference))]

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
			return self.refund_once(request, lambda: self._send_refund(request), may_exist=_may_exist)
		except GatewayRefused as refusal:
			if refusal.gateway_code == REFUND_SAME_AMOUNT_TOO_SOON:
				raise NotSent(
					"PayU accepts another refund of the same amount only after five minutes.",
					gateway_code=refusal.gateway_code,
				) from None
			if refusal.gateway_code in REFUND_KNOWN:
				raise BadAnswer(
					f"PayU says that it has this refund but does not show it. {refusal}",
					gateway_code=refusal.gateway_code,
				) from None
			raise

	def refund_status(self, request: RefundRequest) -> RefundEvent:
		"""Looks the refund up by our token, so a lost answer to the request does no harm."""
		lists = (
			lambda: self.client.refunds_of_payment(request.payment_id),
			lambda: self.client.refunds_of_reference(request.payment.reference),
		)
		for fetch in lists:
			for token, entry in fetch():
				if token == _token_of(request):
					return replace(refund_event(entry, request.key), reference=request.payment.reference)
		return RefundEvent(RefundOutcome.NOT_FOUND, key=request.key, payment_id=request.payment_id)

	def _send_refund(self, request: RefundRequest) -> RefundEvent:
		amount = money_text(request.amount, CURRENCY)
		answer = self.client.create_refund(request.payment_id, _token_of(request), amount)
		code, message = text_of(answer.get("error_code")), text_of(answer.get("msg"), 300)
		is_accepted = text_of(answer.get("status")) == "1" and code in REFUND_ACCEPTED
		if is_accepted or code in REFUND_TOMORROW:
			return _queued(request, answer, message)
		if code in REFUND_AGAIN_LATER and not _names_token(message):
			raise NotSent(f"PayU cannot make refunds at the moment: {message}", gateway_code=code)
		raise GatewayRefused(
			f"PayU refused the refund: {message or 'no reason given'}", gateway_code=code or None
		)

	def _refunds_of(self, reference: str) -> list[RefundEvent]:
		return [
			replace(refund_event(entry, token or None), reference=reference)
			for token, entry in self.client.refunds_of_reference(reference)
		]


def _may_exist(refusal: GatewayRefused) -> bool:
	"""Whether PayU refused a refund because it knows our token already: an earlier call arrived."""
	return refusal.gateway_code in REFUND_KNOWN or _names_token(str(refusal))


def _names_token(message: str) -> bool:
	return "token" in message.lower()


def _token_of(request: RefundRequest) -> str:
	return request.key[:MAX_TOKEN]


def _queued(request: RefundRequest, answer: Mapping[str, Any], message: str) -> RefundEvent:
	"""Accepted is not refunded: PayU only queues it."""
	refund_id = text_of(answer.get("request_id"), 64) or text_of(answer.get("txn_update_id"), 64)
	return RefundEvent(
		RefundOutcome.PROCESSING,
		key=request.key,
		refund_id=refund_id or None,
		payment_id=request.payment_id,
		reference=request.payment.reference,
		amount=request.amount,
		currency=CURRENCY,
		reason=message or None,
	)
