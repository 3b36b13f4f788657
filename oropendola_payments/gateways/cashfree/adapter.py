"""Cashfree Payments, by REST with a pinned version: https://www.cashfree.com/docs/api-reference/payments/latest

Amounts are rupees, not paise. An order is open until it is paid or expires; every try to pay it has its own id, and only
a try with SUCCESS that is captured took money.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from urllib.parse import quote

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
from oropendola_payments.gateways.cashfree import notices as webhooks
from oropendola_payments.gateways.cashfree import order_pay
from oropendola_payments.gateways.cashfree.client import (
	LABEL,
	Client,
	is_public_key,
	is_unknown,
	json_of,
	refusal,
)
from oropendola_payments.gateways.cashfree.mapping import (
	ORDER_OUTCOMES,
	amount_of,
	currency_of,
	id_of,
	moment_of,
	payment_event,
	refund_event,
	unpaid_event,
)
from oropendola_payments.gateways.cashfree.payloads import order_fields
from oropendola_payments.gateways.errors import (
	BadAnswer,
	CredentialsRefused,
	GatewayRefused,
	MalformedNotice,
	MaybeSent,
)
from oropendola_payments.gateways.http import parse_object, short_text
from oropendola_payments.money import money_text, same_money

SCRIPT_HOST = "https://sdk.cashfree.com"
MONEY = (Outcome.PAID, Outcome.AUTHORIZED)


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
	simulator_secrets = {"key_id": "SIMCASHFREEAPP", "key_secret": "cfsk_ma_test_simulator_0000000000"}
	capabilities = Capabilities(
		currencies=frozenset({"INR"}),
		methods=("card", "upi", "netbanking", "wallet", "paylater", *order_pay.METHODS),
		flows=order_pay.FLOWS,
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
		"""Asks for an order that does not exist: only with right keys does Cashfree look for it."""
		if self._order("connectiontest0") is not None:
			raise BadAnswer(
				"Cashfree reports an order that was never created. Please check the API base address."
			)
		return "Cashfree accepts Client ID and Client Secret."

	@property
	def _client(self) -> Client:
		return Client(self)

	# Paying ---------------------------------------------------------------------------------------

	@classmethod
	def check_method(cls, method: str | None, details: Mapping[str, str]) -> None:
		refuse_card_data(details)
		order_pay.method_of(method, details)

	def create(self, request: PaymentRequest) -> Checkout:
		self.check_method(request.method, request.method_details)
		method = order_pay.method_of(_method_asked(request), request.method_details)
		order = self._open(request)
		hosted = self._hosted(order, request.flow)
		return self._pay_directly(request, method, hosted) if method else hosted

	def status(self, payment: PaymentRef) -> list[PaymentEvent | RefundEvent]:
		order = self._order(payment.reference)
		if order is None:
			return [PaymentEvent(Outcome.NOT_FOUND, payment.reference, payment.order_id)]
		order_id, tries = id_of(order.get("cf_order_id")), self._payments(payment.reference)
		events = [payment_event(one, payment.reference, order_id) for one in tries]
		money = [event for event in events if event.outcome in MONEY]
		# An order stays PAID whatever was sent back of it, so only a question of its own tells.
		if any(event.outcome is Outcome.PAID for event in money) and not self.is_fresh(payment):
			return [*money, *self.refunds_or_none(lambda: self._refund_events(payment.reference))]
		return money or [unpaid_event(order, tries, payment.reference, order_id)]

	def capture(self, payment: PaymentRef, event: PaymentEvent, key: str) -> PaymentEvent:
		wanted = money_text(event.amount or payment.amount, payment.currency)
		body = json_of({"action": "CAPTURE"}, amount=wanted)
		path = f"/orders/{_part(payment.reference)}/authorization"
		status, answer = self._client.ask("POST", path, key=key, data=body)
		if status < 400:
			return payment_event(answer, payment.reference, payment.order_id)
		# An earlier try may have captured it; only the order knows.
		taken = [known for known in self.status(payment) if known.outcome is Outcome.PAID]
		if not taken:
			raise refusal(answer)
		return taken[0]

	def cancel(self, payment: PaymentRef) -> PaymentEvent:
		path = f"/orders/{_part(payment.reference)}"
		status, answer = self._client.ask("PATCH", path, data=json_of({"order_status": "TERMINATED"}))
		if status >= 400:
			return self.status(payment)[0]  # paid, expired or ended before: that is the answer
		outcome = ORDER_OUTCOMES.get(short_text(answer.get("order_status")), Outcome.PENDING)
		return PaymentEvent(outcome, payment.reference, id_of(answer.get("cf_order_id")))

	def submit_otp(self, payment: PaymentRef, otp: str) -> OtpResult:
		if not order_pay.is_code(otp):
			return OtpResult(False, "A code consists of digits only. Please enter it as your bank sent it.")
		return self._authenticate(payment, otp)

	def resend_otp(self, payment: PaymentRef) -> OtpResult:
		return self._authenticate(payment, None)

	# Hearing --------------------------------------------------------------------------------------

	def verify(self, callback: Callback) -> None:
		"""The browser's return carries no signature, so it is let through as a doorbell."""
		if callback.kind == "return":
			return
		secrets = (self.secrets.get("key_secret", ""), self.secrets.get("webhook_secret_previous", ""))
		webhooks.check_signature(callback, secrets, self.now())

	def parse(self, callback: Callback) -> Notice:
		if callback.kind == "return":
			return Notice(reference=short_text(callback.query.get("attempt")), event_type="return")
		try:
			told = parse_object(callback.body, LABEL)
		except BadAnswer as error:
			raise MalformedNotice(str(error)) from error
		return webhooks.read(told, callback)

	# Giving back ----------------------------------------------------------------------------------

	def refund(self, request: RefundRequest) -> RefundEvent:
		note = (request.reason or "Refund").strip()[:100]
		fields = {
			"refund_id": request.key,
			"refund_note": note if len(note) >= 3 else "Refund",
			"refund_speed": "INSTANT" if request.speed == "instant" else "STANDARD",
		}
		body = json_of(fields, refund_amount=money_text(request.amount, request.currency))
		path = f"/orders/{_part(request.payment.reference)}/refunds"
		status, answer = self._client.ask("POST", path, key=request.key, data=body)
		if status < 400:
			return refund_event(answer, request.key)
		known = self.refund_status(request)  # an earlier try with this key may have come through
		if known.outcome is RefundOutcome.NOT_FOUND:
			raise refusal(answer)
		return known

	def refund_status(self, request: RefundRequest) -> RefundEvent:
		path = f"/orders/{_part(request.payment.reference)}/refunds/{_part(request.key)}"
		status, answer = self._client.ask("GET", path)
		if is_unknown(status, answer):
			return RefundEvent(RefundOutcome.NOT_FOUND, request.key, reference=request.payment.reference)
		if status >= 400:
			raise refusal(answer)
		return refund_event(answer, request.key)

	# Orders ---------------------------------------------------------------------------------------

	def _open(self, request: PaymentRequest) -> dict:
		body = json_of(
			order_fields(request, self.now()), order_amount=money_text(request.amount, request.currency)
		)
		status, order = self._client.ask("POST", "/orders", key=request.idempotency_key, data=body)
		if status == 409:
			order = self._same_order(request)
		elif status >= 400:
			raise refusal(order)
		session = short_text(order.get("payment_session_id"), 1000)
		if order.get("order_id") != request.reference or not session:
			raise BadAnswer("Cashfree opened the order without a payment session.")
		return order

	def _same_order(self, request: PaymentRequest) -> dict:
		"""The order that an earlier try of this very request opened, if it can still be paid."""
		order = self._order(request.reference) or {}
		amount, currency = amount_of(order.get("order_amount")), currency_of(order.get("order_currency"))
		is_same = amount and currency and same_money(amount, currency, request.amount, request.currency)
		if not is_same or order.get("order_status") != "ACTIVE":
			raise MaybeSent("Cashfree already has this order, so its status must be checked.")
		return order

	def _hosted(self, order: Mapping, flow: str = "redirect") -> Checkout:
		session = order["payment_session_id"]
		config = {
			"mode": "production" if self.mode == "Live" else "sandbox",
			"paymentSessionId": session,
			"redirectTarget": "_modal" if flow == "embedded" else "_self",
		}
		sdk = Sdk("cashfree", self.host("script") + "/js/v3/cashfree.js", config)
		expires_at = moment_of(order.get("order_expiry_time"))
		data = {"payment_session_id": session}
		return Checkout("sdk", id_of(order.get("cf_order_id")), sdk=sdk, expires_at=expires_at, data=data)

	def _pay_directly(self, request: PaymentRequest, method: dict, hosted: Checkout) -> Checkout:
		body = {"payment_session_id": hosted.data["payment_session_id"], "payment_method": method}
		key = f"{request.idempotency_key}-pay"
		try:
			status, answer = self._client.ask("POST", "/orders/sessions", key=key, data=json.dumps(body))
		except CredentialsRefused:
			status, answer = 403, {"code": "not_enabled"}
		if status < 400:
			return order_pay.checkout_of(answer, hosted)
		# The account may lack the flag for Order Pay; the same order can still be paid on the hosted page.
		return replace(hosted, data={**hosted.data, "order_pay_refused": short_text(answer.get("code"))})

	def _authenticate(self, payment: PaymentRef, otp: str | None) -> OtpResult:
		payment_id = id_of(payment.data.get("cf_payment_id")) or payment.payment_id
		if not payment_id:
			raise GatewayRefused("This payment is not waiting for a code. Please start it again.")
		path = f"/orders/pay/authenticate/{_part(payment_id)}"
		status, answer = self._client.ask("POST", path, data=json.dumps(order_pay.otp_request(otp)))
		return order_pay.otp_result(status, answer, short_text(payment.data.get("bank_page"), 2000))

	def _order(self, reference: str) -> dict | None:
		status, order = self._client.ask("GET", f"/orders/{_part(reference)}")
		if is_unknown(status, order):
			return None
		if status >= 400:
			raise refusal(order)
		if order.get("order_id") != reference:
			raise BadAnswer("Cashfree's answer is about a different order.")
		return order

	def _refund_events(self, reference: str) -> list[RefundEvent]:
		found = self._client.ask_list(f"/orders/{_part(reference)}/refunds")
		return [refund_event(entry, short_text(entry.get("refund_id"))) for entry in found]

	def _payments(self, reference: str) -> list[dict]:
		found = self._client.ask_list(f"/orders/{_part(reference)}/payments")
		return [entry for entry in found if entry.get("order_id") in (None, reference)]


def _part(text: str) -> str:
	return quote(text, safe="")


def _method_asked(request: PaymentRequest) -> str | None:
	return request.method or ("upi_intent" if request.flow == "upi" else None)
