"""Cashfree's adapter: orders, attempts to pay them, one-time codes, captures and refunds.

https://www.cashfree.com/docs/api-reference/payments/latest. Amounts are rupees, not paise. An order is open until it is
paid or expires; every attempt to pay it has its own id, and only one with SUCCESS that is captured took money.
"""

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
	Gateway,
	Notice,
	OtpResult,
	Outcome,
	PaymentEvent,
	PaymentRef,
	PaymentRequest,
	RefundEvent,
	RefundOutcome,
	RefundRequest,
	Sdk,
)
from oropendola_payments.gateways.cards import refuse_card_data
from oropendola_payments.gateways.cashfree import notices, payouts
from oropendola_payments.gateways.cashfree.client import (
	LABEL,
	Client,
	StoredFailure,
	is_key_reused,
	is_unknown,
	refusal,
)
from oropendola_payments.gateways.cashfree.mapping import (
	FAILURE_CLASSES,
	ORDER_OUTCOMES,
	amount_of,
	checkout_of,
	currency_of,
	id_of,
	otp_result,
	payment_event,
	refund_event,
	unpaid_event,
)
from oropendola_payments.gateways.cashfree.payloads import (
	DIRECT_METHODS,
	capture_body,
	is_code,
	method_of,
	order_body,
	otp_body,
	refund_body,
)
from oropendola_payments.gateways.cashfree.signature import is_public_key
from oropendola_payments.gateways.errors import BadAnswer, CredentialsRefused, GatewayRefused, MaybeSent
from oropendola_payments.gateways.parsing import iso_time, short_text
from oropendola_payments.gateways.payouts import PayoutSource
from oropendola_payments.money import same_money

SCRIPT_HOST = "https://sdk.cashfree.com"
MONEY = (Outcome.PAID, Outcome.AUTHORIZED)
# Cashfree's page instead of ours, or over it; a UPI app at once; an order whose method comes later, as in the two-step calls.
FLOWS = ("redirect", "embedded", "upi", "otp")


