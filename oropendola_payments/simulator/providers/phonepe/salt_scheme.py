"""PhonePe's older API (v1), whose calls are signed with a salt."""

import base64
import binascii
import hashlib
import json
import re

from werkzeug.wrappers import Request, Response

from oropendola_payments.simulator.core import ledger
from oropendola_payments.simulator.core.ledger import Charge, ExceedsRefundable, Order, Refund
from oropendola_payments.simulator.core.provider import Return
from oropendola_payments.simulator.providers.phonepe import wire

ID = re.compile(r"[A-Za-z0-9_-]{1,34}")
CODES = {
	ledger.CAPTURED: "PAYMENT_SUCCESS",
	ledger.FAILED: "PAYMENT_ERROR",
	ledger.PENDING: "PAYMENT_PENDING",
}
REFUND_CODES = {
	ledger.REFUNDED: "PAYMENT_SUCCESS",
	ledger.REFUND_FAILED: "PAYMENT_ERROR",
	ledger.REFUND_PENDING: "PAYMENT_PENDING",
}
STATES = {"PAYMENT_SUCCESS": "COMPLETED", "PAYMENT_ERROR": "FAILED", "PAYMENT_PENDING": "PENDING"}
INSTRUMENTS = {"upi": "UPI", "card": "CARD", "netbanking": "NETBANKING"}


