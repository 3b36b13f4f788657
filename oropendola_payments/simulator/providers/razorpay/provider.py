"""Simulated Razorpay: the Orders API, Standard and Hosted Checkout, webhooks.

https://razorpay.com/docs/api/orders, https://razorpay.com/docs/api/refunds, https://razorpay.com/docs/webhooks and
https://razorpay.com/docs/payments/refunds/auto-refunds
"""

import base64
import hmac
import json
import re
from functools import wraps

from werkzeug.wrappers import Request, Response

from oropendola_payments.simulator.core import embedded, ledger
from oropendola_payments.simulator.core.ledger import Charge, ExceedsRefundable, Order, Refund
from oropendola_payments.simulator.core.provider import Provider, Return
from oropendola_payments.simulator.providers.razorpay import wire
from oropendola_payments.simulator.providers.razorpay.payouts import SettlementApi

IDEMPOTENCY_KEY = re.compile(r"[A-Za-z0-9_-]{10,}")
DISPUTE_EVENTS = {"open": "created", "won": "won", "lost": "lost"}


class Razorpay(SettlementApi, Provider):
	code = "razorpay"
	label = "Razorpay"
	methods = ("card", "upi", "netbanking", "wallet")
	dashboard_refund_fields = {"idempotency": "", "body": b"", "params": {}}
	defaults = {
		"key_id": "rzp_test_Simulator0001",
		"key_secret": "SimulatorRazorpayKeySecret",
		"webhook_secret": "simulator-razorpay-webhook-secret",  # empty: webhooks have no signature, as at Razorpay
		"account_id": "acc_Simulator00001",
		"capture": "automatic",  # or manual
		"refund_status": "processed",  # the status of a new refund: processed or pending
	}

	def routes(self):
		keyed = self._with_keys
		return [
			("GET", "/v1/settlements", keyed(self.settlements)),
			("GET", "/v1/settlements/recon/combined", keyed(self.recon)),
			("POST", "/v1/orders", keyed(self.create)),
			("GET", "/v1/orders", keyed(self.list_orders)),
			("GET", "/v1/orders/<order_id>", keyed(self.order_status)),
			("GET", "/v1/orders/<order_id>/payments", keyed(self.status)),
			("GET", "/v1/payments/<payment_id>", keyed(self.payment_status)),
			("POST", "/v1/payments/<payment_id>/capture", keyed(self.capture)),
			("POST", "/v1/payments/<payment_id>/refund", keyed(self.refund)),
			("GET", "/v1/payments/<payment_id>/refunds", keyed(self.list_refunds)),
			("GET", "/v1/payments/<payment_id>/refunds/<refund_id>", keyed(self.refund_status)),
			("GET", "/v1/checkout.js", self.checkout_script),
			("POST", "/v1/checkout/embedded", self.checkout),
		]

	# Orders -----------------------------------------------------------------------------------------

	def create(self, request: Request) -> Response:
		params = request.get_json(silent=True)
		if problem := wire.problem_of_order(params):
			return self._refused(*problem)
		order_id, amount = (
			f"order_Sim{self.ledger.next_number():011d}",
			self.reported_amount("create", params["amount"]),
		)
		order = self.ledger.add_order(params.get("receipt") or "", order_id, amount, params["currency"])
		order.fields["notes"] = params.get("notes") or {}
		return self.json_response(self._order(order))

	def list_orders(self, request: Request) -> Response:
		receipt = request.args.get("receipt")
		found = [order for order in reversed(self.ledger.orders) if receipt in (None, order.reference)]
		return self._list(request, [self._order(order) for order in found])

	def order_status(self, request: Request, order_id: str) -> Response:
		order = self.ledger.find_order(order_id)
		return self.json_response(self._order(order)) if order else self._unknown()

	def status(self, request: Request, order_id: str) -> Response:
		"""All payments of an order; the merchant polls this."""
		order = self.ledger.find_order(order_id)
		if order is None:
			return self._unknown()
		charges = reversed(self.ledger.charges_of(order))
		return self._list(request, [self._payment(charge, "status") for charge in charges])

	def payment_status(self, request: Request, payment_id: str) -> Response:
		charge = self.ledger.find_charge(payment_id)
		return self.json_response(self._payment(charge, "status")) if charge else self._unknown()

	def capture(self, request: Request, payment_id: str) -> Response:
		charge, params = self.ledger.find_charge(payment_id), request.get_json(silent=True) or {}
		if charge is None:
			return self._unknown()
		if charge.state == ledger.CAPTURED:
			return self._refused("This payment has already been captured")
		if charge.state != ledger.AUTHORIZED:
			return self._refused(
				"Only payments which have been authorized and not yet captured can be captured"
			)
		if (params.get("amount"), params.get("currency")) != (charge.amount_minor, charge.currency):
			return self._refused("Capture amount must be equal to the amount authorized", "amount")
		self.ledger.set_charge_state(charge, ledger.CAPTURED)
		self._notify_captured(charge)
		return self.json_response(self._payment(charge, "capture"))

	# Refunds ----------------------------------------------------------------------------------------

	def refund(self, request: Request, payment_id: str) -> Response:
		charge, body = self.ledger.find_charge(payment_id), request.get_data()
		key = request.headers.get("X-Refund-Idempotency", "")
		if charge is None:
			return self._unknown()
		if key and not IDEMPOTENCY_KEY.fullmatch(key):
			return self._refused("The idempotency key must have at least 10 letters, digits, - or _")
		known = next((r for r in self.ledger.refunds if key and r.fields["idempotency"] == key), None)
		if known is None:
			return self._new_refund(charge, key, body)
		if known.fields["body"] != body:
			return self._refused("Different request with the same idempotency key")
		return self.json_response(wire.refund_entity(known))

	def _new_refund(self, charge: Charge, key: str, body: bytes) -> Response:
		params = json.loads(body or b"{}")
		refundable = self.ledger.refundable(charge)
		if charge.state != ledger.CAPTURED:
			return self._refused("The payment status should be captured for action to be taken")
		if not refundable:
			return self._refused("The payment has been fully refunded already")
		state = {"processed": ledger.REFUNDED, "pending": ledger.REFUND_PENDING}[self.config["refund_status"]]
		fields = {"idempotency": key, "body": body, "params": params}
		refund_id, own_key = f"rfnd_Sim{self.ledger.next_number():012d}", params.get("receipt") or ""
		try:
			refund = self.ledger.add_refund(
				charge, refund_id, own_key, params.get("amount", refundable), state=state, fields=fields
			)
		except ExceedsRefundable:
			text = "The total refund amount is greater than the refund payment amount"
			return self._refused(text, "amount")
		self.notify_refund(charge, refund)
		return self.json_response(wire.refund_entity(refund))

	def return_hold(self, payment_id: str) -> Refund:
		"""Auto-refund a hold, as Razorpay does when the time to capture is over, or the order was paid by another payment."""
		with self.ledger.lock:
			charge, refund_id = (
				self.ledger.find_charge(payment_id),
				f"rfnd_Sim{self.ledger.next_number():012d}",
			)
			refund = self.ledger.return_hold(charge, refund_id, fields=dict(self.dashboard_refund_fields))
			self.notify_refund(charge, refund)
		return refund

	def list_refunds(self, request: Request, payment_id: str) -> Response:
		charge = self.ledger.find_charge(payment_id)
		if charge is None:
			return self._unknown()
		return self._list(request, [wire.refund_entity(r) for r in reversed(self.ledger.refunds_of(charge))])

	def refund_status(self, request: Request, payment_id: str, refund_id: str) -> Response:
		refund = self.ledger.find_refund(refund_id=refund_id, payment_id=payment_id)
		return self.json_response(wire.refund_entity(refund)) if refund else self._unknown()

	# The customer -----------------------------------------------------------------------------------

	def checkout_script(self, request: Request) -> Response:
		parts = {"embedded": embedded.SCRIPT, "address": json.dumps(self.url("/v1/checkout/embedded"))}
		return self.script_response(wire.CHECKOUT_SCRIPT % parts)

	def checkout(self, request: Request) -> Response:
		"""Hosted Checkout, which the stand-in of checkout.js opens too."""
		form = request.form
		order = self.ledger.find_order(form.get("order_id", ""))
		if form.get("key_id") != self.config["key_id"] or order is None:
			return self._checkout_problem("The id provided does not exist")
		if (form.get("amount"), form.get("currency")) != (str(order.amount_minor), order.currency):
			return self._checkout_problem("Amount and currency are not those of the order")
		if not re.match(r"https?://", form.get("callback_url", "")):
			return self._checkout_problem("The callback_url is missing")
		order.fields.update(form.to_dict(), embedded=form.get(embedded.FIELD, ""))
		return self.show_pay_page(order)

	def complete_checkout(self, order: Order, outcome: str, method: str) -> Return:
		if outcome == "cancel":
			return self._leave_unpaid(order)
		charge = self.record_charge(order, f"pay_Sim{self.ledger.next_number():013d}", outcome, method)
		if charge.state == ledger.CAPTURED and self.config["capture"] == "manual":
			order.state, charge.state = ledger.OPEN, ledger.AUTHORIZED
		self.notify_payment(order, charge)
		if charge.state == ledger.PENDING:
			return self._leave_unpaid(order)
		return Return(
			"POST", order.fields.get("callback_url", "about:blank"), self._return_fields(order, charge)
		)

	def _leave_unpaid(self, order: Order) -> Return:
		return Return("GET", order.fields.get("cancel_url") or "about:blank")

	def _return_fields(self, order: Order, charge: Charge) -> dict[str, str]:
		if charge.state == ledger.FAILED:
			ids = {"payment_id": charge.payment_id, "order_id": order.order_id}
			errors = {f"error[{name}]": value for name, value in wire.ERROR_FIELDS.items()}
			return {**errors, "error[metadata]": json.dumps(ids)}
		signed = f"{order.order_id}|{charge.payment_id}".encode()
		return {
			"razorpay_payment_id": charge.payment_id,
			"razorpay_order_id": order.order_id,
			"razorpay_signature": self.reported_signature(
				"return", wire.sign(signed, self.config["key_secret"])
			),
		}

	# Webhooks ---------------------------------------------------------------------------------------

	def notify_payment(self, order: Order, charge: Charge) -> None:
		if charge.state == ledger.FAILED:
			self._send_event("payment.failed", payment=self._payment(charge, "webhook"))
		elif charge.state in (ledger.AUTHORIZED, ledger.CAPTURED):
			authorized = {**self._payment(charge, ""), "status": "authorized", "captured": False}
			self._send_event("payment.authorized", payment=authorized)
			if charge.state == ledger.CAPTURED:
				self._notify_captured(charge)

	def _notify_captured(self, charge: Charge) -> None:
		payment, order = self._payment(charge, "webhook"), self.ledger.find_order(charge.order_id)
		self._send_event("payment.captured", payment=payment)
		self._send_event("order.paid", payment=payment, order=self._order(order))

	def notify_refund(self, charge: Charge, refund: Refund) -> None:
		final = {ledger.REFUNDED: "processed", ledger.REFUND_FAILED: "failed"}
		payment = self._payment(charge, "")
		if not refund.fields.get("is_known"):
			refund.fields["is_known"] = True
			self._send_event("refund.created", refund=wire.refund_entity(refund), payment=payment)
		if refund.state in final:
			self._send_event(
				f"refund.{final[refund.state]}", refund=wire.refund_entity(refund), payment=payment
			)

	def notify_dispute(self, charge: Charge, state: str) -> None:
		dispute = wire.dispute_entity(charge, state, f"disp_Sim{self.ledger.next_number():012d}")
		self._send_event(
			f"payment.dispute.{DISPUTE_EVENTS[state]}", payment=self._payment(charge, ""), dispute=dispute
		)

	def _send_event(self, event: str, **entities: dict) -> None:
		message = {
			"entity": "event",
			"account_id": self.config["account_id"],
			"event": event,
			"contains": list(entities),
			"payload": {name: {"entity": entity} for name, entity in entities.items()},
			"created_at": int(self.clock.now().timestamp()),
		}
		body = json.dumps(message, separators=(",", ":")).encode()
		headers = {
			"Content-Type": "application/json",
			"x-razorpay-event-id": f"Sim{self.ledger.next_number():011d}",
		}
		if secret := self.config["webhook_secret"]:
			headers["X-Razorpay-Signature"] = self.reported_signature("webhook", wire.sign(body, secret))
		self.send_webhook(body, headers)

	# Helpers ----------------------------------------------------------------------------------------

	def _payment(self, charge: Charge, call: str) -> dict:
		order = self.ledger.find_order(charge.order_id)
		payment = wire.payment_entity(charge, order.fields.get("notes", {}), self.ledger.refunds_of(charge))
		payment["amount"] = self.reported_amount(call, charge.amount_minor)
		payment["currency"] = self.reported_currency(call, charge.currency)
		return payment

	def _order(self, order: Order) -> dict:
		return wire.order_entity(order, self.ledger.charges_of(order))

	def _list(self, request: Request, entities: list[dict]) -> Response:
		skip, count = request.args.get("skip", 0, int), request.args.get("count", 10, int)
		if not 1 <= count <= 100:
			return self._refused("The count must be between 1 and 100", "count")
		page = entities[skip : skip + count]
		return self.json_response({"entity": "collection", "count": len(page), "items": page})

	def _with_keys(self, handler):
		@wraps(handler)
		def checked(request: Request, **values) -> Response:
			keys = f"{self.config['key_id']}:{self.config['key_secret']}"
			expected = b"Basic " + base64.b64encode(keys.encode())
			if hmac.compare_digest(request.headers.get("Authorization", "").encode(), expected):
				return handler(request, **values)
			return self.json_response(wire.error_body("Authentication failed"), 401)

		return checked

	def _refused(self, sentence: str, field: str | None = None) -> Response:
		return self.json_response(wire.error_body(sentence, field), 400)

	def _unknown(self) -> Response:
		return self._refused("The id provided does not exist", "id")

	def _checkout_problem(self, text: str) -> Response:
		return self.message_response("Payment cannot be started", text, 400)
