"""Simulated Stripe: Checkout Sessions, refunds and events.

https://docs.stripe.com/api/checkout/sessions, https://docs.stripe.com/webhooks, https://docs.stripe.com/api/idempotent_requests
"""

import hmac
import json
from functools import wraps

from werkzeug.wrappers import Request, Response

from oropendola_payments.simulator.core import ledger
from oropendola_payments.simulator.core.ledger import Charge, ExceedsRefundable, Order, Refund
from oropendola_payments.simulator.core.provider import Provider, Return
from oropendola_payments.simulator.providers.stripe import wire
from oropendola_payments.simulator.providers.stripe.payouts import PayoutApi

INTENT_EVENTS = {
	ledger.CAPTURED: "succeeded",
	ledger.PENDING: "processing",
	ledger.FAILED: "payment_failed",
}
DISPUTE_EVENTS = {"open": "created", "won": "closed", "lost": "closed"}


class Stripe(PayoutApi, Provider):
	code = "stripe"
	label = "Stripe"
	methods = ("card", "link", "us_bank_account", "konbini")
	dashboard_refund_fields = {"params": {}}
	defaults = {
		"key_secret": "sk_test_SimulatorStripe0001",
		"webhook_secret": "whsec_SimulatorStripe0001",
		"livemode": False,
		"refund_status": "succeeded",  # the status of a new refund: succeeded or pending
		"stored_failure": False,  # the next refund fails with 500, and so does every repeat of its idempotency key
	}

	def __init__(self, *parts):
		super().__init__(*parts)
		self._stored_responses: dict[str, tuple] = {}  # idempotency key -> request, response text, status

	def reset(self) -> None:
		super().reset()
		self._stored_responses.clear()

	def routes(self):
		keyed, once = self._with_key, self._idempotent
		return [
			("GET", "/v1/payouts", keyed(self.list_payouts)),
			("GET", "/v1/balance_transactions", keyed(self.list_transactions)),
			("POST", "/v1/checkout/sessions", keyed(once(self.create))),
			("GET", "/v1/checkout/sessions", keyed(self.list_sessions)),
			("GET", "/v1/checkout/sessions/<session_id>", keyed(self.status)),
			("POST", "/v1/checkout/sessions/<session_id>/expire", keyed(once(self.cancel))),
			("POST", "/v1/refunds", keyed(once(self.refund))),
			("GET", "/v1/refunds", keyed(self.list_refunds)),
			("GET", "/v1/refunds/<refund_id>", keyed(self.refund_status)),
			("GET", "/c/pay/<session_id>", self.hosted_page),
			("GET", "/<release>/stripe.js", self.sdk_script),
		]

	# Sessions ---------------------------------------------------------------------------------------

	def create(self, request: Request) -> Response:
		params = wire.read_form(request.form)
		if problem := wire.problem_of_session(params, self.clock.now().timestamp()):
			return self._refused(*problem)
		price = params["line_items"]["0"]["price_data"]
		mode = "live" if self.config["livemode"] else "test"
		order = self.ledger.add_order(
			params.get("client_reference_id", ""),
			f"cs_{mode}_Sim{self.ledger.next_number():012d}",
			self.reported_amount("create", int(price["unit_amount"])),
			price["currency"].upper(),
			params=params,
			intent_id=f"pi_Sim{self.ledger.next_number():014d}",
			expires_at=int(params.get("expires_at") or self.clock.now().timestamp() + 86400),
			status="open",
		)
		return self.json_response(self._session(order))

	def list_sessions(self, request: Request) -> Response:
		params = wire.read_form(request.args)
		window = params.get("created", {})
		first, last = int(window.get("gte", 0)), int(window.get("lte", 1 << 40))
		found = [o for o in reversed(self.ledger.orders) if first <= int(o.created_at.timestamp()) <= last]
		return self._page_of(params, [self._session(order) for order in found], "/v1/checkout/sessions")

	def status(self, request: Request, session_id: str) -> Response:
		order = self._order(session_id)
		if order is None:
			return self._missing("checkout.session", session_id)
		expand = " ".join(
			request.args.getlist("expand[]") + list(wire.read_form(request.args).get("expand", {}).values())
		)
		return self.json_response(self._session(order, "status", expand))

	def cancel(self, request: Request, session_id: str) -> Response:
		order = self._order(session_id)
		if order is None:
			return self._missing("checkout.session", session_id)
		if order.fields["status"] != "open":
			status = order.fields["status"]
			return self._refused(
				f"Only Checkout Sessions with a status of open can be expired; it is {status}."
			)
		self._expire(order)
		return self.json_response(self._session(order))

	def _expire(self, order: Order) -> None:
		order.state, order.fields["status"] = ledger.EXPIRED, "expired"
		self._send_event("checkout.session.expired", self._session(order))

	def _order(self, session_id: str) -> Order | None:
		"""The session, which expires here when its time is over."""
		order = self.ledger.find_order(session_id)
		is_late = order and self.clock.now().timestamp() >= order.fields["expires_at"]
		if is_late and order.fields["status"] == "open":
			self._expire(order)
		return order

	# Refunds ----------------------------------------------------------------------------------------

	def refund(self, request: Request) -> Response:
		params = wire.read_form(request.form)
		charge = self._charge_of(params)
		if charge is None:
			return self._missing("payment_intent", params.get("payment_intent") or params.get("charge", ""))
		if self.config["stored_failure"]:
			self.config["stored_failure"] = False
			return self.json_response(wire.error_body("An unknown error occurred", "api_error"), 500)
		refundable = self.ledger.refundable(charge)
		if charge.state != ledger.CAPTURED:
			return self._refused("This PaymentIntent does not have a successful charge to refund.")
		if not refundable:
			return self._refused("Charge has already been refunded.", code="charge_already_refunded")
		try:
			return self._new_refund(charge, params, int(params.get("amount", refundable)))
		except ExceedsRefundable:
			return self._refused("Refund amount is greater than unrefunded amount on charge", "amount")

	def _new_refund(self, charge: Charge, params: dict, amount: int) -> Response:
		state = {"succeeded": ledger.REFUNDED, "pending": ledger.REFUND_PENDING}[self.config["refund_status"]]
		key = params.get("metadata", {}).get("payment_refund", "")
		refund_id = f"re_Sim{self.ledger.next_number():014d}"
		refund = self.ledger.add_refund(
			charge, refund_id, key, amount, state=state, fields={"params": params}
		)
		self.notify_refund(charge, refund)
		return self.json_response(wire.refund_object(refund, charge))

	def list_refunds(self, request: Request) -> Response:
		params = wire.read_form(request.args)
		charge = self._charge_of(params)
		refunds = self.ledger.refunds_of(charge) if charge else []
		return self._page_of(
			params, [wire.refund_object(r, charge) for r in reversed(refunds)], "/v1/refunds"
		)

	def refund_status(self, request: Request, refund_id: str) -> Response:
		refund = self.ledger.find_refund(refund_id=refund_id)
		if refund is None:
			return self._missing("refund", refund_id)
		return self.json_response(wire.refund_object(refund, self.ledger.find_charge(refund.payment_id)))

	def _charge_of(self, params: dict) -> Charge | None:
		if intent_id := params.get("payment_intent"):
			return self.ledger.find_charge(intent_id)
		return next((c for c in self.ledger.charges if c.fields["charge_id"] == params.get("charge")), None)

	# The customer -----------------------------------------------------------------------------------

	def can_pay(self, order: Order) -> bool:
		return self._order(order.order_id).fields["status"] == "open"

	def hosted_page(self, request: Request, session_id: str) -> Response:
		order = self.ledger.find_order(session_id)
		return self.show_pay_page(order) if order else self.text_response("No such session", 404)

	def sdk_script(self, request: Request, release: str) -> Response:
		return self.script_response(wire.STRIPE_SCRIPT % json.dumps(self.url("/c/pay/")))

	def complete_checkout(self, order: Order, outcome: str, method: str) -> Return:
		"""A decline leaves the session open. `pending` is a delayed method: the session is complete but unpaid.

		A pending debit is with the bank; with a pending voucher (konbini) the customer has still to pay.
		"""
		params = order.fields["params"]
		return_url = params.get("success_url") or params["return_url"]
		return_url = return_url.replace("{CHECKOUT_SESSION_ID}", order.order_id)
		if outcome != "cancel":
			charge = self.record_charge(
				order,
				order.fields["intent_id"],
				outcome,
				method,
				charge_id=f"ch_Sim{self.ledger.next_number():014d}",
			)
			self.notify_payment(order, charge)
			if charge.state != ledger.FAILED:
				return Return("GET", return_url)
		return Return("GET", params.get("cancel_url") or return_url)

	# Events -----------------------------------------------------------------------------------------

	def notify_payment(self, order: Order, charge: Charge) -> None:
		status_before = order.fields["status"]
		if charge.state != ledger.FAILED:
			order.fields["status"] = "complete"
		session = self._session(order, "webhook")
		intent = {**self._intent(order), "amount_received": 0}
		if charge.state == ledger.CAPTURED:
			intent.update(amount_received=session["amount_total"], currency=session["currency"])
		name = "requires_action" if wire.is_unpaid_voucher(charge) else INTENT_EVENTS[charge.state]
		self._send_event(f"payment_intent.{name}", intent)
		if status_before == "complete":
			result = "succeeded" if charge.state == ledger.CAPTURED else "failed"
			self._send_event(f"checkout.session.async_payment_{result}", session)
		elif status_before != order.fields["status"]:
			self._send_event("checkout.session.completed", session)

	def notify_refund(self, charge: Charge, refund: Refund) -> None:
		body = wire.refund_object(refund, charge)
		if refund.state == ledger.REFUND_FAILED:
			self._send_event("refund.failed", body)
		self._send_event("refund.updated" if refund.fields.get("is_known") else "refund.created", body)
		refund.fields["is_known"] = True
		if refund.state == ledger.REFUNDED:
			self._send_event("charge.refunded", wire.charge_object(charge))

	def notify_dispute(self, charge: Charge, state: str) -> None:
		dispute = wire.dispute_object(charge, state, f"du_Sim{self.ledger.next_number():014d}")
		self._send_event(f"charge.dispute.{DISPUTE_EVENTS[state]}", dispute)

	def _send_event(self, name: str, resource: dict) -> None:
		now = int(self.clock.now().timestamp())
		event = wire.event_object(
			f"evt_Sim{self.ledger.next_number():014d}", name, resource, now, self.config["livemode"]
		)
		body = json.dumps(event, indent=2).encode()
		header = wire.signature_header(body, self.config["webhook_secret"], now)
		head, scheme, signature = header.partition("v1=")
		headers = {
			"Content-Type": "application/json; charset=utf-8",
			"Stripe-Signature": head + scheme + self.reported_signature("webhook", signature),
		}
		self.send_webhook(body, headers)

	# Helpers ----------------------------------------------------------------------------------------

	def _session(self, order: Order, call: str = "", expand: str = "") -> dict:
		session = wire.session_object(order, self.ledger.charges_of(order), self.config["livemode"])
		session["url"] = self._hosted_url(order)
		if session["payment_intent"] and "payment_intent" in expand:
			session["payment_intent"] = self._intent(order, "latest_charge" in expand)
		amount, currency = session["amount_total"], session["currency"].upper()
		session["amount_total"] = self.reported_amount(call, amount)
		session["currency"] = self.reported_currency(call, currency).lower()
		if isinstance(session["payment_intent"], dict) and session["payment_status"] == "paid":
			reported = {"amount_received": session["amount_total"], "currency": session["currency"]}
			session["payment_intent"].update(reported)
		return session

	def _hosted_url(self, order: Order) -> str | None:
		hosted = order.fields["params"].get("ui_mode", "hosted_page") == "hosted_page"
		return self.url(f"/c/pay/{order.order_id}") if hosted and order.fields["status"] == "open" else None

	def _intent(self, order: Order, with_charge: bool = False) -> dict:
		return wire.intent_object(order, self.ledger.charges_of(order), self.config["livemode"], with_charge)

	def _page_of(self, params: dict, found: list[dict], path: str) -> Response:
		ids = [one["id"] for one in found]
		start = ids.index(params["starting_after"]) + 1 if params.get("starting_after") in ids else 0
		page = found[start : start + int(params.get("limit", 10))]
		more = start + len(page) < len(found)
		return self.json_response({"object": "list", "url": path, "has_more": more, "data": page})

	def _with_key(self, handler):
		@wraps(handler)
		def checked(request: Request, **values) -> Response:
			expected = f"Bearer {self.config['key_secret']}"
			if not hmac.compare_digest(request.headers.get("Authorization", "").encode(), expected.encode()):
				return self.json_response(wire.error_body("Invalid API Key provided: sk_test_****"), 401)
			if request.headers.get("Stripe-Version", wire.API_VERSION) != wire.API_VERSION:
				return self._refused("Invalid Stripe API version: the simulator does not know it")
			return handler(request, **values)

		return checked

	def _idempotent(self, handler):
		"""The first response to an idempotency key again for each repeat: successes and server errors are stored."""

		@wraps(handler)
		def checked(request: Request, **values) -> Response:
			key, sent = request.headers.get("Idempotency-Key"), (request.path, request.get_data())
			if key not in self._stored_responses:
				response = handler(request, **values)
				if key and (response.status_code == 200 or response.status_code >= 500):
					text = response.get_data(as_text=True)
					self._stored_responses[key] = (sent, text, response.status_code)
				return response
			first_sent, text, status = self._stored_responses[key]
			if first_sent != sent:
				sentence = "Keys for idempotent requests can only be used with the same parameters."
				return self.json_response(wire.error_body(sentence, "idempotency_error"), 400)
			return self.json_response(json.loads(text), status, {"Idempotent-Replayed": "true"})

		return checked

	def _refused(self, sentence: str, param: str | None = None, code: str | None = None) -> Response:
		return self.json_response(wire.error_body(sentence, param=param, code=code), 400)

	def _missing(self, kind: str, id: str) -> Response:
		return self.json_response(
			wire.error_body(f"No such {kind}: '{id}'", param="id", code="resource_missing"), 404
		)
