"""PhonePe, played: Standard Checkout v2, and the older salt scheme of `phonepe_legacy` on the same books."""

import hashlib
import hmac
import json
import re
from datetime import timedelta

from werkzeug.wrappers import Request, Response

from oropendola_payments.simulator.core import ledger as entries
from oropendola_payments.simulator.core.ledger import Charge, ExceedsRefundable, Order, Refund
from oropendola_payments.simulator.core.provider import Provider, Return
from oropendola_payments.simulator.providers.phonepe.salt_scheme import LegacyCalls

ID = re.compile(r"[A-Za-z0-9_-]{1,63}")
ATTEMPT_STATES = {entries.CAPTURED: "COMPLETED", entries.FAILED: "FAILED", entries.PENDING: "PENDING"}
REFUND_STATES = {
	entries.REFUND_PENDING: "PENDING",
	entries.REFUNDED: "COMPLETED",
	entries.REFUND_FAILED: "FAILED",
}
REFUND_EVENTS = {
	"PENDING": "pg.refund.accepted",
	"COMPLETED": "pg.refund.completed",
	"FAILED": "pg.refund.failed",
}
MODES = {"upi": "UPI_INTENT", "card": "CARD", "netbanking": "NET_BANKING"}
SCRIPT = """window.PhonePeCheckout = {
	transact: function (options) { window.location.assign(options.tokenUrl); },
	closePage: function () {}
};
"""


