"""Cashfree's Order Pay: paying by API with the OTP of the bank, authorizations, and the sandbox's simulate call."""

from werkzeug.wrappers import Request, Response

from oropendola_payments.simulator.core import ledger, pages
from oropendola_payments.simulator.core.amounts import to_minor, to_text
from oropendola_payments.simulator.core.ledger import Charge, Order
from oropendola_payments.simulator.providers.cashfree import wire

OTP = "111000"
MAX_OTP_ATTEMPTS = 5
STATES = {
	ledger.CAPTURED: "SUCCESS",
	ledger.AUTHORIZED: "SUCCESS",
	ledger.FAILED: "FAILED",
	ledger.PENDING: "PENDING",
	ledger.VOIDED: "VOID",
}
GROUPS = {"card": "credit_card", "upi": "upi", "netbanking": "net_banking"}
SIMULATED_RESULTS = {
	"SUCCESS": ("success", ""),
	"FAILED": ("failure", ""),
	"USER_DROPPED": ("failure", "USER_DROPPED"),
}
# A single white pixel: only that it is an image matters.
QR_CODE = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGP4DwABAQEAG7buVgAAAABJRU5ErkJggg=="


class OrderPay:
	def payment_routes(self):
		return [
			("POST", "/pg/orders/sessions", self.order_pay),
			("POST", "/pg/orders/pay/authenticate/<payment_id>", self.authenticate),
			("POST", "/pg/simulate", self.simulate),
			("GET,POST", "/__bank/<payment_id>", self.bank_page),
		]

	def call_name(self, request: Request, handler_name: str) -> str:
		if handler_name != "authenticate":
			return handler_name
		return "resend_otp" if self.json_object(request).get("action") == "RESEND_OTP" else "submit_otp"

	# Order Pay ------------------------------------------------------------------------------------

	def order_pay(self, request: Request) -> Response:
		"""This call needs no keys, because the session authenticates it."""
		return self.idempotent(request, self._order_pay)

	def _order_pay(self, params: dict) -> Response:
		order, method = self.order_of_session(params.get("payment_session_id")), params.get("payment_method")
		if order is None or not self.can_pay(order):
			return self.error(
				400, "payment_session_id_invalid", "payment_session_id is not present or is invalid"
			)
		if not self.config["has_order_pay"]:
			return self.error(403, "request_failed", "transactions are not enabled for your account")
		if not isinstance(method, dict) or len(method) != 1:
			return self.error(400, "payment_method_invalid", "payment_method is invalid")
		kind, details = next(iter(method.items()))
		handle = {"upi": self._pay_by_upi, "netbanking": self._pay_by_bank, "card": self._pay_by_card}.get(
			kind
		)
		response = handle(order, details) if handle and isinstance(details, dict) else None
		return response or self.error(400, "payment_method_invalid", f"payment_method.{kind} is invalid")

	def _pay_by_upi(self, order: Order, details: dict) -> Response | None:
		channel = details.get("channel")
		if channel not in ("link", "collect", "qrcode") or (
			channel == "collect" and "@" not in details.get("upi_id", "")
		):
			return None
		charge = self.start_payment(order, "upi")
		address = (
			f"upi://pay?pa=sim@example&tr={charge.payment_id}&am={to_text(charge.amount_minor, 'INR')}&cu=INR"
		)
		payloads = {
			"link": {
				"default": address,
				"gpay": address.replace("upi:", "tez:"),
				"web": self._bank_url(charge),
			},
			"qrcode": {"qrcode": f"data:image/png;base64,{QR_CODE}"},
			"collect": None,
		}
		return self._next_action(charge, channel, "custom", None, payloads[channel])

	def _pay_by_bank(self, order: Order, details: dict) -> Response | None:
		if details.get("channel") != "link" or not isinstance(details.get("netbanking_bank_code"), int):
			return None
		charge = self.start_payment(order, "netbanking")
		return self._next_action(charge, "link", "link", self._bank_url(charge))

	def _pay_by_card(self, order: Order, details: dict) -> Response | None:
		if "card_number" in details:
			return self.error(403, "request_failed", "account has no PCI DSS flag")
		if not details.get("instrument_id") or details.get("channel") not in ("post", "link"):
			return None
		charge = self.start_payment(order, "card")
		if details["channel"] == "link" or not self.config["has_native_otp"]:
			return self._next_action(charge, "link", "link", self._bank_url(charge))
		charge.fields["needs_otp"] = True
		url = self.url(f"/pg/orders/pay/authenticate/{charge.payment_id}")
		return self._next_action(charge, "post", "post", url, None, self._bank_url(charge))

	def _next_action(
		self, charge: Charge, channel: str, action: str, url, payload=None, bank_page=None
	) -> Response:
		data = {"url": url, "payload": payload, "content_type": "application/json", "method": "post"}
		return self.amounts_response(
			{
				"action": action,
				"cf_payment_id": charge.payment_id,
				"channel": channel,
				"data": {**data, "redirect_to_bank": bank_page} if bank_page else data,
				"payment_amount": wire.json_number(charge.amount_minor, charge.currency),
				"payment_method": charge.method,
			}
		)

	# The OTP of the bank ----------------------------------------------------------------------------

	def authenticate(self, request: Request, payment_id: str) -> Response:
		params, charge = self.json_object(request), self.ledger.find_charge(payment_id)
		if charge is None or not charge.fields.get("needs_otp"):
			return self.error(404, "payment_not_found", "payment does not exist")
		if charge.fields.get("otp_attempts", 0) >= MAX_OTP_ATTEMPTS:
			return self.error(400, "request_invalid", "Exceeded retry attempts.")
		if charge.state != ledger.PENDING:
			return self.error(400, "request_invalid", "Transaction is already processed.")
		action = params.get("action")
		if action == "RESEND_OTP":
			charge.fields["otps_sent"] = charge.fields.get("otps_sent", 1) + 1
			return self._otp_response(charge, action, True, "otp sent")
		if action != "SUBMIT_OTP" or not isinstance(params.get("otp"), str):
			return self.error(400, "request_invalid", "action or otp is invalid")
		return self._check_otp(charge, params["otp"])

	def _check_otp(self, charge: Charge, otp: str) -> Response:
		if otp == OTP:
			self.end_payment(charge, "success")
			return self._otp_response(charge, "SUBMIT_OTP", True, "payment successful")
		charge.fields["otp_attempts"] = charge.fields.get("otp_attempts", 0) + 1
		if charge.fields["otp_attempts"] >= MAX_OTP_ATTEMPTS:
			self.end_payment(charge, "failure")
		return self._otp_response(charge, "SUBMIT_OTP", False, "otp is invalid")

	def _otp_response(self, charge: Charge, action: str, is_success: bool, message: str) -> Response:
		status = "SUCCESS" if is_success else "FAILED"
		result = {"action": action, "authenticate_status": status, "payment_message": message}
		return self.amounts_response({"cf_payment_id": charge.payment_id, **result})

	def bank_page(self, request: Request, payment_id: str) -> Response:
		"""The page of the bank, or the payer's UPI app."""
		charge = self.ledger.find_charge(payment_id)
		if charge is None:
			return self.message_response("Unknown payment", "There is none.", 404)
		order, outcome = self.ledger.find_order(charge.order_id), request.form.get("outcome")
		if charge.state == ledger.PENDING and request.method == "GET":
			return self.html_response(self._bank_html(order, charge))
		if charge.state == ledger.PENDING and outcome in ("success", "failure"):
			self.end_payment(charge, outcome)
		return Response("", 303, {"Location": order.fields["return_url"]})

	def _bank_html(self, order: Order, charge: Charge) -> str:
		action, details = self._bank_url(charge), self.details(order)
		if charge.method == "upi":
			return pages.upi_page(self.label, action, details, "upi")
		buttons = pages.form(action, {}, pages.UPI_BUTTONS)
		return pages.layout(self.label, "Your bank asks for approval", pages.detail_list(details) + buttons)

	def approval_url(self, charge: Charge) -> str | None:
		return self._bank_url(charge)

	def _bank_url(self, charge: Charge) -> str:
		return self.url(f"/__bank/{charge.payment_id}")

	# Results ----------------------------------------------------------------------------------------

	def simulate(self, request: Request) -> Response:
		"""The sandbox's call that gives a payment its result."""
		params = self.json_object(request)
		charge = self.ledger.find_charge(str(params.get("entity_id")))
		status = (params.get("entity_simulation") or {}).get("payment_status")
		error = self.auth_error(request)
		if error:
			return error
		if (
			params.get("entity") != "PAYMENTS"
			or charge is None
			or status not in (*SIMULATED_RESULTS, "PENDING")
		):
			return self.error(400, "entity_invalid", "entity, entity_id or payment_status is invalid")
		if status != "PENDING":
			self.end_payment(charge, *SIMULATED_RESULTS[status])
		return self.amounts_response(
			{"simulation_id": f"sim{self.ledger.next_number()}", "entity": "PAYMENTS", **params}
		)

	def start_payment(self, order: Order, method: str) -> Charge:
		return self.record_charge(order, str(1450000000 + self.ledger.next_number()), "pending", method)

	def end_payment(self, charge: Charge, outcome: str, status: str = "") -> None:
		"""The payment is captured (or authorized), or it fails; a decline fault turns a success into a failure."""
		if outcome == "success" and self.take_fault("pay", "decline"):
			outcome = "failure"
		success = ledger.AUTHORIZED if self.config["holds_only"] else ledger.CAPTURED
		charge.fields["status"] = status
		self.ledger.set_charge_state(charge, success if outcome == "success" else ledger.FAILED)
		self.notify_payment(self.ledger.find_order(charge.order_id), charge)

	# Payment objects --------------------------------------------------------------------------------

	def payments(self, request: Request, reference: str) -> Response:
		order = self.ledger.find_order_by_reference(reference)
		error = self.auth_error(request) or self.not_found(order)
		if error:
			return error
		newest_first = reversed(self.ledger.charges_of(order))
		return self.amounts_response([self.payment_body(charge, "payments") for charge in newest_first])

	def capture(self, request: Request, reference: str) -> Response:
		order = self.ledger.find_order_by_reference(reference)
		error = self.auth_error(request) or self.not_found(order)
		return error or self.idempotent(request, lambda params: self._capture(order, params))

	def _capture(self, order: Order, params: dict) -> Response:
		authorized = next((c for c in self.ledger.charges_of(order) if c.state == ledger.AUTHORIZED), None)
		if authorized is None or params.get("action") not in ("CAPTURE", "VOID"):
			return self.error(400, "authorization_invalid", "order has no open authorization")
		if params["action"] == "VOID":
			self.ledger.set_charge_state(authorized, ledger.VOIDED)
			return self.amounts_response(self.payment_body(authorized, "capture"))
		paise = to_minor(params.get("amount"), authorized.currency)
		if not 0 < paise <= authorized.amount_minor:
			return self.error(400, "amount_invalid", "amount is more than was authorised")
		authorized.amount_minor = paise
		authorized.fields["authorization"] = "CAPTURE"
		self.ledger.set_charge_state(authorized, ledger.CAPTURED)
		return self.amounts_response(self.payment_body(authorized, "capture"))

	def payment_body(self, charge: Charge, call: str) -> dict:
		order, amount = (
			self.ledger.find_order(charge.order_id),
			self.reported_amount(call, charge.amount_minor),
		)
		body = {
			"cf_payment_id": charge.payment_id,
			"order_id": charge.reference,
			"entity": "payment",
			"is_captured": charge.state == ledger.CAPTURED,
			"order_amount": wire.json_number(order.amount_minor, order.currency),
			"payment_group": GROUPS[charge.method],
			"payment_currency": self.reported_currency(call, charge.currency),
			"payment_amount": wire.json_number(amount, charge.currency),
			"payment_time": charge.created_at.isoformat(timespec="seconds"),
			"payment_status": charge.fields.get("status") or STATES[charge.state],
			"payment_message": "Simulated response message",
			"bank_reference": "1234567890",
			"payment_method": {charge.method: {"channel": "link"}},
		}
		if charge.state == ledger.FAILED:
			body["error_details"] = {
				"error_code": "TRANSACTION_DECLINED",
				"error_description": "The bank declined the payment.",
			}
		if charge.fields.get("authorization") or charge.state == ledger.VOIDED:
			action = charge.fields.get("authorization") or "VOID"
			body["authorization"] = {
				"action": action,
				"status": "SUCCESS",
				"captured_amount": body["payment_amount"],
			}
		return body
