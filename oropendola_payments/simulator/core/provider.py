"""The base class of the simulated providers, and how to add one.

Make a folder `simulator/providers/<code>/`. Its `provider.py` has one subclass of `Provider`, with the provider's calls
and pages; the server finds it by itself. Its `wire.py` has what the provider's objects look like, what it refuses and
how it signs. Import nothing from `oropendola_payments` but modules of the simulator, and above all nothing from
`gateways`: signatures and amounts are computed here a second time, so that one mistake cannot hide another.

code, label
	The code of the gateway (also the name of the folder), and the provider's name on its pages.
defaults
	Settings that `simulator.configure(code, ...)` may change: made-up secrets (the values of the adapter's
	`simulator_secrets`, typed again and not imported) and options. Every provider has `webhook_url` and
	`webhook_headers` as well. Read a setting from `self.config` each time it is needed.
methods
	The payment methods of the pay page. `card` leads to an OTP page, `upi` to an approval page.
routes()
	[(HTTP methods, path, handler)], such as ("POST", "/v1/orders", self.create). Paths are the real ones of the
	provider; the server puts `/<code>` before them. Parameters are written as in Werkzeug: "/v1/orders/<order_id>".
	Faults name a call by the name of its handler. Use these names where they fit, so that the tests of all gateways
	look the same: token, create, status, capture, cancel, refund, refund_status, submit_otp, resend_otp. Reserved
	are `pay` (the pay page), `webhook` (the outbox) and `return` (the redirect back to the merchant). Override
	`call_name` where one path serves several commands.
handler(request, **path parameters)
	Takes a Werkzeug request and returns a Response: `self.json_response({...}, status)`, or `text_response`,
	`html_response`, `script_response`. Be as strict as the provider: refuse wrong keys, duplicate ids and exceeded
	limits with its real error bodies. The handlers of a provider run one at a time, under `self.ledger.lock`.
complete_checkout(order, outcome, method)
	The customer leaves the pay page with the outcome success, failure, cancel or pending. Record the charge with
	`self.record_charge` (a cancel leaves none), send webhooks with `self.notify_payment`, and return the browser's
	next request: `Return("GET", url)` or `Return("POST", url, fields)`.
notify_payment(order, charge), notify_refund(charge, refund), notify_dispute(charge, state)
	Send the webhooks for the present state, with `self.send_webhook(body, headers)`. They are called again when a
	test changes the state later: `simulator.finish`, `finish_refund`, `refund_from_dashboard`, `dispute`.
payouts
	Override `report_rows(payout)` for the file that merchants download, and add routes that answer about
	`self.payouts_between(since, until)` where the provider has an API for it. `simulator.settle(code)` makes a payout.
the pay page
	Put `self.pay_url(order)` into the response where the provider answers with an address, or return
	`self.show_pay_page(order)` from a route with the real path of the provider. The stand-in of a JavaScript SDK is a
	route that returns `self.script_response(source)`, with the public names of the real SDK. It navigates to the pay
	page, or opens it in a frame with `embedded.SCRIPT` and sets the order's field `embedded`.
faults
	Use `self.reported_amount(call, minor)`, `self.reported_currency(call, currency)` and
	`self.reported_signature(call, text)` for what the provider reports, so that the wrong_* faults work; `call` is
	status, return or webhook. The server and the outbox do everything else: delays, time-outs, 5xx, lost webhooks.
clock and ids
	The time is `self.clock.now()`, which tests can move. Build ids from `self.ledger.next_number()`.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from werkzeug.wrappers import Request, Response

from oropendola_payments.simulator.core import embedded, ledger, pages
from oropendola_payments.simulator.core.amounts import to_text
from oropendola_payments.simulator.core.faults import Fault, Faults
from oropendola_payments.simulator.core.ledger import Charge, Ledger, Order, Refund
from oropendola_payments.simulator.core.outbox import Delivery, Outbox
from oropendola_payments.simulator.core.payouts import Payouts

OTP = "123456"
MAX_OTP_ATTEMPTS = 3
OUTCOMES = ("success", "failure", "cancel", "pending")
CHARGE_STATES = {"success": ledger.CAPTURED, "failure": ledger.FAILED, "pending": ledger.PENDING}
Handler = Callable[..., Response]


@dataclass(frozen=True)
class Return:
	"""The browser's next request after the pay page; a test sends it once, twice, late or never."""

	method: str
	url: str
	fields: Mapping[str, str] = field(default_factory=dict)


