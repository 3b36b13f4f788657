"""Stripe: Checkout Sessions, refunds, events. What its objects look like is in `stripe_wire`.

https://docs.stripe.com/api/checkout/sessions, https://docs.stripe.com/webhooks, https://docs.stripe.com/api/idempotent_requests
"""

import hmac
import json
from functools import wraps

from werkzeug.wrappers import Request, Response

from oropendola_payments.simulator.core import ledger
from oropendola_payments.simulator.core.ledger import Charge, ExceedsRefundable, Order, Refund
from oropendola_payments.simulator.core.provider import Provider, Return
from oropendola_payments.simulator.providers.stripe.wire import (
	API_VERSION,
	STRIPE_SCRIPT,
	charge_object,
	dispute_object,
	error_body,
	event_object,
	intent_object,
	problem_of_session,
	read_form,
	refund_object,
	session_object,
	signature_header,
)

DISPUTE_EVENTS = {"open": "created", "won": "closed", "lost": "closed"}


class Stripe(Provider):
	code = "stripe"
	label = "Stripe"
	methods = ("card", "link", "us_bank_account")
	dashboard_refund = {"asked": {}}
	defaults = {
		"key_secret": "sk_test_SimulatorStripe0001",
		"webhook_secret": "whsec_SimulatorStripe0001",
		"livemode": False,
		"refund_status": "succeeded",  # how a new refund starts: succeeded or pending
		"stored_failure": False,  # the next refund answers 500, and again for every repetition of its idempotency key
	}

	def __init__(self, *parts):
		super().__init__(*parts)
		self._answers: dict[str, tuple] = {}  # idempotency key -> what was asked, what was answered

	def routes(self):
		keyed, once = self._with_key, self._only_once
		return [
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
		asked = read_form(request.form)
		if problem := problem_of_session(asked, self.clock.now().timestamp()):
			return self._refused(*problem)
		price = asked["line_items"]["0"]["price_data"]
		mode = "live" if self.config["livemode"] else "test"
		order = self.ledger.add_order(
			asked.get("client_reference_id", ""),
			f"cs_{mode}_Sim{self.ledger.next_number():012d}",
			self.reported_amount("create", int(price["unit_amount"])),
			price["currency"].upper(),
			asked=asked,
			intent_id=f"pi_Sim{self.ledger.next_number():014d}",
			expires_at=int(asked.get("expires_at") or self.clock.now().timestamp() + 86400),
			status="open",
		)
		return self.answer(self._session(order))

	def list_sessions(self, request: Request) -> Response:
		asked = read_form(request.args)
		window = asked.get("created", {})
		first, last = int(window.get("gte", 0)), int(window.get("lte", 1 << 40))
		found = [o for o in reversed(self.ledger.orders) if first <= int(o.created_at.timestamp()) <= last]
		return self._list(asked, [self._session(order) for order in found], "/v1/checkout/sessions")

	def status(self, request: Request, session_id: str) -> Response:
		order = self._order(session_id)
		if order is None:
			return self._missing("checkout.session", session_id)
		expand = " ".join(
			request.args.getlist("expand[]") + list(read_form(request.args).get("expand", {}).values())
		)
		return self.answer(self._session(order, "status", expand))

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
		return self.answer(self._session(order))

	def _expire(self, order: Order) -> None:
		order.state, order.fields["status"] = ledger.EXPIRED, "expired"
		self._notify("checkout.session.expired", self._session(order))

	def _order(self, session_id: str) -> Order | None:
		"""The session, expired when its time is over."""
		order = self.ledger.find_order(session_id)
		late = order and self.clock.now().timestamp() >= order.fields["expires_at"]
		if late and order.fields["status"] == "open":
			self._expire(order)
		return order

	# Refunds ----------------------------------------------------------------------------------------

	def refund(self, request: Request) -> Response:
		asked = read_form(request.form)
		charge = self._charge_of(asked)
		if charge is None:
			return self._missing("payment_intent", asked.get("payment_intent") or asked.get("charge", ""))
		if self.config["stored_failure"]:
			self.config["stored_failure"] = False
			return self.answer(error_body("An unknown error occurred", "api_error"), 500)
		left = self.ledger.refundable(charge)
		if charge.state != ledger.CAPTURED:
			return self._refused("This PaymentIntent does not have a successful charge to refund.")
		if not left:
			return self._refused("Charge has already been refunded.", code="charge_already_refunded")
		try:
			return self._new_refund(charge, asked, int(asked.get("amount", left)))
		except ExceedsRefundable:
			return self._refused("Refund amount is greater than unrefunded amount on charge", "amount")

	def _new_refund(self, charge: Charge, asked: dict, amount: int) -> Response:
		state = {"succeeded": ledger.REFUNDED, "pending": ledger.REFUND_PENDING}[self.config["refund_status"]]
		key = asked.get("metadata", {}).get("payment_refund", "")
		refund_id = f"re_Sim{self.ledger.next_number():014d}"
		refund = self.ledger.add_refund(charge, refund_id, key, amount, state=state, fields={"asked": asked})
		self.notify_refund(charge, refund)
		return self.answer(refund_object(refund, charge))

	def list_refunds(self, request: Request) -> Response:
		asked = read_form(request.args)
		charge = self._charge_of(asked)
		refunds = self.ledger.refunds_of(charge) if charge else []
		return self._list(asked, [refund_object(r, charge) for r in reversed(refunds)], "/v1/refunds")

	def refund_status(self, request: Request, refund_id: str) -> Response:
		refund = self.ledger.find_refund(refund_id=refund_id)
		if refund is None:
			return self._missing("refund", refund_id)
		return self.answer(refund_object(refund, self.ledger.find_charge(refund.payment_id)))

	def _charge_of(self, asked: dict) -> Charge | None:
		if intent_id := asked.get("payment_intent"):
			return self.ledger.find_charge(intent_id)
		return next((c for c in self.ledger.charges if c.fields["charge_id"] == asked.get("charge")), None)

	# The customer -----------------------------------------------------------------------------------

	def can_pay(self, order: Order) -> bool:
		return self._order(order.order_id).fields["status"] == "open"

	def hosted_page(self, request: Request, session_id: str) -> Response:
		order = self.ledger.find_order(session_id)
		return self.show_pay_page(order) if order else self.text("No such session", 404)

	def sdk_script(self, request: Request, release: str) -> Response:
		return self.script(STRIPE_SCRIPT % json.dumps(self.url("/c/pay/")))

	def complete_checkout(self, order: Order, outcome: str, method: str) -> Return:
		"""A decline leaves the session open. `pending` is a delayed method: the session is complete, not yet paid."""
		asked = order.fields["asked"]
		back = asked.get("success_url") or asked["return_url"]
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
				return Return("GET", back.replace("{CHECKOUT_SESSION_ID}", order.order_id))
		return Return("GET", asked.get("cancel_url") or back.replace("{CHECKOUT_SESSION_ID}", order.order_id))

	# Events -----------------------------------------------------------------------------------------

	def notify_payment(self, order: Order, charge: Charge) -> None:
		before, delayed = order.fields["status"], order.fields["status"] == "complete"
		if charge.state != ledger.FAILED:
			order.fields["status"] = "complete"
		told = {ledger.CAPTURED: "succeeded", ledger.PENDING: "processing", ledger.FAILED: "payment_failed"}
		session = self._session(order, "webhook")
		intent = {**self._intent(order), "amount_received": 0}
		if charge.state == ledger.CAPTURED:
			intent.update(amount_received=session["amount_total"], currency=session["currency"])
		self._notify(f"payment_intent.{told[charge.state]}", intent)
		if delayed:
			ended = "succeeded" if charge.state == ledger.CAPTURED else "failed"
			self._notify(f"checkout.session.async_payment_{ended}", session)
		elif before != order.fields["status"]:
			self._notify("checkout.session.completed", session)

	def notify_refund(self, charge: Charge, refund: Refund) -> None:
		told = refund_object(refund, charge)
		if refund.state == ledger.REFUND_FAILED:
			self._notify("refund.failed", told)
		self._notify("refund.updated" if refund.fields.get("announced") else "refund.created", told)
		refund.fields["announced"] = True
		if refund.state == ledger.REFUNDED:
			self._notify("charge.refunded", charge_object(charge))

	def notify_dispute(self, charge: Charge, state: str) -> None:
		dispute = dispute_object(charge, state, f"du_Sim{self.ledger.next_number():014d}")
		self._notify(f"charge.dispute.{DISPUTE_EVENTS[state]}", dispute)

	def _notify(self, name: str, told: dict) -> None:
		now = int(self.clock.now().timestamp())
		event = event_object(
			f"evt_Sim{self.ledger.next_number():014d}", name, told, now, self.config["livemode"]
		)
		body = json.dumps(event, indent=2).encode()
		header = signature_header(body, self.config["webhook_secret"], now)
		head, mark, signature = header.partition("v1=")
		headers = {
			"Content-Type": "application/json; charset=utf-8",
			"Stripe-Signature": head + mark + self.reported_signature("webhook", signature),
		}
		self.send_webhook(body, headers)

	# Small help -------------------------------------------------------------------------------------

	def _session(self, order: Order, call: str = "", expand: str = "") -> dict:
		told = session_object(order, self.ledger.charges_of(order), self.config["livemode"])
		told["url"] = self._page_of(order)
		if told["payment_intent"] and "payment_intent" in expand:
			told["payment_intent"] = self._intent(order, "latest_charge" in expand)
		amount, currency = told["amount_total"], told["currency"].upper()
		told["amount_total"] = self.reported_amount(call, amount)
		told["currency"] = self.reported_currency(call, currency).lower()
		if isinstance(told["payment_intent"], dict) and told["payment_status"] == "paid":
			told["payment_intent"].update(amount_received=told["amount_total"], currency=told["currency"])
		return told

	def _page_of(self, order: Order) -> str | None:
		hosted = order.fields["asked"].get("ui_mode", "hosted_page") == "hosted_page"
		return self.url(f"/c/pay/{order.order_id}") if hosted and order.fields["status"] == "open" else None

	def _intent(self, order: Order, with_charge: bool = False) -> dict:
		return intent_object(order, self.ledger.charges_of(order), self.config["livemode"], with_charge)

	def _list(self, asked: dict, found: list[dict], path: str) -> Response:
		ids = [one["id"] for one in found]
		start = ids.index(asked["starting_after"]) + 1 if asked.get("starting_after") in ids else 0
		page = found[start : start + int(asked.get("limit", 10))]
		more = start + len(page) < len(found)
		return self.answer({"object": "list", "url": path, "has_more": more, "data": page})

	def _with_key(self, handler):
		@wraps(handler)
		def checked(request: Request, **values) -> Response:
			wanted = f"Bearer {self.config['key_secret']}"
			if not hmac.compare_digest(request.headers.get("Authorization", "").encode(), wanted.encode()):
				return self.answer(error_body("Invalid API Key provided: sk_test_****"), 401)
			if request.headers.get("Stripe-Version", API_VERSION) != API_VERSION:
				return self._refused("Invalid Stripe API version: it is not one this simulator plays")
			return handler(request, **values)

		return checked

	def _only_once(self, handler):
		"""The first answer that was more than a refusal, server errors included, again for the same key."""

		@wraps(handler)
		def checked(request: Request, **values) -> Response:
			key, asked = request.headers.get("Idempotency-Key"), (request.path, request.get_data())
			if key not in self._answers or self._answers[key][0] != self._epoch():
				answer = handler(request, **values)
				if key and (answer.status_code == 200 or answer.status_code >= 500):
					told = answer.get_data(as_text=True)
					self._answers[key] = (self._epoch(), asked, told, answer.status_code)
				return answer
			_, before, text, status = self._answers[key]
			if before != asked:
				sentence = "Keys for idempotent requests can only be used with the same parameters."
				return self.answer(error_body(sentence, "idempotency_error"), 400)
			return self.answer(json.loads(text), status, {"Idempotent-Replayed": "true"})

		return checked

	def _epoch(self) -> str | None:
		"""Tells whether the books were cleared since: ids are never given twice."""
		return self.ledger.orders[0].order_id if self.ledger.orders else None

	def _refused(self, sentence: str, param: str | None = None, code: str | None = None) -> Response:
		return self.answer(error_body(sentence, param=param, code=code), 400)

	def _missing(self, kind: str, id: str) -> Response:
		return self.answer(error_body(f"No such {kind}: '{id}'", param="id", code="resource_missing"), 404)
