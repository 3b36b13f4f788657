"""Simulated PhonePe: Standard Checkout v2. The older API is in `salt_scheme` and uses the same ledger."""

import json
from datetime import timedelta

from werkzeug.wrappers import Request, Response

from oropendola_payments.simulator.core import ledger
from oropendola_payments.simulator.core.ledger import Charge, ExceedsRefundable, Order, Refund
from oropendola_payments.simulator.core.provider import Provider, Return
from oropendola_payments.simulator.providers.phonepe import wire
from oropendola_payments.simulator.providers.phonepe.payouts import SettlementReport
from oropendola_payments.simulator.providers.phonepe.salt_scheme import SaltScheme


class PhonePe(SettlementReport, SaltScheme, Provider):
	code = "phonepe"
	label = "PhonePe"
	defaults = {
		"client_id": "SIMPHONEPECLIENT",
		"client_secret": "simulator-phonepe-client-secret",
		"client_version": "1",
		"webhook_username": "simhook_user",
		"webhook_password": "Simhook2pass",
		"webhook_hmac_key": "",  # with a key webhooks are signed with HMAC instead of a constant header
		"token_seconds": 3600,
		"refund_seconds": 5,  # after these seconds a refund is done; None: only finish_refund ends it
		"keeps_order_open": False,  # True: a declined attempt leaves the order pending
		"merchant_id": "SIMMERCHANT",
		"acts_for": "",  # for the keys of a partner: every call must name this merchant
		"salt_key": "22222222-3333-4444-8555-666666666666",
		"salt_index": "1",
	}
	methods = ("upi", "card", "netbanking")

	def __init__(self, *parts):
		super().__init__(*parts)
		self.access_tokens: dict[str, float] = {}

	def routes(self):
		return [
			("POST", "/v1/oauth/token", self.token),
			("POST", "/checkout/v2/pay", self.create),
			("GET", "/checkout/v2/order/<reference>/status", self.status),
			("POST", "/payments/v2/refund", self.refund),
			("GET", "/payments/v2/refund/<key>/status", self.refund_status),
			("GET", "/web/bundle/checkout.js", self.checkout_script),
			*self.legacy_routes(),
		]

	def call_name(self, request: Request, handler_name: str) -> str:
		return handler_name.removeprefix("legacy_")

	# Calls ----------------------------------------------------------------------------------------

	def token(self, request: Request) -> Response:
		expected = {name: str(self.config[name]) for name in ("client_id", "client_secret", "client_version")}
		expected["grant_type"] = "client_credentials"
		if {name: request.form.get(name) for name in expected} != expected:
			body = {"errorCode": "INVALID_CLIENT", "message": "Client authentication failed", "context": {}}
			return self.json_response(body, 401)
		now, token = int(self.clock.now().timestamp()), f"sim-access-token-{self.ledger.next_number()}"
		self.access_tokens[token] = now + int(self.config["token_seconds"])
		times = {
			"issued_at": now,
			"expires_at": self.access_tokens[token],
			"session_expires_at": self.access_tokens[token],
		}
		return self.json_response(
			{"access_token": token, "token_type": "O-Bearer", "expires_in": None, **times}
		)

	def create(self, request: Request) -> Response:
		params = self._read(request)
		if isinstance(params, Response):
			return params
		problem = wire.problem_of_order(params)
		if problem:
			return self._error("BAD_REQUEST", problem)
		if self.ledger.find_order_by_reference(params["merchantOrderId"]):
			return self._error("CONFLICT", "merchantOrderId was used before", 409)
		order = self._open(params)
		return self.json_response(
			{
				"orderId": order.order_id,
				"state": "PENDING",
				"expireAt": order.fields["expire_at"],
				"redirectUrl": self.pay_url(order),
			}
		)

	def status(self, request: Request, reference: str) -> Response:
		error = self._read(request)
		if isinstance(error, Response):
			return error
		order = self.ledger.find_order_by_reference(reference)
		if order is None:
			return self._error("ORDER_NOT_FOUND", "No order with this merchantOrderId", 404)
		self._expire(order)
		return self.json_response(self._order_body(order, "status", request.args.get("details") == "true"))

	def refund(self, request: Request) -> Response:
		params = self._read(request)
		if isinstance(params, Response):
			return params
		key, order = (
			params.get("merchantRefundId"),
			self.ledger.find_order_by_reference(str(params.get("originalMerchantOrderId"))),
		)
		charge = (
			next((c for c in self.ledger.charges_of(order) if c.state == ledger.CAPTURED), None)
			if order
			else None
		)
		if charge is None:
			return self._error("ORDER_NOT_FOUND", "No completed order with this originalMerchantOrderId", 404)
		if not isinstance(key, str) or not wire.ID.fullmatch(key) or not wire.is_amount(params.get("amount")):
			return self._error("BAD_REQUEST", "merchantRefundId or amount is invalid")
		if self.ledger.find_refund(key=key):
			return self._error("CONFLICT", "merchantRefundId was used before", 409)
		if any(r.state == ledger.REFUND_PENDING for r in self.ledger.refunds_of(charge)):
			return self._error("BAD_REQUEST", "Another refund of this order is still pending")
		return self._new_refund(charge, key, params["amount"])

	def refund_status(self, request: Request, key: str) -> Response:
		error = self._read(request)
		if isinstance(error, Response):
			return error
		refund = self.ledger.find_refund(key=key)
		if refund is None:
			return self._error("REFUND_NOT_FOUND", "No refund with this merchantRefundId", 404)
		self.end_due_refund(refund)
		return self.json_response(self._refund_body(refund))

	def checkout_script(self, request: Request) -> Response:
		return self.script_response(wire.CHECKOUT_SCRIPT)

	# The customer -----------------------------------------------------------------------------------

	def complete_checkout(self, order: Order, outcome: str, method: str) -> Return:
		if order.fields.get("is_legacy"):
			return self.complete_legacy_checkout(order, outcome, method)
		if outcome != "cancel":
			transaction = f"OM{self.ledger.next_number()}"
			charge = self.record_charge(order, order.order_id, outcome, method, transaction_id=transaction)
			if charge.state == ledger.FAILED and not self.config["keeps_order_open"]:
				order.state = ledger.FAILED
			self.notify_payment(order, charge)
		return Return("GET", order.fields["redirect_url"])

	def notify_payment(self, order: Order, charge: Charge) -> None:
		if order.fields.get("is_legacy"):
			return self.notify_legacy_payment(order, charge)
		state = self._state_of(order)
		if state != "PENDING":
			self._send_event(f"checkout.order.{state.lower()}", self._order_body(order, "webhook", True))
		elif charge.state == ledger.FAILED:
			self._send_event("checkout.transaction.attempt.failed", self._order_body(order, "webhook", True))

	def notify_refund(self, charge: Charge, refund: Refund) -> None:
		if self.ledger.find_order(charge.order_id).fields.get("is_legacy"):
			return self.notify_legacy_refund(refund)
		body = self._refund_body(refund)
		self._send_event(wire.REFUND_EVENTS[body["state"]], body)

	def can_pay(self, order: Order) -> bool:
		if not order.fields.get("is_legacy"):
			self._expire(order)
		return super().can_pay(order)

	def finish(self, order: Order, charge: Charge, outcome: str) -> None:
		if outcome == "failure" and not self.config["keeps_order_open"]:
			order.state = ledger.FAILED
		super().finish(order, charge, outcome)

	def end_due_refund(self, refund: Refund) -> None:
		"""End the refund when its time has come."""
		seconds = self.config["refund_seconds"]
		if refund.state != ledger.REFUND_PENDING or seconds is None:
			return
		if self.clock.now() >= refund.created_at + timedelta(seconds=seconds):
			self.finish_refund(self.ledger.find_charge(refund.payment_id), refund, "success")

	# Helpers ----------------------------------------------------------------------------------------

	def _read(self, request: Request) -> dict | Response:
		"""The JSON object of the request (empty for a GET), or the refusal of a call without a valid token."""
		scheme, _, token = request.headers.get("Authorization", "").partition(" ")
		if scheme != "O-Bearer" or self.access_tokens.get(token, 0) <= self.clock.now().timestamp():
			return self._error("AUTHORIZATION_FAILED", "Unauthorized", 401)
		if self.config["acts_for"] and request.headers.get("X-MERCHANT-ID") != self.config["acts_for"]:
			return self._error("AUTHORIZATION_FAILED", "X-MERCHANT-ID is missing or wrong", 403)
		if request.method == "GET":
			return {}
		body = request.get_json(silent=True)
		return body if isinstance(body, dict) else self._error("BAD_REQUEST", "The body is no JSON object")

	def _open(self, params: dict) -> Order:
		expires_at = self.clock.now() + timedelta(seconds=params.get("expireAfter") or 1800)
		return self.ledger.add_order(
			params["merchantOrderId"],
			f"OMO{self.ledger.next_number()}",
			params["amount"],
			"INR",
			redirect_url=params["paymentFlow"]["merchantUrls"]["redirectUrl"],
			expire_at=int(expires_at.timestamp() * 1000),
			meta=params.get("metaInfo") or {},
		)

	def _expire(self, order: Order) -> None:
		is_late = self.clock.now().timestamp() * 1000 > order.fields["expire_at"]
		is_pending = any(charge.state == ledger.PENDING for charge in self.ledger.charges_of(order))
		if is_late and order.state == ledger.OPEN and not is_pending:
			order.state = ledger.EXPIRED

	def _state_of(self, order: Order) -> str:
		if order.state == ledger.PAID:
			return "COMPLETED"
		return "PENDING" if order.state == ledger.OPEN else "FAILED"

	def _order_body(self, order: Order, call: str, all_attempts: bool) -> dict:
		charges = self.ledger.charges_of(order)
		amount = next((c.amount_minor for c in charges if c.state == ledger.CAPTURED), order.amount_minor)
		body = {
			"merchantId": self.config["merchant_id"],
			"merchantOrderId": order.reference,
			"orderId": order.order_id,
			"state": self._state_of(order),
			"amount": self.reported_amount(call, amount),
			"expireAt": order.fields["expire_at"],
			"metaInfo": order.fields["meta"],
			"paymentDetails": [self._attempt_body(c) for c in (charges if all_attempts else charges[-1:])],
		}
		if body["state"] == "FAILED":
			code = "TXN_NOT_COMPLETED" if order.state == ledger.EXPIRED else "ZM"
			body |= {"errorCode": "PAYMENT_ERROR", "detailedErrorCode": code}
		return body

	def _attempt_body(self, charge: Charge) -> dict:
		return {
			"transactionId": charge.fields["transaction_id"],
			"paymentMode": wire.MODES[charge.method],
			"timestamp": int(charge.created_at.timestamp() * 1000),
			"amount": charge.amount_minor,
			"state": wire.ATTEMPT_STATES[charge.state],
		}

	def _new_refund(self, charge: Charge, key: str, paise: int) -> Response:
		try:
			refund = self.ledger.add_refund(charge, f"OMR{self.ledger.next_number()}", key, paise)
		except ExceedsRefundable:
			return self._error("EXCESS_REFUND_AMOUNT", "The amount exceeds what is left of the order")
		self.notify_refund(charge, refund)
		return self.json_response({"refundId": refund.refund_id, "amount": paise, "state": "PENDING"})

	def _refund_body(self, refund: Refund) -> dict:
		return {
			"merchantId": self.config["merchant_id"],
			"merchantRefundId": refund.key,
			"originalMerchantOrderId": refund.reference,
			"refundId": refund.refund_id,
			"amount": refund.amount_minor,
			"state": wire.REFUND_STATES[refund.state],
			"paymentDetails": [],
		}

	def _send_event(self, event: str, payload: dict) -> None:
		message = {"event": event, "type": event.replace(".", "_").upper(), "payload": payload}
		body = json.dumps(message, separators=(",", ":")).encode()
		headers, name, signature = wire.webhook_signature(self.config, body)
		headers |= {"Content-Type": "application/json", name: self.reported_signature("webhook", signature)}
		self.send_webhook(body, headers)

	def _error(self, code: str, message: str, status: int = 400) -> Response:
		return self.json_response({"success": False, "code": code, "message": message, "data": {}}, status)