class Cashfree(Gateway):
	code = "cashfree"
	label = LABEL
	credentials = (
		Credential("key_id", "Client ID", help="Also called App ID."),
		Credential("key_secret", "Client Secret", help="Also called Secret Key. It signs the webhooks too."),
		Credential(
			"webhook_secret_previous", "Previous Client Secret", False, "Only while you change the secret."
		),
		Credential(
			"public_key", "Public Key", False, "Only if two-factor authentication by public key is on."
		),
	)
	failure_classes = FAILURE_CLASSES
	simulator_secrets = {"key_id": "SIMCASHFREEAPP", "key_secret": "cfsk_ma_test_simulator_0000000000"}
	payout_file = payouts.FILE
	capabilities = Capabilities(
		payouts=True,
		currencies=frozenset({"INR"}),
		methods=("card", "upi", "netbanking", "wallet", "paylater"),
		direct_methods=DIRECT_METHODS,
		flows=FLOWS,
		instant_refunds=True,
		capture=True,
		cancel=True,
		otp=True,
		needs_phone=True,
		minimum={"INR": Decimal("1.00")},
		browser_hosts=(SCRIPT_HOST, "https://api.cashfree.com", "https://sandbox.cashfree.com"),
	)
	hosts = {
		"Test": {"api": "https://sandbox.cashfree.com", "script": SCRIPT_HOST},
		"Live": {"api": "https://api.cashfree.com", "script": SCRIPT_HOST},
	}

	@cached_property
	def client(self) -> Client:
		return Client(self)

	# Settings -------------------------------------------------------------------------------------

	@classmethod
	def credential_problems(cls, secrets: Mapping[str, str], mode: str) -> list[str]:
		problems, secret = [], secrets.get("key_secret", "")
		is_test = secret.startswith("cfsk_ma_test_") or secrets.get("key_id", "").startswith("TEST")
		if mode == "Live" and is_test:
			problems.append(
				"These are keys of Cashfree's sandbox. Please enter the production keys for Live mode."
			)
		if mode == "Test" and secret.startswith("cfsk_ma_prod_"):
			problems.append(
				"This is a production Client Secret. Please enter the sandbox keys for Test mode."
			)
		if secrets.get("public_key") and not is_public_key(secrets["public_key"]):
			problems.append(
				"The Public Key cannot be read. Please paste the whole .pem file from the dashboard."
			)
		return problems

	@classmethod
	def is_retryable_decline(cls, error_code: str) -> bool:
		return True

	def test_connection(self) -> str:
		"""Queries an order that does not exist: only with right keys does Cashfree look for it."""
		if self.client.order("connectiontest0") is not None:
			raise BadAnswer(
				"Cashfree reports an order that was never created. Please check the API base address."
			)
		return "Cashfree accepts Client ID and Client Secret."

	# Payments -------------------------------------------------------------------------------------

	@classmethod
	def check_method(cls, method: str | None, details: Mapping[str, str]) -> None:
		refuse_card_data(details)
		method_of(method, details)

	def create(self, request: PaymentRequest) -> Checkout:
		self.check_method(request.method, request.method_details)
		method = method_of(_method_in(request), request.method_details)
		hosted = self._hosted(self._open(request), request.flow)
		return self._pay_directly(request, method, hosted) if method else hosted

	def status(self, payment: PaymentRef) -> list[PaymentEvent | RefundEvent]:
		order = self.client.order(payment.reference)
		if order is None:
			return [PaymentEvent(Outcome.NOT_FOUND, payment.reference, payment.order_id)]
		order_id, attempts = id_of(order.get("cf_order_id")), self.client.payments(payment.reference)
		events = [payment_event(attempt, payment.reference, order_id) for attempt in attempts]
		money = [event for event in events if event.outcome in MONEY]
		if not money:
			return [unpaid_event(order, attempts, payment.reference, order_id)]
		# An order stays PAID whatever was refunded of it, so only a call of its own finds refunds.
		if any(event.outcome is Outcome.PAID for event in money) and not self.is_fresh(payment):
			return [*money, *self.refunds_or_none(lambda: self._refunds_of(payment.reference))]
		return [*money]

	def capture(self, payment: PaymentRef, event: PaymentEvent, key: str) -> PaymentEvent:
		try:
			return self._capture(payment, event, key)
		except StoredFailure:
			known = {one.outcome: one for one in self.payment_events(payment)}
			if Outcome.PAID in known:
				return known[Outcome.PAID]
			if Outcome.AUTHORIZED not in known:
				raise
			return self._capture(payment, event, self._another_key(key))

	def _capture(self, payment: PaymentRef, event: PaymentEvent, key: str) -> PaymentEvent:
		status, answer = self.client.capture(payment.reference, capture_body(payment, event), key)
		if status < 400:
			return payment_event(answer, payment.reference, payment.order_id)
		# An earlier call may have captured it; only the order knows.
		captured = [known for known in self.payment_events(payment) if known.outcome is Outcome.PAID]
		if not captured:
			raise refusal(answer)
		return captured[0]

	def cancel(self, payment: PaymentRef) -> PaymentEvent:
		status, answer = self.client.terminate_order(payment.reference)
		if status >= 400:
			return self.payment_events(payment)[0]  # paid, expired or ended before: that is the answer
		order_status = short_text(answer.get("order_status"))
		if (
			order_status == "PAID"
		):  # the customer was faster, and the order itself does not say how much it was
			events = self.payment_events(payment)
			return next((e for e in events if e.outcome in (Outcome.PAID, Outcome.AUTHORIZED)), events[0])
		outcome = ORDER_OUTCOMES.get(order_status, Outcome.PENDING)
		return PaymentEvent(outcome, payment.reference, id_of(answer.get("cf_order_id")))

	def submit_otp(self, payment: PaymentRef, otp: str) -> OtpResult:
		if not is_code(otp):
			return OtpResult(False, "A code consists of digits only. Please enter it as your bank sent it.")
		return self._authenticate(payment, otp)

	def resend_otp(self, payment: PaymentRef) -> OtpResult:
		return self._authenticate(payment, None)

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
		return self.refund_once(request, lambda: self._send_refund(request))

	def refund_status(self, request: RefundRequest) -> RefundEvent:
		status, answer = self.client.refund(request.payment.reference, request.key)
		if is_unknown(status, answer):
			return RefundEvent(RefundOutcome.NOT_FOUND, request.key, reference=request.payment.reference)
		if status >= 400:
			raise refusal(answer)
		return refund_event(answer, request.key)

	def _send_refund(self, request: RefundRequest) -> RefundEvent:
		try:
			return self._refund_under(request.key, request)
		except StoredFailure:
			# Right after the first request Cashfree may still be at work, and its id alone would prevent a second refund.
			if not request.sent_before:
				raise
			return self._refund_under(self._another_key(request.key), request)

	def _another_key(self, key: str) -> str:
		"""A key that gets past a failure stored for the first one. It changes by the hour, because its own may be stored too."""
		return f"{key}-{self.now():%Y%m%d%H}"

	def _refund_under(self, key: str, request: RefundRequest) -> RefundEvent:
		status, answer = self.client.create_refund(request.payment.reference, refund_body(request), key)
		if status >= 400:
			raise refusal(answer)
		return refund_event(answer, request.key)

	def _refunds_of(self, reference: str) -> list[RefundEvent]:
		refunds = self.client.refunds(reference)
		return [refund_event(refund, short_text(refund.get("refund_id"))) for refund in refunds]

	# Orders ---------------------------------------------------------------------------------------

	def _open(self, request: PaymentRequest) -> dict[str, Any]:
		status, order = self.client.create_order(order_body(request, self.now()), request.idempotency_key)
		if status == 409 or is_key_reused(status, order):
			# A repetition has another expiry, so that under the same key it is another request to Cashfree.
			order = self._same_order(request)
		elif status >= 400:
			raise refusal(order)
		session = short_text(order.get("payment_session_id"), 1000)
		if order.get("order_id") != request.reference or not session:
			raise BadAnswer("Cashfree opened the order without a payment session.")
		return order

	def _same_order(self, request: PaymentRequest) -> dict[str, Any]:
		"""The order that an earlier call for this very request opened, if it can still be paid."""
		order = self.client.order(request.reference) or {}
		amount, currency = amount_of(order.get("order_amount")), currency_of(order.get("order_currency"))
		is_same = amount and currency and same_money(amount, currency, request.amount, request.currency)
		if not is_same or order.get("order_status") != "ACTIVE":
			raise MaybeSent("Cashfree already has this order, so its status must be checked.")
		return order

	def _hosted(self, order: Mapping[str, Any], flow: str = "redirect") -> Checkout:
		"""The order on Cashfree's own page."""
		session = order["payment_session_id"]
		config = {
			"mode": "production" if self.mode == "Live" else "sandbox",
			"paymentSessionId": session,
			"redirectTarget": "_modal" if flow == "embedded" else "_self",
		}
		sdk = Sdk("cashfree", self.host("script") + "/js/v3/cashfree.js", config)
		expires_at = iso_time(order.get("order_expiry_time"))
		data = {"payment_session_id": session}
		return Checkout("sdk", id_of(order.get("cf_order_id")), sdk=sdk, expires_at=expires_at, data=data)

	def _pay_directly(self, request: PaymentRequest, method: dict[str, Any], hosted: Checkout) -> Checkout:
		"""The order by Order Pay: one method without the hosted page."""
		body = {"payment_session_id": hosted.data["payment_session_id"], "payment_method": method}
		try:
			status, answer = self.client.pay(body, f"{request.idempotency_key}-pay")
		except CredentialsRefused:
			status, answer = 403, {"code": "not_enabled"}
		if status < 400:
			return checkout_of(answer, hosted)
		# The account may lack the flag for Order Pay; the same order can still be paid on the hosted page.
		return replace(hosted, data={**hosted.data, "order_pay_refused": short_text(answer.get("code"))})

	def _authenticate(self, payment: PaymentRef, otp: str | None) -> OtpResult:
		"""The bank makes, sends and checks the code; we only pass it on."""
		payment_id = id_of(payment.data.get("cf_payment_id")) or payment.payment_id
		if not payment_id:
			raise GatewayRefused("This payment is not waiting for a code. Please start it again.")
		status, answer = self.client.authenticate(payment_id, otp_body(otp))
		return otp_result(status, answer, short_text(payment.data.get("bank_page"), 2000))


def _method_in(request: PaymentRequest) -> str | None:
	return request.method or ("upi_intent" if request.flow == "upi" else None)