class SaltScheme:
	def legacy_routes(self):
		return [
			("POST", "/pg/v1/pay", self.legacy_create),
			("GET", "/pg/v1/status/<merchant>/<transaction>", self.legacy_status),
			("POST", "/pg/v1/refund", self.legacy_refund),
		]

	def legacy_create(self, request: Request) -> Response:
		params = self._read_legacy(request, "/pg/v1/pay")
		if isinstance(params, Response):
			return params
		is_valid = ID.fullmatch(str(params.get("merchantTransactionId"))) and wire.is_amount(
			params.get("amount")
		)
		instrument = (params.get("paymentInstrument") or {}).get("type")
		if not is_valid or instrument != "PAY_PAGE" or params.get("redirectMode") not in ("REDIRECT", "POST"):
			return self._legacy_response("BAD_REQUEST", "Please check the inputs you have provided.", 400)
		if self.ledger.find_order_by_reference(params["merchantTransactionId"]):
			return self._legacy_response("BAD_REQUEST", "merchantTransactionId was used before", 400)
		order = self._open_legacy(params)
		instrument_response = {
			"redirectInfo": {"url": self.pay_url(order), "method": "GET"},
			"type": "PAY_PAGE",
		}
		ids = {"merchantId": params["merchantId"], "merchantTransactionId": order.reference}
		return self._legacy_response(
			"PAYMENT_INITIATED", "Payment initiated", data={**ids, "instrumentResponse": instrument_response}
		)

	def legacy_status(self, request: Request, merchant: str, transaction: str) -> Response:
		path = f"/pg/v1/status/{merchant}/{transaction}"
		if request.headers.get("X-VERIFY") != self._checksum(path) or not self._is_known(request, merchant):
			return self._legacy_response("AUTHORIZATION_FAILED", "Checksum or merchant is wrong", 401)
		refund = self.ledger.find_refund(key=transaction)
		if refund:
			self.end_due_refund(refund)
			return self._payment_response(
				REFUND_CODES[refund.state], transaction, refund.refund_id, refund.amount_minor
			)
		order = self.ledger.find_order_by_reference(transaction)
		if order is None:
			return self._legacy_response(
				"TRANSACTION_NOT_FOUND", "No entry found for given transaction id", 404
			)
		charges = self.ledger.charges_of(order)
		if not charges:
			return self._payment_response("PAYMENT_PENDING", transaction, order.order_id, order.amount_minor)
		return self._payment_response(
			*self._result_of(order, charges[-1], "status"), method=charges[-1].method
		)

	def legacy_refund(self, request: Request) -> Response:
		params = self._read_legacy(request, "/pg/v1/refund")
		if isinstance(params, Response):
			return params
		order = self.ledger.find_order_by_reference(str(params.get("originalTransactionId")))
		charge = (
			next((c for c in self.ledger.charges_of(order) if c.state == ledger.CAPTURED), None)
			if order
			else None
		)
		key, paise = params.get("merchantTransactionId"), params.get("amount")
		if charge is None:
			return self._legacy_response(
				"TRANSACTION_NOT_FOUND", "No payment with this originalTransactionId", 404
			)
		is_address = str(params.get("callbackUrl")).startswith(("https://", "http://"))
		is_valid = (
			ID.fullmatch(str(key)) and wire.is_amount(paise) and params.get("merchantUserId") and is_address
		)
		if not is_valid:
			return self._legacy_response("BAD_REQUEST", "Please check the inputs you have provided.", 400)
		if self.ledger.find_refund(key=key):
			return self._legacy_response(
				"EXCESS_REFUND_AMOUNT", "Refund amount is more than the transaction amount", 400
			)
		try:
			fields = {"callback_url": params["callbackUrl"]}
			refund = self.ledger.add_refund(
				charge, f"T{self.ledger.next_number()}", key, paise, fields=fields
			)
		except ExceedsRefundable:
			return self._legacy_response(
				"EXCESS_REFUND_AMOUNT", "Refund amount is more than the transaction amount", 400
			)
		return self._payment_response("PAYMENT_PENDING", key, refund.refund_id, paise)

	def complete_legacy_checkout(self, order: Order, outcome: str, method: str) -> Return:
		if outcome == "cancel":
			outcome = "failure"  # this API allows one attempt, so leaving its page ends the payment
		charge = self.record_charge(order, f"T{self.ledger.next_number()}", outcome, method)
		if charge.state == ledger.FAILED:
			order.state = ledger.FAILED
		self.notify_payment(order, charge)
		if order.fields["redirect_mode"] == "REDIRECT":
			return Return("GET", order.fields["redirect_url"])
		code, transaction, provider_id, amount = self._result_of(order, charge, "return")
		fields = {"code": code, "merchantId": self.config["merchant_id"], "transactionId": transaction}
		more = {"amount": str(amount), "providerReferenceId": provider_id}
		return Return("POST", order.fields["redirect_url"], {**fields, **more})

	def notify_legacy_payment(self, order: Order, charge: Charge) -> None:
		if charge.state == ledger.PENDING:
			return
		response = self._payment_response(*self._result_of(order, charge, "webhook"), method=charge.method)
		self._call_back(response, order.fields["callback_url"])

	def notify_legacy_refund(self, refund: Refund) -> None:
		response = self._payment_response(
			REFUND_CODES[refund.state], refund.key, refund.refund_id, refund.amount_minor
		)
		self._call_back(response, refund.fields.get("callback_url"))

	def _call_back(self, response: Response, address: str | None) -> None:
		packed = base64.b64encode(response.get_data()).decode()
		headers = {"Content-Type": "application/json", "X-VERIFY": self._checksum(packed, "webhook")}
		self.send_webhook(json.dumps({"response": packed}).encode(), headers, address or None)

	def _open_legacy(self, params: dict) -> Order:
		return self.ledger.add_order(
			params["merchantTransactionId"],
			f"OML{self.ledger.next_number()}",
			params["amount"],
			"INR",
			is_legacy=True,
			redirect_url=params["redirectUrl"],
			redirect_mode=params["redirectMode"],
			callback_url=params.get("callbackUrl"),
		)

	def _result_of(self, order: Order, charge: Charge, call: str) -> tuple[str, str, str, int]:
		return (
			CODES[charge.state],
			order.reference,
			charge.payment_id,
			self.reported_amount(call, charge.amount_minor),
		)

	def _payment_response(
		self, code: str, transaction: str, provider_id: str, amount: int, method: str = ""
	) -> Response:
		data = {
			"merchantId": self.config["merchant_id"],
			"merchantTransactionId": transaction,
			"transactionId": provider_id,
			"amount": amount,
			"state": STATES[code],
			"responseCode": "SUCCESS" if code == "PAYMENT_SUCCESS" else code,
			"paymentInstrument": {"type": INSTRUMENTS[method]} if method else None,
		}
		return self._legacy_response(code, "Your request has been processed.", data=data)

	def _legacy_response(
		self, code: str, message: str, status: int = 200, data: dict | None = None
	) -> Response:
		is_success = code in ("PAYMENT_SUCCESS", "PAYMENT_INITIATED", "PAYMENT_PENDING")
		return self.json_response(
			{"success": is_success, "code": code, "message": message, "data": data or {}}, status
		)

	def _read_legacy(self, request: Request, path: str) -> dict | Response:
		body = request.get_json(silent=True)
		packed = body.get("request") if isinstance(body, dict) else None
		if not isinstance(packed, str) or request.headers.get("X-VERIFY") != self._checksum(packed + path):
			return self._legacy_response("AUTHORIZATION_FAILED", "Checksum is wrong", 401)
		try:
			inner = json.loads(base64.b64decode(packed, validate=True))
		except (binascii.Error, ValueError):
			return self._legacy_response("BAD_REQUEST", "The request is not base64 of JSON", 400)
		if not isinstance(inner, dict) or inner.get("merchantId") != self.config["merchant_id"]:
			return self._legacy_response("AUTHORIZATION_FAILED", "merchantId is wrong", 401)
		return inner

	def _is_known(self, request: Request, merchant: str) -> bool:
		return merchant == self.config["merchant_id"] == request.headers.get("X-MERCHANT-ID")

	def _checksum(self, text: str, call: str = "") -> str:
		checksum = hashlib.sha256((text + str(self.config["salt_key"])).encode()).hexdigest()
		return (
			(self.reported_signature(call, checksum) if call else checksum)
			+ "###"
			+ str(self.config["salt_index"])
		)
