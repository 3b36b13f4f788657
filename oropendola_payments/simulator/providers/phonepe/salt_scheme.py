"""The calls of PhonePe's older salt scheme (v1); a part of the provider in `phonepe`."""

import base64
import binascii
import hashlib
import json
import re

from werkzeug.wrappers import Request, Response

from oropendola_payments.simulator.core import ledger as entries
from oropendola_payments.simulator.core.ledger import Charge, ExceedsRefundable, Order, Refund
from oropendola_payments.simulator.core.provider import Return

ID = re.compile(r"[A-Za-z0-9_-]{1,34}")
CODES = {
	entries.CAPTURED: "PAYMENT_SUCCESS",
	entries.FAILED: "PAYMENT_ERROR",
	entries.PENDING: "PAYMENT_PENDING",
}
REFUND_CODES = {
	entries.REFUNDED: "PAYMENT_SUCCESS",
	entries.REFUND_FAILED: "PAYMENT_ERROR",
	entries.REFUND_PENDING: "PAYMENT_PENDING",
}
STATES = {"PAYMENT_SUCCESS": "COMPLETED", "PAYMENT_ERROR": "FAILED", "PAYMENT_PENDING": "PENDING"}
INSTRUMENTS = {"upi": "UPI", "card": "CARD", "netbanking": "NETBANKING"}


