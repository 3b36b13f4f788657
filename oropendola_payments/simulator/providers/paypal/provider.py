"""Simulated PayPal: Orders v2, payments and refunds. Tokens and webhooks are in `wire`.

On the approval page `failure` means that the customer approves, but the card is declined at capture, as an error or, with
`declined_capture` = `recorded`, as a capture in the order; `pending` means that the capture waits for an eCheck.
"""

from datetime import datetime, timedelta
from urllib.parse import urlencode

from werkzeug.wrappers import Request, Response

from oropendola_payments.simulator.core import ledger
from oropendola_payments.simulator.core.amounts import to_text
from oropendola_payments.simulator.core.ledger import Charge, ExceedsRefundable, Order, Refund
from oropendola_payments.simulator.core.provider import Provider, Return
from oropendola_payments.simulator.providers.paypal import wire
from oropendola_payments.simulator.providers.paypal.payouts import ReportingApi
from oropendola_payments.simulator.providers.paypal.wire import Refused, Wire

CAPTURE_STATES = {ledger.CAPTURED: "COMPLETED", ledger.PENDING: "PENDING", ledger.FAILED: "DECLINED"}
CAPTURE_EVENTS = {"COMPLETED": "COMPLETED", "PENDING": "PENDING", "DECLINED": "DENIED"}
REFUND_STATES = {
	ledger.REFUNDED: "COMPLETED",
	ledger.REFUND_PENDING: "PENDING",
	ledger.REFUND_FAILED: "FAILED",
}
REFUND_EVENTS = {
	"COMPLETED": "PAYMENT.CAPTURE.REFUNDED",
	"PENDING": "PAYMENT.REFUND.PENDING",
	"FAILED": "PAYMENT.REFUND.FAILED",
}
DISPUTES = {
	"open": "CUSTOMER.DISPUTE.CREATED",
	"won": "CUSTOMER.DISPUTE.RESOLVED",
	"lost": "PAYMENT.CAPTURE.REVERSED",
}


