"""Cashfree's tries to pay: Order Pay, the bank's code, holds, and the sandbox's way to end a payment."""

from werkzeug.wrappers import Request, Response

from oropendola_payments.simulator.core import ledger as entries
from oropendola_payments.simulator.core import pages
from oropendola_payments.simulator.core.amounts import to_minor, to_text
from oropendola_payments.simulator.core.ledger import Charge, Order
from oropendola_payments.simulator.providers.cashfree.wire import number

OTP = "111000"
OTP_TRIES = 5
STATES = {
	entries.CAPTURED: "SUCCESS",
	entries.AUTHORIZED: "SUCCESS",
	entries.FAILED: "FAILED",
	entries.PENDING: "PENDING",
	entries.VOIDED: "VOID",
}
GROUPS = {"card": "credit_card", "upi": "upi", "netbanking": "net_banking"}
SIMULATED = {
	"SUCCESS": ("success", ""),
	"FAILED": ("failure", ""),
	"USER_DROPPED": ("failure", "USER_DROPPED"),
}
# One white dot: what matters is that it is a picture.
PICTURE = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGP4DwABAQEAG7buVgAAAABJRU5ErkJggg=="


class PaymentCalls:
	def payment_routes(self):
		return [
			("POST", "/pg/orders/sessions", self.order_pay),
			("POST", "/pg/orders/pay/authenticate/<payment_id>", self.authenticate),
			("POST", "/pg/simulate", self.simulate),
			("GET,POST", "/__bank/<payment_id>", self.bank_page),
		]

	def call_of(self, request: Request, handler_name: str) -> str:
		if handler_name != "authenticate":
			return handler_name
		return "resend_otp" if self.read(request).get("action") == "RESEND_OTP" else "submit_otp"

	# Order Pay ------------------------------------------------------------------------------------

	def order_pay(self, request: Request) -> Response:
		"""No keys are needed here; the session is the proof."""
		return self.once(request, self._order_pay)

	def _order_pay(self, told: dict) -> Response:
		order, method = self.order_of_session(told.get("payment_session_id")), told.get("payment_method")
		if order is None or not self.can_pay(order):
			return self.no(
				400, "payment_session_id_invalid", "payment_session_id is not present or is invalid"
			)
		if not self.config["has_order_pay"]:
			return self.no(403, "request_failed", "transactions are not enabled for your account")
		if not isinstance(method, dict) or len(method) != 1:
			return self.no(400, "payment_method_invalid", "payment_method is invalid")
		kind, details = next(iter(method.items()))
		pay = {"upi": self._pay_by_upi, "netbanking": self._pay_by_bank, "card": self._pay_by_card}.get(kind)
		answer = pay(order, details) if pay and isinstance(details, dict) else None
		return answer or self.no(400, "payment_method_invalid", f"payment_method.{kind} is invalid")

	def _pay_by_upi(self, order: Order, details: dict) -> Response | None:
		channel = details.get("channel")
		if channel not in ("link", "collect", "qrcode") or (
			channel == "collect" and "@" not in details.get("upi_id", "")
		):
			return None
		charge = self.begin(order, "upi")
		address = (
			f"upi://pay?pa=sim@example&tr={charge.payment_id}&am={to_text(charge.amount_minor, 'INR')}&cu=INR"
		)
		payloads = {
			"link": {
				"default": address,
				"gpay": address.replace("upi:", "tez:"),
				"web": self._bank_url(charge),
			},
			"qrcode": {"qrcode": f"data:image/png;base64,{PICTURE}"},
			"collect": None,
		}
		return self._go_on(charge, channel, "custom", None, payloads[channel])

	def _pay_by_bank(self, order: Order, details: dict) -> Response | None:
		if details.get("channel") != "link" or not isinstance(details.get("netbanking_bank_code"), int):
			return None
		charge = self.begin(order, "netbanking")
		return self._go_on(charge, "link", "link", self._bank_url(charge))

	def _pay_by_card(self, order: Order, details: dict) -> Response | None:
		if "card_number" in details:
			return self.no(403, "request_failed", "account has no PCI DSS flag")
		if not details.get("instrument_id") or details.get("channel") not in ("post", "link"):
			return None
		charge = self.begin(order, "card")
		if details["channel"] == "link" or not self.config["has_native_otp"]:
			return self._go_on(charge, "link", "link", self._bank_url(charge))
		charge.fields["waits_for_code"] = True
		url = self.url(f"/pg/orders/pay/authenticate/{charge.payment_id}")
		return self._go_on(charge, "post", "post", url, None, self._bank_url(charge))

	def _go_on(
		self, charge: Charge, channel: str, action: str, url, payload=None, bank_page=None
	) -> Response:
		data = {"url": url, "payload": payload, "content_type": "application/json", "method": "post"}
		return self.said(
			{
				"action": action,
				"cf_payment_id": charge.payment_id,
				"channel": channel,
				"data": {**data, "redirect_to_bank": bank_page} if bank_page else data,
				"payment_amount": number(charge.amount_minor, charge.currency),
				"payment_method": charge.method,
			}
		)

	# The bank's code --------------------------------------------------------------------------------

	def authenticate(self, request: Request, payment_id: str) -> Response:
		told, charge = self.read(request), self.ledger.find_charge(payment_id)
		if charge is None or not charge.fields.get("waits_for_code"):
			return self.no(404, "payment_not_found", "payment does not exist")
		if charge.fields.get("otp_tries", 0) >= OTP_TRIES:
			return self.no(400, "request_invalid", "Exceeded retry attempts.")
		if charge.state != entries.PENDING:
			return self.no(400, "request_invalid", "Transaction is already processed.")
		action = told.get("action")
		if action == "RESEND_OTP":
			charge.fields["otp_sent"] = charge.fields.get("otp_sent", 1) + 1
			return self._authenticated(charge, action, True, "otp sent")
		if action != "SUBMIT_OTP" or not isinstance(told.get("otp"), str):
			return self.no(400, "request_invalid", "action or otp is invalid")
		return self._check_code(charge, told["otp"])

	def _check_code(self, charge: Charge, code: str) -> Response:
		if code == OTP:
			self.end(charge, "success")
			return self._authenticated(charge, "SUBMIT_OTP", True, "payment successful")
		charge.fields["otp_tries"] = charge.fields.get("otp_tries", 0) + 1
		if charge.fields["otp_tries"] >= OTP_TRIES:
			self.end(charge, "failure")
		return self._authenticated(charge, "SUBMIT_OTP", False, "otp is invalid")

	def _authenticated(self, charge: Charge, action: str, is_right: bool, message: str) -> Response:
		word = "SUCCESS" if is_right else "FAILED"
		told = {"action": action, "authenticate_status": word, "payment_message": message}
		return self.said({"cf_payment_id": charge.payment_id, **told})

	def bank_page(self, request: Request, payment_id: str) -> Response:
		"""The bank's own page, or the payer's UPI app."""
		charge = self.ledger.find_charge(payment_id)
		if charge is None:
			return self.page(pages.message_page(self.label, "Unknown payment", "There is none."), 404)
		order, outcome = self.ledger.find_order(charge.order_id), request.form.get("outcome")
		if charge.state == entries.PENDING and request.method == "GET":
			return self.page(self._bank_html(order, charge))
		if charge.state == entries.PENDING and outcome in ("success", "failure"):
			self.end(charge, outcome)
		return Response("", 303, {"Location": order.fields["return_url"]})

	def _bank_html(self, order: Order, charge: Charge) -> str:
		action, facts = self._bank_url(charge), self.facts(order)
		if charge.method == "upi":
			return pages.upi_page(self.label, action, facts, "upi")
		buttons = pages.form(action, {}, pages.UPI_BUTTONS)
		return pages.layout(self.label, "Your bank asks for approval", pages.fact_list(facts) + buttons)

	def _bank_url(self, charge: Charge) -> str:
		return self.url(f"/__bank/{charge.payment_id}")

	# Ends -------------------------------------------------------------------------------------------

	def simulate(self, request: Request) -> Response:
		"""The sandbox's own way to end a payment."""
		told = self.read(request)
		charge = self.ledger.find_charge(str(told.get("entity_id")))
		wanted = (told.get("entity_simulation") or {}).get("payment_status")
		refused = self.refused(request)
		if refused:
			return refused
		if told.get("entity") != "PAYMENTS" or charge is None or wanted not in (*SIMULATED, "PENDING"):
			return self.no(400, "entity_invalid", "entity, entity_id or payment_status is invalid")
		if wanted != "PENDING":
			self.end(charge, *SIMULATED[wanted])
		return self.said({"simulation_id": f"sim{self.ledger.next_number()}", "entity": "PAYMENTS", **told})

	def begin(self, order: Order, method: str) -> Charge:
		return self.record_charge(order, str(1450000000 + self.ledger.next_number()), "pending", method)

	def end(self, charge: Charge, outcome: str, status: str = "") -> None:
		"""The try ends: taken (or held), or failed; a decline fault turns a success into a failure."""
		if outcome == "success" and self.fault("pay", "decline"):
			outcome = "failure"
		taken = entries.AUTHORIZED if self.config["holds_only"] else entries.CAPTURED
		charge.fields["status"] = status
		self.ledger.set_charge_state(charge, taken if outcome == "success" else entries.FAILED)
		self.notify_payment(self.ledger.find_order(charge.order_id), charge)

	# What is told of them ---------------------------------------------------------------------------

	def payments(self, request: Request, reference: str) -> Response:
		order = self.ledger.find_order_by_reference(reference)
		refused = self.refused(request) or self.missing(order)
		if refused:
			return refused
		newest_first = reversed(self.ledger.charges_of(order))
		return self.said([self.payment_body(charge, "payments") for charge in newest_first])

	def capture(self, request: Request, reference: str) -> Response:
		order = self.ledger.find_order_by_reference(reference)
		refused = self.refused(request) or self.missing(order)
		return refused or self.once(request, lambda told: self._capture(order, told))

	def _capture(self, order: Order, told: dict) -> Response:
		held = next((c for c in self.ledger.charges_of(order) if c.state == entries.AUTHORIZED), None)
		if held is None or told.get("action") not in ("CAPTURE", "VOID"):
			return self.no(400, "authorization_invalid", "order has no open authorization")
		if told["action"] == "VOID":
			self.ledger.set_charge_state(held, entries.VOIDED)
			return self.said(self.payment_body(held, "capture"))
		paise = to_minor(told.get("amount"), held.currency)
		if not 0 < paise <= held.amount_minor:
			return self.no(400, "amount_invalid", "amount is more than was authorised")
		held.amount_minor = paise
		held.fields["authorization"] = "CAPTURE"
		self.ledger.set_charge_state(held, entries.CAPTURED)
		return self.said(self.payment_body(held, "capture"))

	def payment_body(self, charge: Charge, call: str) -> dict:
		order, amount = (
			self.ledger.find_order(charge.order_id),
			self.reported_amount(call, charge.amount_minor),
		)
		body = {
			"cf_payment_id": charge.payment_id,
			"order_id": charge.reference,
			"entity": "payment",
			"is_captured": charge.state == entries.CAPTURED,
			"order_amount": number(order.amount_minor, order.currency),
			"payment_group": GROUPS[charge.method],
			"payment_currency": self.reported_currency(call, charge.currency),
			"payment_amount": number(amount, charge.currency),
			"payment_time": charge.created_at.isoformat(timespec="seconds"),
			"payment_status": charge.fields.get("status") or STATES[charge.state],
			"payment_message": "Simulated response message",
			"bank_reference": "1234567890",
			"payment_method": {charge.method: {"channel": "link"}},
		}
		if charge.state == entries.FAILED:
			body["error_details"] = {
				"error_code": "TRANSACTION_DECLINED",
				"error_description": "The bank said no.",
			}
		if charge.fields.get("authorization") or charge.state == entries.VOIDED:
			action = charge.fields.get("authorization") or "VOID"
			body["authorization"] = {
				"action": action,
				"status": "SUCCESS",
				"captured_amount": body["payment_amount"],
			}
		return body