class LegacyCalls:
	def legacy_routes(self):
		return [
			("POST", "/pg/v1/pay", self.legacy_create),
			("GET", "/pg/v1/status/<merchant>/<transaction>", self.legacy_status),
			("POST", "/pg/v1/refund", self.legacy_refund),
		]

	def legacy_create(self, request: Request) -> Response:
		told = self._unpacked(request, "/pg/v1/pay")
		if isinstance(told, Response):
			return told
		is_right = ID.fullmatch(str(told.get("merchantTransactionId"))) and _is_paise(told.get("amount"))
		instrument = (told.get("paymentInstrument") or {}).get("type")
		if not is_right or instrument != "PAY_PAGE" or told.get("redirectMode") not in ("REDIRECT", "POST"):
			return self._said("BAD_REQUEST", "Please check the inputs you have provided.", 400)
		if self.ledger.find_order_by_reference(told["merchantTransactionId"]):
			return self._said("BAD_REQUEST", "merchantTransactionId was used before", 400)
		order = self._open_legacy(told)
		address = {"redirectInfo": {"url": self.pay_url(order), "method": "GET"}, "type": "PAY_PAGE"}
		ids = {"merchantId": told["merchantId"], "merchantTransactionId": order.reference}
		return self._said(
			"PAYMENT_INITIATED", "Payment initiated", data={**ids, "instrumentResponse": address}
		)

	def legacy_status(self, request: Request, merchant: str, transaction: str) -> Response:
		path = f"/pg/v1/status/{merchant}/{transaction}"
		if request.headers.get("X-VERIFY") != self._checksum(path) or not self._is_ours(request, merchant):
			return self._said("AUTHORIZATION_FAILED", "Checksum or merchant is wrong", 401)
		refund = self.ledger.find_refund(key=transaction)
		if refund:
			self.end_due_refund(refund)
			return self._told(REFUND_CODES[refund.state], transaction, refund.refund_id, refund.amount_minor)
		order = self.ledger.find_order_by_reference(transaction)
		if order is None:
			return self._said("TRANSACTION_NOT_FOUND", "No entry found for given transaction id", 404)
		charges = self.ledger.charges_of(order)
		if not charges:
			return self._told("PAYMENT_PENDING", transaction, order.order_id, order.amount_minor)
		return self._told(*self._facts_of(order, charges[-1], "status"), method=charges[-1].method)

	def legacy_refund(self, request: Request) -> Response:
		told = self._unpacked(request, "/pg/v1/refund")
		if isinstance(told, Response):
			return told
		order = self.ledger.find_order_by_reference(str(told.get("originalTransactionId")))
		charge = (
			next((c for c in self.ledger.charges_of(order) if c.state == entries.CAPTURED), None)
			if order
			else None
		)
		key, paise = told.get("merchantTransactionId"), told.get("amount")
		if charge is None:
			return self._said("TRANSACTION_NOT_FOUND", "No payment with this originalTransactionId", 404)
		is_address = str(told.get("callbackUrl")).startswith(("https://", "http://"))
		is_right = ID.fullmatch(str(key)) and _is_paise(paise) and told.get("merchantUserId") and is_address
		if not is_right:
			return self._said("BAD_REQUEST", "Please check the inputs you have provided.", 400)
		if self.ledger.find_refund(key=key):
			return self._said(
				"EXCESS_REFUND_AMOUNT", "Refund amount is more than the transaction amount", 400
			)
		try:
			fields = {"callback_url": told["callbackUrl"]}
			refund = self.ledger.add_refund(
				charge, f"T{self.ledger.next_number()}", key, paise, fields=fields
			)
		except ExceedsRefundable:
			return self._said(
				"EXCESS_REFUND_AMOUNT", "Refund amount is more than the transaction amount", 400
			)
		return self._told("PAYMENT_PENDING", key, refund.refund_id, paise)

	def settle_legacy(self, order: Order, outcome: str, method: str) -> Return:
		if outcome == "cancel":
			outcome = "failure"  # the salt scheme has one try: leaving its page ends the payment
		charge = self.record_charge(order, f"T{self.ledger.next_number()}", outcome, method)
		if charge.state == entries.FAILED:
			order.state = entries.FAILED
		self.notify_payment(order, charge)
		if order.fields["redirect_mode"] == "REDIRECT":
			return Return("GET", order.fields["redirect_url"])
		code, transaction, provider_id, amount = self._facts_of(order, charge, "return")
		fields = {"code": code, "merchantId": self.config["merchant_id"], "transactionId": transaction}
		more = {"amount": str(amount), "providerReferenceId": provider_id}
		return Return("POST", order.fields["redirect_url"], {**fields, **more})

	def announce_legacy(self, order: Order, charge: Charge) -> None:
		if charge.state == entries.PENDING:
			return
		told = self._told(*self._facts_of(order, charge, "webhook"), method=charge.method)
		self._call_back(told, order.fields["callback_url"])

	def announce_legacy_refund(self, refund: Refund) -> None:
		told = self._told(REFUND_CODES[refund.state], refund.key, refund.refund_id, refund.amount_minor)
		self._call_back(told, refund.fields.get("callback_url"))

	def _call_back(self, told: Response, address: str | None) -> None:
		packed = base64.b64encode(told.get_data()).decode()
		headers = {"Content-Type": "application/json", "X-VERIFY": self._checksum(packed, "webhook")}
		self.send_webhook(json.dumps({"response": packed}).encode(), headers, address or None)

	def _open_legacy(self, told: dict) -> Order:
		return self.ledger.add_order(
			told["merchantTransactionId"],
			f"OML{self.ledger.next_number()}",
			told["amount"],
			"INR",
			is_legacy=True,
			redirect_url=told["redirectUrl"],
			redirect_mode=told["redirectMode"],
			callback_url=told.get("callbackUrl"),
		)

	def _facts_of(self, order: Order, charge: Charge, call: str) -> tuple[str, str, str, int]:
		return (
			CODES[charge.state],
			order.reference,
			charge.payment_id,
			self.reported_amount(call, charge.amount_minor),
		)

	def _told(self, code: str, transaction: str, provider_id: str, amount: int, method: str = "") -> Response:
		data = {
			"merchantId": self.config["merchant_id"],
			"merchantTransactionId": transaction,
			"transactionId": provider_id,
			"amount": amount,
			"state": STATES[code],
			"responseCode": "SUCCESS" if code == "PAYMENT_SUCCESS" else code,
			"paymentInstrument": {"type": INSTRUMENTS[method]} if method else None,
		}
		return self._said(code, "Your request has been processed.", data=data)

	def _said(self, code: str, message: str, status: int = 200, data: dict | None = None) -> Response:
		is_fine = code in ("PAYMENT_SUCCESS", "PAYMENT_INITIATED", "PAYMENT_PENDING")
		return self.answer({"success": is_fine, "code": code, "message": message, "data": data or {}}, status)

	def _unpacked(self, request: Request, path: str) -> dict | Response:
		told = request.get_json(silent=True)
		packed = told.get("request") if isinstance(told, dict) else None
		if not isinstance(packed, str) or request.headers.get("X-VERIFY") != self._checksum(packed + path):
			return self._said("AUTHORIZATION_FAILED", "Checksum is wrong", 401)
		try:
			inner = json.loads(base64.b64decode(packed, validate=True))
		except (binascii.Error, ValueError):
			return self._said("BAD_REQUEST", "The request is no base64 of JSON", 400)
		if not isinstance(inner, dict) or inner.get("merchantId") != self.config["merchant_id"]:
			return self._said("AUTHORIZATION_FAILED", "merchantId is wrong", 401)
		return inner

	def _is_ours(self, request: Request, merchant: str) -> bool:
		return merchant == self.config["merchant_id"] == request.headers.get("X-MERCHANT-ID")

	def _checksum(self, text: str, call: str = "") -> str:
		told = hashlib.sha256((text + str(self.config["salt_key"])).encode()).hexdigest()
		return (
			(self.reported_signature(call, told) if call else told) + "###" + str(self.config["salt_index"])
		)


def _is_paise(value) -> bool:
	return isinstance(value, int) and not isinstance(value, bool) and value >= 100
