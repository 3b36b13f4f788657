"""PhonePe's older salt scheme (v1): a base64 payload under an X-VERIFY checksum.

https://developer.phonepe.com/v1/reference/pay-api-1, /check-status-api-1, /refund-8, /server-to-server-callback-5
"""

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import timedelta
from urllib.parse import quote

from oropendola_payments.gateways.base import (
	Callback,
	Checkout,
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
	MalformedNotice,
	MaybeSent,
	NotSupported,
	SignatureError,
)
from oropendola_payments.gateways.http import member, parse_object, read_json, short_text
from oropendola_payments.gateways.phonepe.mapping import LABEL, address_of, paise_of, refusal, rupees_of

REFUSED_KEYS = "PhonePe refused the keys. Please check Merchant ID, Salt Key and Salt Index, and the mode."
UNKNOWN = "TRANSACTION_NOT_FOUND"
UNSURE = "INTERNAL_SERVER_ERROR"  # by PhonePe's own rule not a failure: ask again
OUTCOMES = {
	"PAYMENT_SUCCESS": Outcome.PAID,
	"PAYMENT_ERROR": Outcome.FAILED,
	"PAYMENT_DECLINED": Outcome.FAILED,
	UNKNOWN: Outcome.NOT_FOUND,
}
REFUND_OUTCOMES = {
	"PAYMENT_SUCCESS": RefundOutcome.REFUNDED,
	"PAYMENT_ERROR": RefundOutcome.FAILED,
	"PAYMENT_DECLINED": RefundOutcome.FAILED,
	UNKNOWN: RefundOutcome.NOT_FOUND,
}
REFUND_ANSWERS = ("PAYMENT_PENDING", "PAYMENT_ERROR", "PAYMENT_DECLINED")
# "TIMED_OUT" is a failure by name, yet payments have come through after it: only past this age is it believed.
TIMED_OUT_IS_FINAL_AFTER = timedelta(minutes=20)
REFUND_MARK = "refund"
ANSWERED = (200, 201, 202, 400, 404, 409, 410, 417, 422)


