"""How to write a provider, which is one provider played on its real wire protocol.

Make `simulator/<code>.py` with one subclass of `Provider`; the server finds it by itself. Import nothing from
`oropendola_payments` but modules of this package (above all not `gateways`): compute signatures and amounts
with own code, so that one mistake cannot hide another. Ten parts matter:

code, label
	The gateway's code (also the file's name) and what pages call the provider.
defaults
	Settings that `simulator.configure(code, ...)` may change: made-up secrets (type the same values as the
	adapter's `simulator_secrets`, do not import them) and options. Every provider has `webhook_url` and
	`webhook_headers` too. Read them as `self.config["..."]`, each time anew.
methods
	What the pay page offers; `card` leads over an OTP page, `upi` over an approval page.
routes()
	[(methods, path, handler)], e.g. ("POST", "/v1/orders", self.create). Paths are the provider's real ones;
	the server puts `/<code>` in front. Path parameters are Werkzeug's: "/v1/orders/<order_id>".
	The handler's name is the name of the call for faults. Use these names where they fit, so that the tests
	of all gateways read alike: token, create, status, capture, cancel, refund, refund_status, submit_otp,
	resend_otp. (Taken already: `pay` is the pay page, `webhook` the outbox, `return` the browser's way back.)
	Where one path takes many commands, override `call_of`.
handler(request, **path parameters)
	Gets a Werkzeug request (`get_data()` is raw, `form`, `args`, `headers`) and returns a Response:
	`self.answer({...}, status)` for JSON, `self.text`, `self.page`, `self.script`. Be as strict as the
	provider: wrong keys, duplicate ids and broken limits are refused with its real error bodies.
	Handlers of a provider run one at a time, under `self.ledger.lock`.
settle(order, outcome, method)
	The customer left the pay page with success, failure, cancel or pending. Write down the charge with
	`self.take` (it minds the faults; a cancel leaves no charge), send webhooks with `self.announce`, and
	return where the browser goes next: `Return("GET", url)` or `Return("POST", url, fields)`.
notify_payment(order, charge), notify_refund(charge, refund), notify_dispute(charge, state)
	Send the webhooks of such a moment, with `self.send_webhook(body, headers)`. They are called again when a test
	ends a pending payment or refund late (`simulator.finish`, `finish_refund`, `refund_from_dashboard`, `dispute`).
the pay page
	Answer `self.pay_url(order)` where the provider answers an address, or `return self.show_pay_page(order)`
	from a route with the provider's real path. A stand-in of a JavaScript SDK is a route that returns
	`self.script(text)`: the real SDK's public names, going to the pay page by navigation, or with `overlay.SCRIPT` in
	a frame; the order's field `overlay` then says that the page tells the script how it ended.
faults
	What the provider tells goes through `self.reported_amount(call, minor)`, `self.reported_currency(call, currency)`
	and `self.reported_signature(call, text)`, so that the wrong_* faults work; `call` is status, return, webhook.
	Everything else (delays, time-outs, 5xx, lost webhooks) the server and the outbox do.
clock and ids
	Time is `self.clock.now()`, which tests move. Ids are formed from `self.ledger.next_number()`.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from werkzeug.wrappers import Request, Response

from oropendola_payments.simulator.core import embedded as overlay
from oropendola_payments.simulator.core import ledger as entries
from oropendola_payments.simulator.core import pages
from oropendola_payments.simulator.core.amounts import to_text
from oropendola_payments.simulator.core.faults import Fault, Faults
from oropendola_payments.simulator.core.ledger import Charge, Ledger, Order, Refund
from oropendola_payments.simulator.core.outbox import Delivery, Outbox

OTP = "123456"
OTP_TRIES = 3
OUTCOMES = ("success", "failure", "cancel", "pending")
CHARGE_STATES = {"success": entries.CAPTURED, "failure": entries.FAILED, "pending": entries.PENDING}
Handler = Callable[..., Response]


@dataclass(frozen=True)
class Return:
	"""The browser's next request after the pay page; a test delivers it once, twice, late or never."""

	method: str
	url: str
	fields: Mapping[str, str] = field(default_factory=dict)


