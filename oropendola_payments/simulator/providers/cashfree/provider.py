"""Simulated Cashfree: orders, the hosted page, refunds and webhooks. Paying by API is in `order_pay`."""

import base64
import hashlib
import json
import re
from datetime import datetime, timedelta
from decimal import Decimal

from werkzeug.wrappers import Request, Response

from oropendola_payments.simulator.core import ledger
from oropendola_payments.simulator.core.amounts import to_minor
from oropendola_payments.simulator.core.ledger import Charge, ExceedsRefundable, Order, Refund
from oropendola_payments.simulator.core.provider import Provider, Return
from oropendola_payments.simulator.providers.cashfree import wire
from oropendola_payments.simulator.providers.cashfree.order_pay import OrderPay
from oropendola_payments.simulator.providers.cashfree.payouts import SettlementApi

VERSIONS = ("2021-05-21", "2022-01-01", "2022-09-01", "2023-08-01", "2025-01-01", "2026-01-01")
REFUND_ID = re.compile(r"[A-Za-z0-9]{3,40}")
SIGNATURE_SECONDS = 300


class Cashfree(SettlementApi, OrderPay, Provider):
	code = "cashfree"
	label = "Cashfree"
	defaults = {
		"client_id": "SIMCASHFREEAPP",
		"client_secret": "cfsk_ma_test_simulator_0000000000",
		"private_key": "",  # with a key every call needs a two-factor signature made with its public key
		"has_order_pay": True,
		"has_native_otp": True,  # False: the bank is not supported, so Order Pay returns a link
		"holds_only": False,  # successful payments are authorized and need a capture
		"stored_failures": 0,  # for so many new idempotency keys a 500 is stored, which every repeat of the key gets
		"refund_seconds": 5,  # after these seconds a refund is done; None: only finish_refund ends it
	}
	methods = ("card", "upi", "netbanking")
	dashboard_refund_fields = {"note": "Refunded in the dashboard"}
	dashboard_refund_has_key = True

	def __init__(self, *parts):
		super().__init__(*parts)
		self.idempotent_responses: dict[str, tuple[str, Response]] = {}  # key -> request, response

	def reset(self) -> None:
		super().reset()
		self.idempotent_responses.clear()

	def routes(self):
		return [
			("POST", "/pg/settlements", self.settlements),
			("POST", "/pg/settlement/recon", self.settlement_recon),
			("POST", "/pg/orders", self.create),
			("GET", "/pg/orders/<reference>", self.status),
			("PATCH", "/pg/orders/<reference>", self.cancel),
			("GET", "/pg/orders/<reference>/payments", self.payments),
			("POST", "/pg/orders/<reference>/authorization", self.capture),
			("POST", "/pg/orders/<reference>/refunds", self.refund),
			("GET", "/pg/orders/<reference>/refunds", self.refunds),
			("GET", "/pg/orders/<reference>/refunds/<key>", self.refund_status),
			("GET", "/pg/view/sessions/checkout", self.hosted_page),
			("GET", "/js/v3/cashfree.js", self.checkout_script),
			*self.payment_routes(),
		]

	# Orders ---------------------------------------------------------------------------------------

	def create(self, request: Request) -> Response:
		return self.auth_error(request) or self.idempotent(request, self._create)

	def _create(self, params: dict) -> Response:
		problem = wire.problem_of_order(params, self.clock.now())
		if problem:
			return self.error(
				400, "order_meta_invalid" if "order_meta" in problem else "order_invalid", problem
			)
		if self.ledger.find_order_by_reference(params["order_id"]):
			return self.error(409, "order_already_exists", "order with same id is already present")
		return self.amounts_response(self._order_body(self._open(params), "create"))

	def status(self, request: Request, reference: str) -> Response:
		order = self.ledger.find_order_by_reference(reference)
		error = self.auth_error(request) or self.not_found(order)
		return error or self.amounts_response(self._order_body(order, "status"))

	def cancel(self, request: Request, reference: str) -> Response:
		order = self.ledger.find_order_by_reference(reference)
		error = self.auth_error(request) or self.not_found(order)
		if error:
			return error
		if self.json_object(request).get("order_status") != "TERMINATED":
			return self.error(400, "order_status_invalid", "order_status : should be TERMINATED")
		if self._status_of(order) != "ACTIVE":
			return self.error(400, "order_inactive", "order is not active")
		if not self.is_waiting(order):
			order.state = ledger.CANCELLED
		order.fields["is_terminating"] = True
		return self.amounts_response(self._order_body(order, "cancel"))

	def hosted_page(self, request: Request) -> Response:
		order = self.order_of_session(request.args.get("session"))
		if order is None:
			return self.message_response("Unknown session", "Please start again.", 404)
		return self.show_pay_page(order)

	def checkout_script(self, request: Request) -> Response:
		return self.script_response(wire.CHECKOUT_SCRIPT)

	def can_pay(self, order: Order) -> bool:
		return self._status_of(order) == "ACTIVE"

	def complete_checkout(self, order: Order, outcome: str, method: str) -> Return:
		status = "USER_DROPPED" if outcome == "cancel" else ""
		charge = self.start_payment(order, method)
		if outcome != "pending":
			self.end_payment(charge, "failure" if outcome == "cancel" else outcome, status)
		return Return("GET", order.fields["return_url"].replace("{order_id}", order.reference))

	def finish(self, order: Order, charge: Charge, outcome: str) -> None:
		self.end_payment(charge, outcome)

	# Refunds --------------------------------------------------------------------------------------

	def refund(self, request: Request, reference: str) -> Response:
		order = self.ledger.find_order_by_reference(reference)
		error = self.auth_error(request) or self.not_found(order)
		return error or self.idempotent(request, lambda params: self._refund(order, params))

	def _refund(self, order: Order, params: dict) -> Response:
		key, note = params.get("refund_id"), params.get("refund_note", "")
		charge = next((c for c in self.ledger.charges_of(order) if c.state == ledger.CAPTURED), None)
		if charge is None:
			return self.error(400, "refund_invalid", "order is not paid")
		if not isinstance(key, str) or not REFUND_ID.fullmatch(key) or not 3 <= len(note) <= 100:
			return self.error(400, "refund_invalid", "refund_id or refund_note is invalid")
		if self.ledger.find_refund(key=key):
			return self.error(409, "refund_already_exists", "refund with same id is already present")
		try:
			paise = to_minor(wire.read_number(params.get("refund_amount")), order.currency)
			refund = self.ledger.add_refund(charge, str(1700000000 + self.ledger.next_number()), key, paise)
		except (ExceedsRefundable, ValueError):
			return self.error(400, "refund_amount_invalid", "refund amount exceeds what is left")
		refund.fields["note"] = note
		if params.get("refund_speed") == "INSTANT":
			self.finish_refund(charge, refund, "success")
		return self.amounts_response(self._refund_body(refund))

	def refunds(self, request: Request, reference: str) -> Response:
		order = self.ledger.find_order_by_reference(reference)
		error = self.auth_error(request) or self.not_found(order)
		if error:
			return error
		found = [r for charge in self.ledger.charges_of(order) for r in self.ledger.refunds_of(charge)]
		for refund in found:
			self._end_due_refund(refund)
		return self.amounts_response([self._refund_body(refund) for refund in found])

	def refund_status(self, request: Request, reference: str, key: str) -> Response:
		refund = self.ledger.find_refund(key=key)
		error = self.auth_error(request)
		if error or refund is None or refund.reference != reference:
			return error or self.error(404, "refund_not_found", "refund does not exist")
		self._end_due_refund(refund)
		return self.amounts_response(self._refund_body(refund))

	def _end_due_refund(self, refund: Refund) -> None:
		"""End the refund when its time has come; in the sandbox its note decides the result."""
		seconds, note = self.config["refund_seconds"], refund.fields["note"]
		if refund.state != ledger.REFUND_PENDING or seconds is None or note in ("PENDING", "ACTIVE"):
			return
		if self.clock.now() >= refund.created_at + timedelta(seconds=seconds):
			outcome = "failure" if wire.SANDBOX_NOTES.get(note) == ledger.REFUND_FAILED else "success"
			self.finish_refund(self.ledger.find_charge(refund.payment_id), refund, outcome)

	# Webhooks -------------------------------------------------------------------------------------

	def notify_payment(self, order: Order, charge: Charge) -> None:
		payment = self.payment_body(charge, "webhook")
		kind = {"SUCCESS": "SUCCESS", "USER_DROPPED": "USER_DROPPED", "FAILED": "FAILED"}.get(
			payment["payment_status"]
		)
		if kind is None:
			return
		for name in ("is_captured", "authorization", "order_id", "order_amount"):
			payment.pop(name, None)
		ids = {
			"order_id": order.reference,
			"order_currency": order.currency,
			"order_tags": order.fields["tags"],
		}
		params = {
			"order": {**ids, "order_amount": wire.json_number(order.amount_minor, order.currency)},
			"payment": payment,
		}
		customer = {
			"customer_id": "sim",
			"customer_phone": None,
			"customer_email": None,
			"customer_name": None,
		}
		self._send_event(f"PAYMENT_{kind}_WEBHOOK", {**params, "customer_details": customer}, order)

	def notify_refund(self, charge: Charge, refund: Refund) -> None:
		order = self.ledger.find_order(charge.order_id)
		self._send_event("REFUND_STATUS_WEBHOOK", {"refund": self._refund_body(refund)}, order)

	def notify_dispute(self, charge: Charge, state: str) -> None:
		kind, status = wire.DISPUTES[state]
		amount = wire.json_number(charge.amount_minor, charge.currency)
		dispute_id = f"433{self.ledger.next_number():09d}"
		dispute = {"dispute_id": dispute_id, "dispute_type": "DISPUTE", "dispute_amount": amount}
		dispute |= {"dispute_status": status, "reason_description": "Duplicate Processing"}
		order = {"order_id": charge.reference, "cf_payment_id": int(charge.payment_id)}
		order |= {"payment_amount": amount, "payment_currency": charge.currency}
		params = {"dispute": {**dispute, "dispute_amount_currency": charge.currency}, "order_details": order}
		self._send_event(kind, params, self.ledger.find_order(charge.order_id))

	def _send_event(self, kind: str, data: dict, order: Order) -> None:
		now = self.clock.now()
		body = wire.to_json(
			{"data": data, "event_time": now.isoformat(timespec="seconds"), "type": kind}
		).encode()
		timestamp = str(int(now.timestamp() * 1000))
		signature = wire.sign(timestamp.encode() + body, self.config["client_secret"])
		headers = {
			"Content-Type": "application/json",
			"x-webhook-timestamp": timestamp,
			"x-webhook-signature": self.reported_signature("webhook", signature),
			"x-webhook-version": "2025-01-01",
			"x-webhook-attempt": "1",
			"x-idempotency-key": base64.b64encode(hashlib.sha256(body).digest()).decode(),
		}
		url = None if self.config["webhook_url"] else order.fields["notify_url"]
		self.send_webhook(body, headers, url)

	# Helpers --------------------------------------------------------------------------------------

	def auth_error(self, request: Request) -> Response | None:
		"""The refusal of a call with wrong keys, version or two-factor signature."""
		keys = (request.headers.get("x-client-id"), request.headers.get("x-client-secret"))
		if keys != (self.config["client_id"], self.config["client_secret"]):
			return self.error(401, "request_failed", "authentication Failed", "authentication_error")
		if request.headers.get("x-api-version") not in VERSIONS:
			return self.error(400, "api_version_invalid", "x-api-version : is missing or invalid")
		if self.config["private_key"] and not self._has_valid_signature(
			request.headers.get("x-cf-signature", "")
		):
			return self.error(403, "request_failed", "signature is wrong or missing", "authentication_error")
		return None

	def _has_valid_signature(self, signature: str) -> bool:
		from Crypto.Cipher import PKCS1_OAEP
		from Crypto.PublicKey import RSA

		try:
			cipher = PKCS1_OAEP.new(RSA.import_key(self.config["private_key"]))
			client_id, _, seconds = cipher.decrypt(base64.b64decode(signature)).decode().rpartition(".")
			age = abs(self.clock.now().timestamp() - int(seconds))
		except ValueError:
			return False
		return client_id == self.config["client_id"] and age <= SIGNATURE_SECONDS

	def not_found(self, order: Order | None) -> Response | None:
		return None if order else self.error(404, "order_not_found", "Order Reference Id does not exist")

	def idempotent(self, request: Request, handle) -> Response:
		"""The first response to an idempotency key again for each repeat; another body with the same key is refused."""
		key, params = request.headers.get("x-idempotency-key"), self.json_object(request)
		sent = f"{request.path} {json.dumps(params, sort_keys=True, default=str)}"
		if key is None:
			return handle(params)
		first_sent, response = self.idempotent_responses.get(key, (sent, None))
		if first_sent != sent:
			return self.error(
				422, "idempotency_mismatch", "another body was sent with this key", "idempotency_error"
			)
		if response is None:
			response = self._stored_failure() or handle(params)
			self.idempotent_responses[key] = (sent, response)
		return response

	def _stored_failure(self) -> Response | None:
		if not self.config["stored_failures"]:
			return None
		self.config["stored_failures"] -= 1
		return self.error(500, "internal_error", "internal server error", "api_error")

	def json_object(self, request: Request) -> dict:
		try:
			body = json.loads(request.get_data(), parse_float=Decimal)
		except ValueError:
			return {}
		return body if isinstance(body, dict) else {}

	def _open(self, params: dict) -> Order:
		meta, count = params["order_meta"], self.ledger.next_number()
		return self.ledger.add_order(
			params["order_id"],
			str(2190000000 + count),
			to_minor(params["order_amount"], "INR"),
			"INR",
			session=f"session_sim_{count}_payment",
			return_url=meta["return_url"],
			notify_url=meta.get("notify_url"),
			tags=params.get("order_tags") or {},
			expires=datetime.fromisoformat(params["order_expiry_time"]),
		)

	def order_of_session(self, session: str | None) -> Order | None:
		return next((order for order in self.ledger.orders if order.fields["session"] == session), None)

	def is_waiting(self, order: Order) -> bool:
		return any(charge.state == ledger.PENDING for charge in self.ledger.charges_of(order))

	def _status_of(self, order: Order) -> str:
		states = {charge.state for charge in self.ledger.charges_of(order)}
		if states & {ledger.CAPTURED, ledger.AUTHORIZED, ledger.VOIDED}:
			return "PAID"
		if order.state == ledger.OPEN and ledger.PENDING not in states:
			if order.fields.get("is_terminating"):
				order.state = ledger.CANCELLED
			elif self.clock.now() > order.fields["expires"]:
				order.state = ledger.EXPIRED
		if order.fields.get("is_terminating") and order.state == ledger.OPEN:
			return "TERMINATION_REQUESTED"
		return wire.ORDER_STATES.get(order.state, "ACTIVE")

	def _order_body(self, order: Order, call: str) -> dict:
		return {
			"cf_order_id": order.order_id,
			"order_id": order.reference,
			"entity": "order",
			"order_currency": order.currency,
			"order_amount": wire.json_number(self.reported_amount(call, order.amount_minor), order.currency),
			"order_status": self._status_of(order),
			"payment_session_id": order.fields["session"],
			"order_expiry_time": order.fields["expires"].isoformat(),
			"order_tags": order.fields["tags"],
		}

	def _refund_body(self, refund: Refund) -> dict:
		return {
			"cf_payment_id": refund.payment_id,
			"cf_refund_id": refund.refund_id,
			"order_id": refund.reference,
			"refund_id": refund.key,
			"entity": "refund",
			"refund_amount": wire.json_number(refund.amount_minor, refund.currency),
			"refund_currency": refund.currency,
			"refund_status": wire.REFUND_STATES[refund.state],
			"refund_type": "MERCHANT_INITIATED",
			"status_description": "Refund initiated.",
		}

	def amounts_response(self, body, status: int = 200) -> Response:
		"""A JSON response in which marks of `json_number` are numbers."""
		return Response(wire.to_json(body), status, content_type="application/json")

	def error(self, status: int, code: str, message: str, kind: str = "invalid_request_error") -> Response:
		return self.json_response({"message": message, "code": code, "type": kind, "help": ""}, status)