class PhonePe(LegacyCalls, Provider):
	code = "phonepe"
	label = "PhonePe"
	defaults = {
		"client_id": "SIMPHONEPECLIENT",
		"client_secret": "simulator-phonepe-client-secret",
		"client_version": "1",
		"webhook_username": "simhook_user",
		"webhook_password": "Simhook2pass",
		"webhook_hmac_key": "",  # filled in: webhooks are signed by HMAC instead of the constant header
		"token_seconds": 3600,
		"refund_seconds": 5,  # a refund is done this long after it was asked for; None: only by finish_refund
		"keeps_order_open": False,  # a declined attempt leaves the order pending, as the real page may
		"merchant_id": "SIMMERCHANT",
		"acts_for": "",  # filled in: a partner's keys, and every call has to name this merchant
		"salt_key": "22222222-3333-4444-8555-666666666666",
		"salt_index": "1",
	}
	methods = ("upi", "card", "netbanking")

	def __init__(self, *arguments):
		super().__init__(*arguments)
		self.tokens: dict[str, float] = {}

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

	def call_of(self, request: Request, handler_name: str) -> str:
		return handler_name.removeprefix("legacy_")

	# Calls ----------------------------------------------------------------------------------------

	def token(self, request: Request) -> Response:
		wanted = {name: str(self.config[name]) for name in ("client_id", "client_secret", "client_version")}
		wanted["grant_type"] = "client_credentials"
		if {name: request.form.get(name) for name in wanted} != wanted:
			body = {"errorCode": "INVALID_CLIENT", "message": "Client authentication failed", "context": {}}
			return self.answer(body, 401)
		now, token = int(self.clock.now().timestamp()), f"sim-access-token-{self.ledger.next_number()}"
		self.tokens[token] = now + int(self.config["token_seconds"])
		times = {"issued_at": now, "expires_at": self.tokens[token], "session_expires_at": self.tokens[token]}
		return self.answer({"access_token": token, "token_type": "O-Bearer", "expires_in": None, **times})

	def create(self, request: Request) -> Response:
		told = self._authorised(request)
		if isinstance(told, Response):
			return told
		problem = self._problem_of(told)
		if problem:
			return self._no("BAD_REQUEST", problem)
		if self.ledger.find_order_by_reference(told["merchantOrderId"]):
			return self._no("CONFLICT", "merchantOrderId was used before", 409)
		order = self._open(told)
		return self.answer(
			{
				"orderId": order.order_id,
				"state": "PENDING",
				"expireAt": order.fields["expire_at"],
				"redirectUrl": self.pay_url(order),
			}
		)

	def status(self, request: Request, reference: str) -> Response:
		refused = self._authorised(request)
		if isinstance(refused, Response):
			return refused
		order = self.ledger.find_order_by_reference(reference)
		if order is None:
			return self._no("ORDER_NOT_FOUND", "No order with this merchantOrderId", 404)
		self._expire(order)
		return self.answer(self._order_body(order, "status", request.args.get("details") == "true"))

	def refund(self, request: Request) -> Response:
		told = self._authorised(request)
		if isinstance(told, Response):
			return told
		key, order = (
			told.get("merchantRefundId"),
			self.ledger.find_order_by_reference(str(told.get("originalMerchantOrderId"))),
		)
		charge = (
			next((c for c in self.ledger.charges_of(order) if c.state == entries.CAPTURED), None)
			if order
			else None
		)
		if charge is None:
			return self._no("ORDER_NOT_FOUND", "No completed order with this originalMerchantOrderId", 404)
		if not isinstance(key, str) or not ID.fullmatch(key) or not _is_amount(told.get("amount")):
			return self._no("BAD_REQUEST", "merchantRefundId or amount is invalid")
		if self.ledger.find_refund(key=key):
			return self._no("CONFLICT", "merchantRefundId was used before", 409)
		if any(r.state == entries.REFUND_PENDING for r in self.ledger.refunds_of(charge)):
			return self._no("BAD_REQUEST", "Another refund of this order is still pending")
		return self._take_refund(charge, key, told["amount"])

	def refund_status(self, request: Request, key: str) -> Response:
		refused = self._authorised(request)
		if isinstance(refused, Response):
			return refused
		refund = self.ledger.find_refund(key=key)
		if refund is None:
			return self._no("REFUND_NOT_FOUND", "No refund with this merchantRefundId", 404)
		self.end_due_refund(refund)
		return self.answer(self._refund_body(refund))

	def checkout_script(self, request: Request) -> Response:
		return self.script(SCRIPT)

	# The customer -----------------------------------------------------------------------------------

	def complete_checkout(self, order: Order, outcome: str, method: str) -> Return:
		if order.fields.get("is_legacy"):
			return self.settle_legacy(order, outcome, method)
		if outcome != "cancel":
			transaction = f"OM{self.ledger.next_number()}"
			charge = self.record_charge(order, order.order_id, outcome, method, transaction_id=transaction)
			if charge.state == entries.FAILED and not self.config["keeps_order_open"]:
				order.state = entries.FAILED
			self.notify_payment(order, charge)
		return Return("GET", order.fields["redirect_url"])

	def notify_payment(self, order: Order, charge: Charge) -> None:
		if order.fields.get("is_legacy"):
			return self.announce_legacy(order, charge)
		state = self._state_of(order)
		if state != "PENDING":
			self._send(f"checkout.order.{state.lower()}", self._order_body(order, "webhook", True))
		elif charge.state == entries.FAILED:
			self._send("checkout.transaction.attempt.failed", self._order_body(order, "webhook", True))

	def notify_refund(self, charge: Charge, refund: Refund) -> None:
		if self.ledger.find_order(charge.order_id).fields.get("is_legacy"):
			return self.announce_legacy_refund(refund)
		body = self._refund_body(refund)
		self._send(REFUND_EVENTS[body["state"]], body)

	def can_pay(self, order: Order) -> bool:
		if not order.fields.get("is_legacy"):
			self._expire(order)
		return super().can_pay(order)

	def finish(self, order: Order, charge: Charge, outcome: str) -> None:
		if outcome == "failure" and not self.config["keeps_order_open"]:
			order.state = entries.FAILED
		super().finish(order, charge, outcome)

	def end_due_refund(self, refund: Refund) -> None:
		"""The bank is done with a refund some seconds after it was asked for."""
		seconds = self.config["refund_seconds"]
		if refund.state != entries.REFUND_PENDING or seconds is None:
			return
		if self.clock.now() >= refund.created_at + timedelta(seconds=seconds):
			self.finish_refund(self.ledger.find_charge(refund.payment_id), refund, "success")

	# Inside -----------------------------------------------------------------------------------------

	def _authorised(self, request: Request) -> dict | Response:
		"""The JSON object that was sent (empty for a GET), or the refusal."""
		scheme, _, token = request.headers.get("Authorization", "").partition(" ")
		if scheme != "O-Bearer" or self.tokens.get(token, 0) <= self.clock.now().timestamp():
			return self._no("AUTHORIZATION_FAILED", "Unauthorized", 401)
		if self.config["acts_for"] and request.headers.get("X-MERCHANT-ID") != self.config["acts_for"]:
			return self._no("AUTHORIZATION_FAILED", "X-MERCHANT-ID is missing or wrong", 403)
		if request.method == "GET":
			return {}
		told = request.get_json(silent=True)
		return told if isinstance(told, dict) else self._no("BAD_REQUEST", "The body is no JSON object")

	def _problem_of(self, told: dict) -> str | None:
		flow, expire_after = told.get("paymentFlow") or {}, told.get("expireAfter")
		if not isinstance(told.get("merchantOrderId"), str) or not ID.fullmatch(told["merchantOrderId"]):
			return "merchantOrderId is invalid"
		if not _is_amount(told.get("amount")):
			return "amount must be a whole number of paise, at least 100"
		if expire_after is not None and not (isinstance(expire_after, int) and 300 <= expire_after <= 3600):
			return "expireAfter must be between 300 and 3600"
		if flow.get("type") != "PG_CHECKOUT" or not (flow.get("merchantUrls") or {}).get("redirectUrl"):
			return "paymentFlow is invalid"
		is_too_long = any(len(str(value)) > 256 for value in (told.get("metaInfo") or {}).values())
		return "metaInfo is too long" if is_too_long else None

	def _open(self, told: dict) -> Order:
		ends = self.clock.now() + timedelta(seconds=told.get("expireAfter") or 1800)
		return self.ledger.add_order(
			told["merchantOrderId"],
			f"OMO{self.ledger.next_number()}",
			told["amount"],
			"INR",
			redirect_url=told["paymentFlow"]["merchantUrls"]["redirectUrl"],
			expire_at=int(ends.timestamp() * 1000),
			meta=told.get("metaInfo") or {},
		)

	def _expire(self, order: Order) -> None:
		is_over = self.clock.now().timestamp() * 1000 > order.fields["expire_at"]
		is_waiting = any(charge.state == entries.PENDING for charge in self.ledger.charges_of(order))
		if is_over and order.state == entries.OPEN and not is_waiting:
			order.state = entries.EXPIRED

	def _state_of(self, order: Order) -> str:
		if order.state == entries.PAID:
			return "COMPLETED"
		return "PENDING" if order.state == entries.OPEN else "FAILED"

	def _order_body(self, order: Order, call: str, with_all: bool) -> dict:
		charges = self.ledger.charges_of(order)
		taken = next((c.amount_minor for c in charges if c.state == entries.CAPTURED), order.amount_minor)
		body = {
			"merchantId": self.config["merchant_id"],
			"merchantOrderId": order.reference,
			"orderId": order.order_id,
			"state": self._state_of(order),
			"amount": self.reported_amount(call, taken),
			"expireAt": order.fields["expire_at"],
			"metaInfo": order.fields["meta"],
			"paymentDetails": [self._attempt_body(c) for c in (charges if with_all else charges[-1:])],
		}
		if body["state"] == "FAILED":
			code = "TXN_NOT_COMPLETED" if order.state == entries.EXPIRED else "ZM"
			body |= {"errorCode": "PAYMENT_ERROR", "detailedErrorCode": code}
		return body

	def _attempt_body(self, charge: Charge) -> dict:
		return {
			"transactionId": charge.fields["transaction_id"],
			"paymentMode": MODES[charge.method],
			"timestamp": int(charge.created_at.timestamp() * 1000),
			"amount": charge.amount_minor,
			"state": ATTEMPT_STATES[charge.state],
		}

	def _take_refund(self, charge: Charge, key: str, paise: int) -> Response:
		try:
			refund = self.ledger.add_refund(charge, f"OMR{self.ledger.next_number()}", key, paise)
		except ExceedsRefundable:
			return self._no("EXCESS_REFUND_AMOUNT", "The amount exceeds what is left of the order")
		self.notify_refund(charge, refund)
		return self.answer({"refundId": refund.refund_id, "amount": paise, "state": "PENDING"})

	def _refund_body(self, refund: Refund) -> dict:
		return {
			"merchantId": self.config["merchant_id"],
			"merchantRefundId": refund.key,
			"originalMerchantOrderId": refund.reference,
			"refundId": refund.refund_id,
			"amount": refund.amount_minor,
			"state": REFUND_STATES[refund.state],
			"paymentDetails": [],
		}

	def _send(self, event: str, payload: dict) -> None:
		told = {"event": event, "type": event.replace(".", "_").upper(), "payload": payload}
		body = json.dumps(told, separators=(",", ":")).encode()
		headers = {"Content-Type": "application/json"}
		key = str(self.config["webhook_hmac_key"])
		if key:
			signature = hmac.new(key.encode(), body, hashlib.sha256).hexdigest()
			headers["x-phonepe-checksum-key-id"] = "sim-key-1"
			headers["x-phonepe-checksum-signature"] = self.reported_signature("webhook", signature)
		else:
			pair = f"{self.config['webhook_username']}:{self.config['webhook_password']}"
			constant = hashlib.sha256(pair.encode()).hexdigest()
			headers["Authorization"] = self.reported_signature("webhook", constant)
		self.send_webhook(body, headers)

	def _no(self, code: str, message: str, status: int = 400) -> Response:
		return self.answer({"success": False, "code": code, "message": message, "data": {}}, status)


def _is_amount(value) -> bool:
	return isinstance(value, int) and not isinstance(value, bool) and value >= 100