class Provider:
	code: ClassVar[str]
	label: ClassVar[str]
	defaults: ClassVar[Mapping[str, object]] = {}
	methods: ClassVar[tuple[str, ...]] = ("card", "upi", "netbanking")
	dashboard_refund: ClassVar[
		Mapping[str, object]
	] = {}  # what the provider remembers of a refund that nobody asked for
	dashboard_names_refunds: ClassVar[bool] = False  # where every refund has an id in the merchant's place

	def __init__(self, ledger: Ledger, faults: Faults, outbox: Outbox, clock, address: Callable[[], str]):
		self.ledger = ledger
		self.faults = faults
		self.outbox = outbox
		self.clock = clock
		self._address = address
		self.config: dict = {"webhook_url": "", "webhook_headers": {}, **self.defaults}

	# What a provider fills in ----------------------------------------------------------------------

	def routes(self) -> list[tuple[str, str, Handler]]:
		raise NotImplementedError

	def complete_checkout(self, order: Order, outcome: str, method: str) -> Return:
		raise NotImplementedError

	def notify_payment(self, order: Order, charge: Charge) -> None:
		"""Send the webhooks about a payment in its present state."""

	def notify_refund(self, charge: Charge, refund: Refund) -> None:
		"""Send the webhooks about a refund in its present state."""

	def notify_dispute(self, charge: Charge, state: str) -> None:
		raise NotImplementedError(f"{self.label}'s provider plays no disputes.")

	def call_of(self, request: Request, handler_name: str) -> str:
		"""The name of this call for faults."""
		return handler_name

	def can_pay(self, order: Order) -> bool:
		return order.state not in (entries.PAID, entries.CANCELLED, entries.EXPIRED)

	# Late endings, called by Simulator --------------------------------------------------------------

	def finish(self, order: Order, charge: Charge, outcome: str) -> None:
		"""A pending (or failed) payment ends now, with nobody at a browser."""
		self.ledger.set_charge_state(charge, CHARGE_STATES[outcome])
		self.notify_payment(order, charge)

	def finish_refund(self, charge: Charge, refund: Refund, outcome: str) -> None:
		state = entries.REFUNDED if outcome == "success" else entries.REFUND_FAILED
		self.ledger.set_refund_state(refund, state)
		self.notify_refund(charge, refund)

	def refund_from_dashboard(self, charge: Charge, amount_minor: int | None = None) -> Refund:
		"""Somebody sends money back in the provider's dashboard: it is done at once and carries no key of the merchant."""
		number = f"99{self.ledger.next_number():012d}"
		amount = amount_minor or self.ledger.refundable(charge)
		own_key = number if self.dashboard_names_refunds else ""
		fields = dict(self.dashboard_refund)
		refund = self.ledger.add_refund(
			charge, number, own_key, amount, state=entries.REFUNDED, fields=fields
		)
		self.notify_refund(charge, refund)
		return refund

	# Help with the books ----------------------------------------------------------------------------

	def record_charge(self, order: Order, payment_id: str, outcome: str, method: str, **fields) -> Charge:
		"""Write down a try that ended with success, failure or pending; a cancel leaves no charge.

		The faults decline, wrong_amount and wrong_currency of call `pay` change what was really taken.
		"""
		if outcome == "success" and self.fault("pay", "decline"):
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

	def fault(self, call: str, *kinds: str) -> Fault | None:
		return self.faults.take(self.code, call, kinds)

	def reported_amount(self, call: str, minor: int) -> int:
		fault = self.fault(call, "wrong_amount")
		return fault.args.get("amount_minor", minor - 100) if fault else minor

	def reported_currency(self, call: str, currency: str) -> str:
		fault = self.fault(call, "wrong_currency")
		return fault.args.get("currency", "USD" if currency != "USD" else "EUR") if fault else currency

	def reported_signature(self, call: str, signature: str) -> str:
		if not self.fault(call, "wrong_signature"):
			return signature
		return ("0" if signature[:1] != "0" else "1") + signature[1:]

	# Help with answers ------------------------------------------------------------------------------

	def answer(self, body, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
		"""A JSON answer."""
		return Response(json.dumps(body), status, dict(headers or {}), content_type="application/json")

	def text(self, body: str, status: int = 200, content_type: str = "text/plain") -> Response:
		return Response(body, status, content_type=f"{content_type}; charset=utf-8")

	def page(self, html: str, status: int = 200) -> Response:
		return self.text(html, status, "text/html")

	def script(self, source: str) -> Response:
		return self.text(source, 200, "application/javascript")

	def url(self, path: str = "") -> str:
		"""An address of this provider, as the provider would send it out."""
		return f"{self._address()}/{self.code}{path}"

	def send_webhook(
		self, body: bytes, headers: Mapping[str, str], url: str | None = None, echo: Mapping | None = None
	) -> None:
		"""Send a webhook to the configured address, or to the one that the order named. An answer without `echo` is none."""
		address = url or str(self.config["webhook_url"])
		every = {**headers, **self.config["webhook_headers"]}
		self.outbox.send(Delivery(self.code, address, every, body, dict(echo or {})))

	# The pay page -----------------------------------------------------------------------------------

	def pay_url(self, order: Order) -> str:
		return self.url(f"/__pay/{order.order_id}")

	def show_pay_page(self, order: Order) -> Response:
		if not self.can_pay(order):
			return self.page(
				pages.message_page(self.label, "Nothing to pay", f"This order is {order.state}."), 409
			)
		return self.page(pages.pay_page(self.label, self.pay_url(order), self.facts(order), self.methods))

	def facts(self, order: Order) -> dict[str, str]:
		amount = f"{order.currency} {to_text(order.amount_minor, order.currency)}"
		return {"Amount": amount, "Reference": order.reference, "Order": order.order_id}

	def pay(self, request: Request, order_id: str) -> Response:
		"""The pay page and its steps, for every provider."""
		order = self.ledger.find_order(order_id)
		if order is None:
			return self.page(pages.message_page(self.label, "Unknown order", "There is no such order."), 404)
		if request.method == "GET" or not self.can_pay(order):
			return self.show_pay_page(order)
		outcome, method = request.form.get("outcome", ""), request.form.get("method", self.methods[0])
		if outcome not in OUTCOMES or method not in self.methods:
			return self.page(
				pages.message_page(self.label, "Unknown choice", "Please go back and choose."), 400
			)
		return self._next_step(request, order, outcome, method)

	def _next_step(self, request: Request, order: Order, outcome: str, method: str) -> Response:
		step, action = request.form.get("step"), self.pay_url(order)
		if step is None and outcome == "success" and method == "card":
			return self.page(pages.otp_page(self.label, action, self.facts(order), method))
		if step is None and outcome == "success" and method == "upi":
			return self.page(pages.upi_page(self.label, action, self.facts(order), method))
		if step == "otp" and request.form.get("otp", "").strip() != OTP:
			return self._wrong_otp(order, method)
		return self._leave(order, self.complete_checkout(order, outcome, method))

	def _wrong_otp(self, order: Order, method: str) -> Response:
		order.fields["otp_tries"] = order.fields.get("otp_tries", 0) + 1
		if order.fields["otp_tries"] >= OTP_TRIES:
			return self._leave(order, self.complete_checkout(order, "failure", method))
		return self.page(
			pages.otp_page(self.label, self.pay_url(order), self.facts(order), method, wrong=True)
		)

	def _leave(self, order: Order, way: Return) -> Response:
		if order.fields.get("overlay"):
			return self.page(overlay.told_page(self.label, way.fields))
		if way.method == "GET":
			return Response("", 303, {"Location": way.url})
		return self.page(pages.return_page(self.label, way.url, way.fields))
