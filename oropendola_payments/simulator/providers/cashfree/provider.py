"""Cashfree, played: orders, the hosted page, refunds and webhooks. Order Pay is in `cashfree_payments`."""

import base64
import hashlib
import hmac
import json
import re
from datetime import datetime, timedelta
from decimal import Decimal

from werkzeug.wrappers import Request, Response

from oropendola_payments.simulator.core import ledger as entries
from oropendola_payments.simulator.core import pages
from oropendola_payments.simulator.core.amounts import to_minor
from oropendola_payments.simulator.core.ledger import Charge, ExceedsRefundable, Order, Refund
from oropendola_payments.simulator.core.provider import Provider, Return
from oropendola_payments.simulator.providers.cashfree.order_pay import PaymentCalls
from oropendola_payments.simulator.providers.cashfree.wire import number, number_of, problem_of, written

VERSIONS = ("2021-05-21", "2022-01-01", "2022-09-01", "2023-08-01", "2025-01-01", "2026-01-01")
REFUND_ID = re.compile(r"[A-Za-z0-9]{3,40}")
ORDER_STATES = {entries.OPEN: "ACTIVE", entries.CANCELLED: "TERMINATED", entries.EXPIRED: "EXPIRED"}
REFUND_STATES = {
	entries.REFUND_PENDING: "PENDING",
	entries.REFUNDED: "SUCCESS",
	entries.REFUND_FAILED: "FAILED",
}
NOTED = {"SUCCESS": entries.REFUNDED, "FAILED": entries.REFUND_FAILED}
DISPUTES = {
	"open": ("DISPUTE_CREATED", "DISPUTE_CREATED"),
	"won": ("DISPUTE_CLOSED", "DISPUTE_MERCHANT_WON"),
	"lost": ("DISPUTE_CLOSED", "DISPUTE_MERCHANT_LOST"),
}
SCRIPT = """(function () {
	var base = document.currentScript.src.split("/js/v3/")[0];
	window.Cashfree = function (settings) {
		return {
			checkout: function (options) {
				window.location.assign(
					base + "/pg/view/sessions/checkout?session=" + encodeURIComponent(options.paymentSessionId));
				return new Promise(function () {});
			}
		};
	};
})();
"""