class Provider(Payouts):
	code: ClassVar[str]
	label: ClassVar[str]
	defaults: ClassVar[Mapping[str, object]] = {}
	methods: ClassVar[tuple[str, ...]] = ("card", "upi", "netbanking")
	# `fields` of a refund that was made in the provider's dashboard, so without a request of the merchant.
	dashboard_refund_fields: ClassVar[Mapping[str, object]] = {}
	# Whether such a refund gets a made-up id where the merchant's key would be.
	dashboard_refund_has_key: ClassVar[bool] = False

	def __init__(self, records: Ledger, faults: Faults, outbox: Outbox, clock, address: Callable[[], str]):
		self.ledger = records
		self.faults = faults
		self.outbox = outbox
		self.clock = clock
		self._address = address
		self.config: dict = {
			"webhook_url": "",
			"webhook_headers": {},
			**self.payout_defaults,
			**self.defaults,
		}
		self.start_payouts()

	def reset(self) -> None:
		"""Delete what was recorded; settings stay."""
		self.ledger.clear()
		self.start_payouts()

	# What a provider implements -----------------------------------------------------------------------

	def routes(self) -> list[tuple[str, str, Handler]]:
		raise NotImplementedError

	def complete_checkout(self, order: Order, outcome: str, method: str) -> Return:
		raise NotImplementedError

	def notify_payment(self, order: Order, charge: Charge) -> None:
		"""Send the webhooks about a payment in its present state."""

	def notify_refund(self, charge: Charge, refund: Refund) -> None:
		"""Send the webhooks about a refund in its present state."""

	def notify_dispute(self, charge: Charge, state: str) -> None:
		raise NotImplementedError(f"The simulated {self.label} has no disputes.")

	def call_name(self, request: Request, handler_name: str) -> str:
		"""The name of this call in faults."""
		return handler_name

	def can_pay(self, order: Order) -> bool:
		return order.state not in (ledger.PAID, ledger.CANCELLED, ledger.EXPIRED)

	def approval_url(self, charge: Charge) -> str | None:
		"""The page on which the payer approves a pending payment, such as a UPI app; None if there is none."""
		return None

	# Late results, called by Simulator ----------------------------------------------------------------

	def finish(self, order: Order, charge: Charge, outcome: str) -> None:
		"""A pending (or failed) payment gets its final state while no customer is at a browser."""
		self.ledger.set_charge_state(charge, CHARGE_STATES[outcome])
		self.notify_payment(order, charge)

	def finish_refund(self, charge: Charge, refund: Refund, outcome: str) -> None:
		state = ledger.REFUNDED if outcome == "success" else ledger.REFUND_FAILED
		self.ledger.set_refund_state(refund, state)
		self.notify_refund(charge, refund)

	def refund_from_dashboard(self, charge: Charge, amount_minor: int | None = None) -> Refund:
		"""A refund that somebody makes in the provider's dashboard: done at once, and without a key of the merchant."""
		number = f"99{self.ledger.next_number():012d}"
		amount = amount_minor or self.ledger.refundable(charge)
		key = number if self.dashboard_refund_has_key else ""
		fields = dict(self.dashboard_refund_fields)
		refund = self.ledger.add_refund(charge, number, key, amount, state=ledger.REFUNDED, fields=fields)
		self.notify_refund(charge, refund)
		return refund

	# Charges and faults -------------------------------------------------------------------------------

	def record_charge(self, order: Order, payment_id: str, outcome: str, method: str, **fields) -> Charge:
		"""Record an attempt to pay that ended with success, failure or pending.

		The faults decline, wrong_amount and wrong_currency of the call `pay` change what is really taken.
		"""
		if outcome == "success" and self.take_fault("pay", "decline"):
			outcome = "failure"
		return self.ledger.add_charge(
			order,
			payment_id,
			CHARGE_STATES[outcome],
			amount_minor=self.reported_amount("pay", order.amount_minor),
			currency=self.reported_currency("pay", order.currency),
			method=method,
			fields=fields,
		)

	def take_fault(self, call: str, *kinds: str) -> Fault | None:
		return self.faults.take(self.code, call, kinds)

	def reported_amount(self, call: str, minor: int) -> int:
		fault = self.take_fault(call, "wrong_amount")
		return fault.args.get("amount_minor", minor - 100) if fault else minor

	def reported_currency(self, call: str, currency: str) -> str:
		fault = self.take_fault(call, "wrong_currency")
		return fault.args.get("currency", "USD" if currency != "USD" else "EUR") if fault else currency

	def reported_signature(self, call: str, signature: str) -> str:
		if not self.take_fault(call, "wrong_signature"):
			return signature
		return ("0" if signature[:1] != "0" else "1") + signature[1:]

	# Responses and webhooks ---------------------------------------------------------------------------

	def json_response(self, body, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
		return Response(json.dumps(body), status, dict(headers or {}), content_type="application/json")

	def text_response(self, body: str, status: int = 200, content_type: str = "text/plain") -> Response:
		return Response(body, status, content_type=f"{content_type}; charset=utf-8")

	def html_response(self, html: str, status: int = 200) -> Response:
		return self.text_response(html, status, "text/html")

	def script_response(self, source: str) -> Response:
		return self.text_response(source, 200, "application/javascript")

	def message_response(self, title: str, text: str, status: int) -> Response:
		return self.html_response(pages.message_page(self.label, title, text), status)

	def url(self, path: str = "") -> str:
		"""An address of this provider, as the provider itself would give it."""
		return f"{self._address()}/{self.code}{path}"

	def send_webhook(
		self, body: bytes, headers: Mapping[str, str], url: str | None = None, echo: Mapping | None = None
	) -> None:
		"""Send a webhook to the address of the order, or else to the configured one.

		With `echo` the provider counts a response as received only when it repeats these values.
		"""
		address = url or str(self.config["webhook_url"])
		all_headers = {**headers, **self.config["webhook_headers"]}
		self.outbox.send(Delivery(self.code, address, all_headers, body, dict(echo or {})))

	# The pay page -------------------------------------------------------------------------------------

	def pay_url(self, order: Order) -> str:
		return self.url(f"/__pay/{order.order_id}")

	def show_pay_page(self, order: Order) -> Response:
		if not self.can_pay(order):
			return self.message_response("Nothing to pay", f"This order is {order.state}.", 409)
		html = pages.pay_page(self.label, self.pay_url(order), self.details(order), self.methods)
		return self.html_response(html)

	def details(self, order: Order) -> dict[str, str]:
		"""What the pages show about an order."""
		amount = f"{order.currency} {to_text(order.amount_minor, order.currency)}"
		return {"Amount": amount, "Reference": order.reference, "Order": order.order_id}

	def pay(self, request: Request, order_id: str) -> Response:
		"""The pay page and its steps."""
		order = self.ledger.find_order(order_id)
		if order is None:
			return self.message_response("Unknown order", "There is no such order.", 404)
		if request.method == "GET" or not self.can_pay(order):
			return self.show_pay_page(order)
		outcome, method = request.form.get("outcome", ""), request.form.get("method", self.methods[0])
		if outcome not in OUTCOMES or method not in self.methods:
			return self.message_response("Unknown choice", "Please go back and choose.", 400)
		return self._next_step(request, order, outcome, method)

	def _next_step(self, request: Request, order: Order, outcome: str, method: str) -> Response:
		step, action, details = request.form.get("step"), self.pay_url(order), self.details(order)
		if step is None and outcome == "success" and method == "card":
			return self.html_response(pages.otp_page(self.label, action, details, method))
		if step is None and outcome == "success" and method == "upi":
			return self.html_response(pages.upi_page(self.label, action, details, method))
		if step == "otp" and request.form.get("otp", "").strip() != OTP:
			return self._refuse_otp(order, method)
		return self._redirect(order, self.complete_checkout(order, outcome, method))

	def _refuse_otp(self, order: Order, method: str) -> Response:
		order.fields["otp_attempts"] = order.fields.get("otp_attempts", 0) + 1
		if order.fields["otp_attempts"] >= MAX_OTP_ATTEMPTS:
			return self._redirect(order, self.complete_checkout(order, "failure", method))
		html = pages.otp_page(self.label, self.pay_url(order), self.details(order), method, wrong=True)
		return self.html_response(html)

	def _redirect(self, order: Order, back: Return) -> Response:
		if order.fields.get("embedded"):
			return self.html_response(embedded.result_page(self.label, back.fields))
		if back.method == "GET":
			return Response("", 303, {"Location": back.url})
		return self.html_response(pages.return_page(self.label, back.url, back.fields))
