"""PhonePe's salt scheme (v1), for accounts without a Client ID: the same calls as Standard Checkout, on another wire."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

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
	RefundRequest,
)
from oropendola_payments.gateways.errors import BadAnswer, GatewayRefused, MaybeSent
from oropendola_payments.gateways.parsing import member, short_text, web_address
from oropendola_payments.gateways.phonepe.mapping import refusal
from oropendola_payments.gateways.phonepe.salt_scheme import notices
from oropendola_payments.gateways.phonepe.salt_scheme.client import SaltClient
from oropendola_payments.gateways.phonepe.salt_scheme.mapping import (
	UNKNOWN,
	UNSURE,
	payment_event,
	refund_event,
)
from oropendola_payments.gateways.phonepe.salt_scheme.payloads import order_body, payer_of, refund_body
from oropendola_payments.gateways.phonepe.salt_scheme.signature import check_checksum

REFUND_ANSWERS = ("PAYMENT_PENDING", "PAYMENT_ERROR", "PAYMENT_DECLINED")
# A failure by name, yet payments have come through after it: only past this age is it believed.
TIMED_OUT = "TIMED_OUT"
TIMED_OUT_IS_FINAL_AFTER = timedelta(minutes=20)


class SaltScheme:
	"""The product behind the credentials Merchant ID, Salt Key and Salt Index."""

	def __init__(self, gateway: Gateway):
		self.gateway = gateway
		self.merchant = gateway.secrets.get("legacy_id", "")
		self.client = SaltClient(gateway)

	def test_connection(self) -> str:
		"""Queries a payment that does not exist: the checksum is right when PhonePe looks for it."""
		code = short_text(self.client.state("CONNECTIONTEST").get("code"))
		if code != UNKNOWN:
			raise BadAnswer(
				f"PhonePe answered {code or 'without a code'}, so it is not known whether the keys work."
			)
		return "PhonePe accepts Merchant ID and Salt Key."

	def create(self, request: PaymentRequest) -> Checkout:
		answer = self.client.create_order(order_body(request, self.merchant))
		url = web_address(member(answer, "data", "instrumentResponse", "redirectInfo", "url"))
		if answer.get("success") is True and url:
			return Checkout("redirect", url=url, data={"user": payer_of(request)})
		if answer.get("code") == UNSURE or answer.get("success") is True:
			raise MaybeSent(
				"PhonePe does not say whether it opened the payment, so its status must be checked."
			)
		raise refusal(answer)

	def status(self, payment: PaymentRef) -> PaymentEvent:
		event = payment_event(self.client.state(payment.reference), payment.reference)
		if event.error_code == TIMED_OUT and self._is_old(payment):
			return PaymentEvent(Outcome.FAILED, payment.reference, error_code=TIMED_OUT, reason=event.reason)
		return event

	def refund(self, request: RefundRequest) -> RefundEvent:
		try:
			# A repeated refund may be refused as too much.
			return self.gateway.refund_once(request, lambda: self._send_refund(request))
		except GatewayRefused as refused:
			if refused.gateway_code != UNSURE:
				raise
			raise MaybeSent(
				"PhonePe does not say whether it accepted the refund, so its status must be checked."
			) from None

	def refund_status(self, request: RefundRequest) -> RefundEvent:
		return refund_event(self.client.state(request.key), request.key, request.payment.reference)

	def verify(self, callback: Callback) -> None:
		check_checksum(callback, self.gateway)

	def parse(self, body: Mapping[str, Any], query: Mapping[str, str]) -> Notice:
		return notices.parse(body, query, self.merchant)

	def _send_refund(self, request: RefundRequest) -> RefundEvent:
		answer = self.client.create_refund(refund_body(request, self.merchant))
		if answer.get("success") is True or answer.get("code") in REFUND_ANSWERS:
			return refund_event(answer, request.key, request.payment.reference)
		raise refusal(answer)

	def _is_old(self, payment: PaymentRef) -> bool:
		created_at = payment.created_at
		return created_at is not None and self.gateway.now() - created_at > TIMED_OUT_IS_FINAL_AFTER