class SaltScheme:
	def __init__(self, gateway: Gateway):
		self.gateway = gateway
		self.merchant = gateway.secrets.get("legacy_id", "")
		self.salt = gateway.secrets.get("legacy_secret", "")
		self.index = gateway.secrets.get("legacy_version", "")

	def test_connection(self) -> str:
		"""Asks for a payment that does not exist: the checksum is right when PhonePe looks for it."""
		code = short_text(self._ask_state("CONNECTIONTEST").get("code"))
		if code != UNKNOWN:
			raise BadAnswer(
				f"PhonePe answered {code or 'without a code'}, so it is not known whether the keys work."
			)
		return "PhonePe accepts Merchant ID and Salt Key."

	def create(self, request: PaymentRequest) -> Checkout:
		answer = self._post("/pg/v1/pay", self._order(request))
		url = address_of(member(answer, "data", "instrumentResponse", "redirectInfo", "url"))
		if answer.get("success") is True and url:
			return Checkout("redirect", url=url, data={"user": _payer_of(request)})
		if answer.get("code") == UNSURE or answer.get("success") is True:
			raise MaybeSent(
				"PhonePe does not say whether it opened the payment, so its status must be checked."
			)
		raise refusal(answer)

	def status(self, payment: PaymentRef) -> PaymentEvent:
		event = self._event(self._ask_state(payment.reference), payment.reference)
		if event.error_code == "TIMED_OUT" and self._is_old(payment):
			return PaymentEvent(
				Outcome.FAILED, payment.reference, error_code=event.error_code, reason=event.reason
			)
		return event

	def refund(self, request: RefundRequest) -> RefundEvent:
		answer = self._post("/pg/v1/refund", self._refund_order(request))
		if answer.get("success") is True or answer.get("code") in REFUND_ANSWERS:
			return _refund_event(answer, request.key, request.payment.reference)
		known = self.refund_status(request)  # a repeated refund may be refused as too much
		if known.outcome is not RefundOutcome.NOT_FOUND:
			return known
		if answer.get("code") == UNSURE:
			raise MaybeSent(
				"PhonePe does not say whether it accepted the refund, so its status must be checked."
			)
		raise refusal(answer)

	def refund_status(self, request: RefundRequest) -> RefundEvent:
		return _refund_event(self._ask_state(request.key), request.key, request.payment.reference)

	def verify(self, callback: Callback) -> None:
		"""The checksum covers the base64 text as received, without a path."""
		received = callback.header("X-VERIFY")[:200].encode("utf-8", "replace")
		payload = parse_object(callback.body, LABEL).get("response")
		if not (self.salt and isinstance(payload, str) and payload.isascii()):
			raise SignatureError("PhonePe's callback contains nothing that can be verified.")
		if not hmac.compare_digest(self._checksum(payload).encode(), received):
			raise SignatureError("PhonePe's callback does not match its checksum. Please check the Salt Key.")

	def parse(self, body: dict, query: Mapping[str, str]) -> Notice:
		try:
			told = parse_object(base64.b64decode(body["response"], validate=True), LABEL)
		except (binascii.Error, ValueError) as error:
			raise MalformedNotice("PhonePe's callback is not base64.") from error
		if member(told, "data", "merchantId") != self.merchant:
			raise MalformedNotice("PhonePe's callback is for another merchant.")
		named = short_text(member(told, "data", "merchantTransactionId"))
		event = _refund_event(told, named) if REFUND_MARK in query else self._event(told, named)
		parts = (short_text(told.get("code")), named, short_text(member(told, "data", "transactionId")))
		return Notice(
			events=(event,) if named else (),
			verified=True,
			confirm=True,  # PhonePe wants the status asked after every callback
			reference=event.reference,
			event_key=hashlib.sha256(repr(parts).encode()).hexdigest(),
			event_type=parts[0] or "",
		)

	# Payloads -------------------------------------------------------------------------------------

	def _order(self, request: PaymentRequest) -> dict:
		if request.flow == "embedded":
			raise NotSupported("PhonePe's salt scheme opens its own page only. Please use the redirect flow.")
		return {
			"merchantId": self.merchant,
			"merchantTransactionId": request.reference,
			"merchantUserId": _payer_of(request),
			"amount": paise_of(request.amount, request.currency),
			"redirectUrl": request.return_url,
			"redirectMode": "REDIRECT",
			"callbackUrl": request.webhook_url,
			"paymentInstrument": {"type": "PAY_PAGE"},
		}

	def _refund_order(self, request: RefundRequest) -> dict:
		return {
			"merchantId": self.merchant,
			"merchantUserId": short_text(request.payment.data.get("user"))
			or _id_of(request.payment.reference),
			"originalTransactionId": request.payment.reference,
			"merchantTransactionId": request.key,
			"amount": paise_of(request.amount, request.currency),
			# A callback names its transaction only: the address tells that it is about a refund.
			"callbackUrl": f"{request.webhook_url}&{REFUND_MARK}=1",
		}

	def _event(self, told: Mapping, reference: str | None) -> PaymentEvent:
		code, state = short_text(told.get("code")), short_text(member(told, "data", "state"))
		outcome = OUTCOMES.get(code, Outcome.PENDING)
		payment_id = short_text(member(told, "data", "transactionId"))
		amount, reason = rupees_of(member(told, "data", "amount")), short_text(told.get("message"), 200)
		if outcome is Outcome.PAID and not (amount and payment_id and state in (None, "COMPLETED")):
			outcome, reason = (
				Outcome.PENDING,
				"PhonePe reports a successful payment without its amount.",
			)
		return PaymentEvent(
			outcome,
			reference,
			payment_id=payment_id if outcome is Outcome.PAID else None,
			amount=amount,
			currency="INR",
			method=short_text(member(told, "data", "paymentInstrument", "type"), 40),
			error_code=None if outcome is Outcome.PAID else code,
			reason=reason,
			details={
				"transaction_id": payment_id,
				"response": short_text(member(told, "data", "responseCode")),
			},
		)

	def _is_old(self, payment: PaymentRef) -> bool:
		created = payment.created_at
		return bool(created) and self.gateway.now() - created > TIMED_OUT_IS_FINAL_AFTER

	# Asking ---------------------------------------------------------------------------------------

	def _checksum(self, text: str) -> str:
		return hashlib.sha256((text + self.salt).encode()).hexdigest() + "###" + self.index

	def _post(self, path: str, payload: dict) -> dict:
		packed = base64.b64encode(json.dumps(payload).encode()).decode()
		return self._call("POST", path, self._checksum(packed + path), json={"request": packed})

	def _ask_state(self, transaction: str) -> dict:
		path = f"/pg/v1/status/{quote(self.merchant, safe='')}/{quote(transaction, safe='')}"
		answer = self._call("GET", path, self._checksum(path))
		told = member(answer, "data", "merchantTransactionId")
		if told not in (None, transaction):
			raise BadAnswer("PhonePe's answer is about a different payment.")
		return answer

	def _call(self, method: str, path: str, checksum: str, **options) -> dict:
		headers = {"X-VERIFY": checksum, "X-MERCHANT-ID": self.merchant, "Accept": "application/json"}
		url = self.gateway.host("legacy") + path
		http = self.gateway.http
		try:
			answer = read_json(
				http.call(method, url, label=LABEL, ok=ANSWERED, headers=headers, **options), LABEL
			)
		except CredentialsRefused as error:
			raise CredentialsRefused(REFUSED_KEYS) from error
		if answer.get("code") == "AUTHORIZATION_FAILED":
			raise CredentialsRefused(REFUSED_KEYS, gateway_code="AUTHORIZATION_FAILED")
		return answer


def _payer_of(request: PaymentRequest) -> str:
	return _id_of(request.customer.email.lower())


def _id_of(text: str) -> str:
	"""An id of the payer that gives away nothing about them."""
	return hashlib.sha256(text.encode()).hexdigest()[:32]


def _refund_event(told: Mapping, key: str | None, reference: str | None = None) -> RefundEvent:
	return RefundEvent(
		REFUND_OUTCOMES.get(short_text(told.get("code")), RefundOutcome.PROCESSING),
		key=key,
		refund_id=short_text(member(told, "data", "transactionId")),
		reference=reference,
		amount=rupees_of(member(told, "data", "amount")),
		currency="INR",
		reason=short_text(told.get("message"), 200),
	)