class PayPal(ReportingApi, Wire, Provider):
	code = "paypal"
	label = "PayPal"
	methods = ("paypal",)
	dashboard_refund_fields = {"request_id": "", "tags": {}}
	defaults = {
		"key_id": "simulator-paypal-client-id",
		"key_secret": "simulator-paypal-secret-not-real",
		"webhook_id": "5AB00000CD000000E",
		"link_rel": "payer-action",  # or `approve`, which older accounts and requests get
		"refund_state": ledger.REFUNDED,  # or `pending`
		"pending_reason": "ECHECK",  # the reason of a pending capture
		"declined_capture": "refused",  # or `recorded`
		"capture_issue": "",  # an issue that refuses captures, such as ORDER_COMPLETION_IN_PROGRESS
		"certificate": "good",  # or another of `certificates.KINDS`
		"certificate_exists": True,
	}

	def __init__(self, *parts):
		super().__init__(*parts)
		self.access_tokens: dict[str, float] = {}

	def routes(self):
		return [
			("GET", "/v1/reporting/transactions", self.transactions),
			*self.wire_routes(),
			("POST", "/v2/checkout/orders", self.create),
			("GET", "/v2/checkout/orders/<order_id>", self.status),
			("POST", "/v2/checkout/orders/<order_id>/capture", self.capture),
			("GET", "/v2/payments/captures/<payment_id>", self.capture_status),
			("POST", "/v2/payments/captures/<payment_id>/refund", self.refund),
			("GET", "/v2/payments/refunds/<refund_id>", self.refund_status),
			("GET", "/checkoutnow", self.approval_page),
		]

	# Orders -----------------------------------------------------------------------------------------

	def create(self, request: Request) -> Response:
		return self.guarded(request, lambda: self._create(request))

	def _create(self, request: Request) -> Response:
		body, request_id = wire.json_body(request), request.headers.get("PayPal-Request-Id", "")
		if "payment_source" in body and not request_id:
			raise Refused(400, "PAYPAL_REQUEST_ID_REQUIRED")
		if len(request_id) > 108:
			raise Refused(400, "INVALID_STRING_LENGTH")
		replayed = next((o for o in self.ledger.orders if o.fields["request_id"] == request_id), None)
		order = replayed if request_id and replayed else self._open(body, request_id)
		return self._order_response(request, order, 200 if replayed else 201)

	def _open(self, body: dict, request_id: str) -> Order:
		units = body.get("purchase_units")
		if (
			body.get("intent") not in ("CAPTURE", "AUTHORIZE")
			or not isinstance(units, list)
			or len(units) != 1
		):
			raise Refused(400, "MISSING_REQUIRED_PARAMETER")
		unit = units[0]
		for name, longest in (
			("custom_id", 127),
			("invoice_id", 127),
			("description", 127),
			("reference_id", 256),
		):
			if not isinstance(unit.get(name, ""), str) or len(unit.get(name, "")) > longest:
				raise Refused(400, "INVALID_STRING_LENGTH")
		invoice_id = unit.get("invoice_id")
		if invoice_id and any(o.fields["unit"].get("invoice_id") == invoice_id for o in self.ledger.orders):
			raise Refused(422, "DUPLICATE_INVOICE_ID")
		minor, currency = wire.read_amount(unit.get("amount"))
		experience = body.get("payment_source", {}).get("paypal", {}).get("experience_context")
		context = experience or body.get("application_context") or {}
		for name in ("return_url", "cancel_url"):
			if not str(context.get(name, "")).startswith(("https://", "http://")):
				raise Refused(400, "INVALID_PARAMETER_VALUE")
		status = "PAYER_ACTION_REQUIRED" if experience else "CREATED"
		return self.ledger.add_order(
			unit.get("custom_id", ""),
			f"5O{self.ledger.next_number():014d}N",
			minor,
			currency,
			status=status,
			unit={**unit, "reference_id": unit.get("reference_id", "default")},
			context=context,
			request_id=request_id,
		)

	def status(self, request: Request, order_id: str) -> Response:
		return self.guarded(
			request, lambda: self.json_response(self.order_object(self._find_order(order_id)))
		)

	def _find_order(self, order_id: str) -> Order:
		order = self.ledger.find_order(order_id)
		if order is None:
			raise Refused(404, "INVALID_RESOURCE_ID")
		return order

	def _order_response(self, request: Request, order: Order, status: int) -> Response:
		body = self.order_object(order)
		if request.headers.get("Prefer") != "return=representation":
			body = {name: body[name] for name in ("id", "status", "links")}
		return self.json_response(body, status)

	def order_object(self, order: Order) -> dict:
		charges = self.ledger.charges_of(order)
		captures = [self.capture_object(charge) for charge in charges]
		refunds = [
			self._refund_object(charge, r) for charge in charges for r in self.ledger.refunds_of(charge)
		]
		unit = {**order.fields["unit"], "amount": self._amount("status", order.amount_minor, order.currency)}
		if captures:
			unit["payments"] = {"captures": captures, "refunds": refunds}
		return {
			"id": order.order_id,
			"intent": "CAPTURE",
			"status": order.fields["status"],
			"purchase_units": [unit],
			"payer": {"email_address": "buyer@example.com", "payer_id": "PAYER00000001"},
			"create_time": wire.time_text(order.created_at),
			"update_time": wire.time_text(order.fields.get("approved_at") or order.created_at),
			"links": [
				{"href": self.url(f"/v2/checkout/orders/{order.order_id}"), "rel": "self", "method": "GET"},
				{"href": self._approval_url(order), "rel": self.config["link_rel"], "method": "GET"},
			],
		}

	def _approval_url(self, order: Order) -> str:
		return self.url("/checkoutnow?" + urlencode({"token": order.order_id}))

	def approval_page(self, request: Request) -> Response:
		order = self.ledger.find_order(request.args.get("token", ""))
		return self.show_pay_page(order) if order else self.text_response("There is no such order.", 404)

	def details(self, order: Order) -> dict[str, str]:
		amount = self._amount("page", order.amount_minor, order.currency)
		return {"Amount": f"{amount['currency_code']} {amount['value']}", "Reference": order.reference}

	def complete_checkout(self, order: Order, outcome: str, method: str) -> Return:
		context = order.fields["context"]
		if outcome == "cancel":
			return Return("GET", wire.with_query(context["cancel_url"], token=order.order_id))
		order.fields.update(status="APPROVED", outcome=outcome, approved_at=self._approval_time(order))
		self.send_event("CHECKOUT.ORDER.APPROVED", "checkout-order", self.order_object(order))
		url = wire.with_query(context["return_url"], token=order.order_id, PayerID="PAYER00000001")
		return Return("GET", url)

	def _approval_time(self, order: Order) -> datetime:
		"""Now, in another second than the last approval and the last capture, because nobody approves twice within one."""
		earlier = [order.fields.get("approved_at"), *(c.created_at for c in self.ledger.charges_of(order))]
		return max([self.clock.now(), *(moment + timedelta(seconds=1) for moment in earlier if moment)])

	# Captures ---------------------------------------------------------------------------------------

	def capture(self, request: Request, order_id: str) -> Response:
		return self.guarded(request, lambda: self._capture_order(request, self._find_order(order_id)))

	def _capture_order(self, request: Request, order: Order) -> Response:
		"""A refused request id is refused again, whatever the customer did in between."""
		request_id = request.headers.get("PayPal-Request-Id", "")
		refused = order.fields.setdefault("refused", {})
		if request_id in refused:
			raise Refused(422, refused[request_id])
		try:
			return self._capture_once(request, order, request_id)
		except Refused as error:
			if request_id:
				refused[request_id] = error.issue
			raise

	def _capture_once(self, request: Request, order: Order, request_id: str) -> Response:
		wire.json_body(request)
		charges = self.ledger.charges_of(order)
		if any(charge.fields["request_id"] == request_id for charge in charges):
			return self._order_response(request, order, 200)
		if any(charge.state != ledger.FAILED for charge in charges):
			raise Refused(422, "ORDER_ALREADY_CAPTURED")
		if order.fields["status"] != "APPROVED":
			raise Refused(422, "ORDER_NOT_APPROVED")
		if self.config["capture_issue"]:
			raise Refused(422, self.config["capture_issue"])
		if order.fields["outcome"] == "failure" or self.take_fault("capture", "decline"):
			order.fields["status"] = "PAYER_ACTION_REQUIRED"
			if self.config["declined_capture"] == "refused":
				raise Refused(422, "INSTRUMENT_DECLINED")
			return self._record_capture(request, order, "failure", request_id)
		order.fields["status"] = "COMPLETED"
		return self._record_capture(request, order, order.fields["outcome"], request_id)

	def _record_capture(self, request: Request, order: Order, outcome: str, request_id: str) -> Response:
		payment_id = f"8XY{self.ledger.next_number():013d}C"
		charge = self.record_charge(order, payment_id, outcome, "paypal", request_id=request_id)
		self.notify_payment(order, charge)
		return self._order_response(request, order, 201)

	def capture_status(self, request: Request, payment_id: str) -> Response:
		return self.guarded(
			request, lambda: self.json_response(self.capture_object(self._find_charge(payment_id)))
		)

	def _find_charge(self, payment_id: str) -> Charge:
		charge = self.ledger.find_charge(payment_id)
		if charge is None:
			raise Refused(404, "INVALID_RESOURCE_ID")
		return charge

	def capture_object(self, charge: Charge, call: str = "status") -> dict:
		status, refunded = CAPTURE_STATES[charge.state], charge.refunded_minor
		if status == "COMPLETED" and refunded:
			status = "REFUNDED" if refunded == charge.amount_minor else "PARTIALLY_REFUNDED"
		capture = {
			"id": charge.payment_id,
			"status": status,
			"amount": self._amount(call, charge.amount_minor, charge.currency),
			"final_capture": True,
			"custom_id": charge.reference,
			"invoice_id": self.ledger.find_order(charge.order_id).fields["unit"].get("invoice_id"),
			"supplementary_data": {"related_ids": {"order_id": charge.order_id}},
			"create_time": wire.time_text(charge.created_at),
			"update_time": wire.time_text(charge.created_at),
		}
		if status == "PENDING":
			capture["status_details"] = {"reason": self.config["pending_reason"]}
		return capture

	def notify_payment(self, order: Order, charge: Charge) -> None:
		capture = self.capture_object(charge, "webhook")
		self.send_event(f"PAYMENT.CAPTURE.{CAPTURE_EVENTS[capture['status']]}", "capture", capture)

	def notify_dispute(self, charge: Charge, state: str) -> None:
		capture = {**self.capture_object(charge, "webhook"), "id": f"4RV{self.ledger.next_number():013d}V"}
		self.send_event(DISPUTES[state], "refund", {**capture, "links": self._links(charge, "refunds/x")})

	# Refunds ----------------------------------------------------------------------------------------

	def refund(self, request: Request, payment_id: str) -> Response:
		return self.guarded(request, lambda: self._refund_capture(request, self._find_charge(payment_id)))

	def _refund_capture(self, request: Request, charge: Charge) -> Response:
		body, request_id = wire.json_body(request), request.headers.get("PayPal-Request-Id", "")
		known = next((r for r in self.ledger.refunds if r.fields["request_id"] == request_id), None)
		if request_id and known:
			return self.json_response(self._refund_object(charge, known), 200)
		if charge.state != ledger.CAPTURED:
			raise Refused(422, "PENDING_CAPTURE")
		if not self.ledger.refundable(charge):
			raise Refused(422, "CAPTURE_FULLY_REFUNDED")
		minor = self.ledger.refundable(charge)
		if "amount" in body:
			minor, currency = wire.read_amount(body["amount"])
			if currency != charge.currency:
				raise Refused(422, "REFUND_CAPTURE_CURRENCY_MISMATCH")
		refund = self._new_refund(charge, minor, body, request_id)
		self.notify_refund(charge, refund)
		return self.json_response(self._refund_object(charge, refund), 201)

	def _new_refund(self, charge: Charge, minor: int, body: dict, request_id: str) -> Refund:
		tags = {name: body[name] for name in ("custom_id", "invoice_id") if name in body}
		key = str(body.get("custom_id", "")).removeprefix("refund-")
		refund_id = f"1JU{self.ledger.next_number():013d}R"
		fields = {"request_id": request_id, "tags": tags, "invoice_id": tags.get("invoice_id")}
		if any(r.fields.get("invoice_id") == tags.get("invoice_id", r) for r in self.ledger.refunds):
			raise Refused(422, "DUPLICATE_INVOICE_ID")
		try:
			return self.ledger.add_refund(
				charge, refund_id, key, minor, state=self.config["refund_state"], fields=fields
			)
		except ExceedsRefundable:
			raise Refused(422, "REFUND_AMOUNT_EXCEEDED") from None

	def refund_status(self, request: Request, refund_id: str) -> Response:
		return self.guarded(request, lambda: self._show_refund(refund_id))

	def _show_refund(self, refund_id: str) -> Response:
		refund = self.ledger.find_refund(refund_id=refund_id)
		if refund is None:
			raise Refused(404, "INVALID_RESOURCE_ID")
		return self.json_response(self._refund_object(self.ledger.find_charge(refund.payment_id), refund))

	def _refund_object(self, charge: Charge, refund: Refund) -> dict:
		return {
			"id": refund.refund_id,
			"status": REFUND_STATES[refund.state],
			"amount": self._amount("refund_status", refund.amount_minor, refund.currency),
			**refund.fields["tags"],
			"links": self._links(charge, f"refunds/{refund.refund_id}"),
		}

	def _links(self, charge: Charge, path: str) -> list[dict]:
		capture_url = self.url(f"/v2/payments/captures/{charge.payment_id}")
		return [
			{"href": self.url(f"/v2/payments/{path}"), "rel": "self", "method": "GET"},
			{"href": capture_url, "rel": "up", "method": "GET"},
		]

	def notify_refund(self, charge: Charge, refund: Refund) -> None:
		body = self._refund_object(charge, refund)
		self.send_event(REFUND_EVENTS[body["status"]], "refund", body)

	def _amount(self, call: str, minor: int, currency: str) -> dict[str, str]:
		minor, currency = self.reported_amount(call, minor), self.reported_currency(call, currency)
		return {"currency_code": currency, "value": to_text(minor, currency, wire.decimals(currency))}