class Cashfree(PaymentCalls, Provider):
	code = "cashfree"
	label = "Cashfree"
	defaults = {
		"client_id": "SIMCASHFREEAPP",
		"client_secret": "cfsk_ma_test_simulator_0000000000",
		"private_key": "",  # filled in: every call needs a two-factor signature made with its public key
		"has_order_pay": True,
		"has_native_otp": True,  # False: the bank is not covered, Order Pay answers a link
		"holds_only": False,  # successful payments are held and wait for a capture
		"refund_seconds": 5,  # a refund is done this long after it was asked for; None: only by finish_refund
	}
	methods = ("card", "upi", "netbanking")
	dashboard_refund = {"note": "Refunded in the dashboard"}
	dashboard_names_refunds = True

	def __init__(self, *arguments):
		super().__init__(*arguments)
		self.results: dict[str, tuple[str, Response]] = {}  # by idempotency key

	def routes(self):
		return [
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
		return self.refused(request) or self.once(request, self._create)

	def _create(self, told: dict) -> Response:
		problem = problem_of(told, self.clock.now())
		if problem:
			return self.no(400, "order_meta_invalid" if "order_meta" in problem else "order_invalid", problem)
		if self.ledger.find_order_by_reference(told["order_id"]):
			return self.no(409, "order_already_exists", "order with same id is already present")
		return self.said(self._order_body(self._open(told), "create"))

	def status(self, request: Request, reference: str) -> Response:
		order = self.ledger.find_order_by_reference(reference)
		refused = self.refused(request) or self.missing(order)
		return refused or self.said(self._order_body(order, "status"))

	def cancel(self, request: Request, reference: str) -> Response:
		order = self.ledger.find_order_by_reference(reference)
		refused = self.refused(request) or self.missing(order)
		if refused:
			return refused
		if self.read(request).get("order_status") != "TERMINATED":
			return self.no(400, "order_status_invalid", "order_status : should be TERMINATED")
		if self._word_of(order) != "ACTIVE":
			return self.no(400, "order_inactive", "order is not active")
		if not self.is_waiting(order):
			order.state = entries.CANCELLED
		order.fields["is_ending"] = True
		return self.said(self._order_body(order, "cancel"))

	def hosted_page(self, request: Request) -> Response:
		order = self.order_of_session(request.args.get("session"))
		if order is None:
			return self.page(pages.message_page(self.label, "Unknown session", "Please start again."), 404)
		return self.show_pay_page(order)

	def checkout_script(self, request: Request) -> Response:
		return self.script(SCRIPT)

	def can_pay(self, order: Order) -> bool:
		return self._word_of(order) == "ACTIVE"

	def complete_checkout(self, order: Order, outcome: str, method: str) -> Return:
		status = "USER_DROPPED" if outcome == "cancel" else ""
		charge = self.begin(order, method)
		if outcome != "pending":
			self.end(charge, "failure" if outcome == "cancel" else outcome, status)
		return Return("GET", order.fields["return_url"].replace("{order_id}", order.reference))

	def finish(self, order: Order, charge: Charge, outcome: str) -> None:
		self.end(charge, outcome)

	# Refunds --------------------------------------------------------------------------------------

	def refund(self, request: Request, reference: str) -> Response:
		order = self.ledger.find_order_by_reference(reference)
		refused = self.refused(request) or self.missing(order)
		return refused or self.once(request, lambda told: self._refund(order, told))

	def _refund(self, order: Order, told: dict) -> Response:
		key, note = told.get("refund_id"), told.get("refund_note", "")
		charge = next((c for c in self.ledger.charges_of(order) if c.state == entries.CAPTURED), None)
		if charge is None:
			return self.no(400, "refund_invalid", "order is not paid")
		if not isinstance(key, str) or not REFUND_ID.fullmatch(key) or not 3 <= len(note) <= 100:
			return self.no(400, "refund_invalid", "refund_id or refund_note is invalid")
		if self.ledger.find_refund(key=key):
			return self.no(409, "refund_already_exists", "refund with same id is already present")
		try:
			paise = to_minor(number_of(told.get("refund_amount")), order.currency)
			refund = self.ledger.add_refund(charge, str(1700000000 + self.ledger.next_number()), key, paise)
		except (ExceedsRefundable, ValueError):
			return self.no(400, "refund_amount_invalid", "refund amount exceeds what is left")
		refund.fields["note"] = note
		if told.get("refund_speed") == "INSTANT":
			self.finish_refund(charge, refund, "success")
		return self.said(self._refund_body(refund))

	def refunds(self, request: Request, reference: str) -> Response:
		order = self.ledger.find_order_by_reference(reference)
		refused = self.refused(request) or self.missing(order)
		if refused:
			return refused
		found = [r for charge in self.ledger.charges_of(order) for r in self.ledger.refunds_of(charge)]
		for refund in found:
			self._end_due_refund(refund)
		return self.said([self._refund_body(refund) for refund in found])

	def refund_status(self, request: Request, reference: str, key: str) -> Response:
		refund = self.ledger.find_refund(key=key)
		refused = self.refused(request)
		if refused or refund is None or refund.reference != reference:
			return refused or self.no(404, "refund_not_found", "refund does not exist")
		self._end_due_refund(refund)
		return self.said(self._refund_body(refund))

	def _end_due_refund(self, refund: Refund) -> None:
		"""The bank is done some seconds after it was asked; in the sandbox the note decides how."""
		seconds, note = self.config["refund_seconds"], refund.fields["note"]
		if refund.state != entries.REFUND_PENDING or seconds is None or note in ("PENDING", "ACTIVE"):
			return
		if self.clock.now() >= refund.created_at + timedelta(seconds=seconds):
			outcome = "failure" if NOTED.get(note) == entries.REFUND_FAILED else "success"
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
		told = {
			"order": {**ids, "order_amount": number(order.amount_minor, order.currency)},
			"payment": payment,
		}
		customer = {
			"customer_id": "sim",
			"customer_phone": None,
			"customer_email": None,
			"customer_name": None,
		}
		self._send(f"PAYMENT_{kind}_WEBHOOK", {**told, "customer_details": customer}, order)

	def notify_refund(self, charge: Charge, refund: Refund) -> None:
		order = self.ledger.find_order(charge.order_id)
		self._send("REFUND_STATUS_WEBHOOK", {"refund": self._refund_body(refund)}, order)

	def notify_dispute(self, charge: Charge, state: str) -> None:
		kind, status = DISPUTES[state]
		amount = number(charge.amount_minor, charge.currency)
		number_of_it = f"433{self.ledger.next_number():09d}"
		dispute = {"dispute_id": number_of_it, "dispute_type": "DISPUTE", "dispute_amount": amount}
		dispute |= {"dispute_status": status, "reason_description": "Duplicate Processing"}
		order = {"order_id": charge.reference, "cf_payment_id": int(charge.payment_id)}
		order |= {"payment_amount": amount, "payment_currency": charge.currency}
		told = {"dispute": {**dispute, "dispute_amount_currency": charge.currency}, "order_details": order}
		self._send(kind, told, self.ledger.find_order(charge.order_id))

	def _send(self, kind: str, data: dict, order: Order) -> None:
		now = self.clock.now()
		body = written({"data": data, "event_time": now.isoformat(timespec="seconds"), "type": kind}).encode()
		timestamp = str(int(now.timestamp() * 1000))
		mac = hmac.new(self.config["client_secret"].encode(), timestamp.encode() + body, hashlib.sha256)
		headers = {
			"Content-Type": "application/json",
			"x-webhook-timestamp": timestamp,
			"x-webhook-signature": self.reported_signature(
				"webhook", base64.b64encode(mac.digest()).decode()
			),
			"x-webhook-version": "2025-01-01",
			"x-webhook-attempt": "1",
			"x-idempotency-key": base64.b64encode(hashlib.sha256(body).digest()).decode(),
		}
		own = self.config["webhook_url"]
		self.send_webhook(body, headers, None if own else order.fields["notify_url"])

	# Inside ---------------------------------------------------------------------------------------

	def refused(self, request: Request) -> Response | None:
		"""The refusal when the keys, the version or the two-factor signature are wrong."""
		given = (request.headers.get("x-client-id"), request.headers.get("x-client-secret"))
		if given != (self.config["client_id"], self.config["client_secret"]):
			return self.no(401, "request_failed", "authentication Failed", "authentication_error")
		if request.headers.get("x-api-version") not in VERSIONS:
			return self.no(400, "api_version_invalid", "x-api-version : is missing or invalid")
		if self.config["private_key"] and not self._is_sealed(request.headers.get("x-cf-signature", "")):
			return self.no(403, "request_failed", "signature is wrong or missing", "authentication_error")
		return None

	def _is_sealed(self, sealed: str) -> bool:
		from Crypto.Cipher import PKCS1_OAEP
		from Crypto.PublicKey import RSA

		try:
			opener = PKCS1_OAEP.new(RSA.import_key(self.config["private_key"]))
			client_id, _, seconds = opener.decrypt(base64.b64decode(sealed)).decode().rpartition(".")
			age = abs(self.clock.now().timestamp() - int(seconds))
		except ValueError:
			return False
		return client_id == self.config["client_id"] and age <= 300

	def missing(self, order: Order | None) -> Response | None:
		return None if order else self.no(404, "order_not_found", "Order Reference Id does not exist")

	def once(self, request: Request, handle) -> Response:
		"""The first result of an idempotency key, over and over; another body under the same key is refused."""
		key, told = request.headers.get("x-idempotency-key"), self.read(request)
		content = f"{request.path} {json.dumps(told, sort_keys=True, default=str)}"
		if key is None:
			return handle(told)
		if not self.ledger.orders:
			self.results.clear()  # a reset emptied the books, so nothing was ever asked
		known, result = self.results.get(key, (content, None))
		if known != content:
			return self.no(
				422, "idempotency_mismatch", "another body was sent with this key", "idempotency_error"
			)
		if result is None:
			result = handle(told)
			self.results[key] = (content, result)
		return result

	def read(self, request: Request) -> dict:
		try:
			told = json.loads(request.get_data(), parse_float=Decimal)
		except ValueError:
			return {}
		return told if isinstance(told, dict) else {}

	def _open(self, told: dict) -> Order:
		meta, count = told["order_meta"], self.ledger.next_number()
		return self.ledger.add_order(
			told["order_id"],
			str(2190000000 + count),
			to_minor(told["order_amount"], "INR"),
			"INR",
			session=f"session_sim_{count}_payment",
			return_url=meta["return_url"],
			notify_url=meta.get("notify_url"),
			tags=told.get("order_tags") or {},
			expires=datetime.fromisoformat(told["order_expiry_time"]),
		)

	def order_of_session(self, session: str | None) -> Order | None:
		return next((order for order in self.ledger.orders if order.fields["session"] == session), None)

	def is_waiting(self, order: Order) -> bool:
		return any(charge.state == entries.PENDING for charge in self.ledger.charges_of(order))

	def _word_of(self, order: Order) -> str:
		states = {charge.state for charge in self.ledger.charges_of(order)}
		if states & {entries.CAPTURED, entries.AUTHORIZED, entries.VOIDED}:
			return "PAID"
		if order.state == entries.OPEN and entries.PENDING not in states:
			if order.fields.get("is_ending"):
				order.state = entries.CANCELLED
			elif self.clock.now() > order.fields["expires"]:
				order.state = entries.EXPIRED
		if order.fields.get("is_ending") and order.state == entries.OPEN:
			return "TERMINATION_REQUESTED"
		return ORDER_STATES.get(order.state, "ACTIVE")

	def _order_body(self, order: Order, call: str) -> dict:
		return {
			"cf_order_id": order.order_id,
			"order_id": order.reference,
			"entity": "order",
			"order_currency": order.currency,
			"order_amount": number(self.reported_amount(call, order.amount_minor), order.currency),
			"order_status": self._word_of(order),
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
			"refund_amount": number(refund.amount_minor, refund.currency),
			"refund_currency": refund.currency,
			"refund_status": REFUND_STATES[refund.state],
			"refund_type": "MERCHANT_INITIATED",
			"status_description": "Refund initiated.",
		}

	def said(self, body, status: int = 200) -> Response:
		return Response(written(body), status, content_type="application/json")

	def no(self, status: int, code: str, message: str, kind: str = "invalid_request_error") -> Response:
		return self.answer({"message": message, "code": code, "type": kind, "help": ""}, status)
