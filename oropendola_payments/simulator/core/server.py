"""The simulator: it finds the providers, serves them over HTTP, applies faults, and gives tests their controls."""

import copy
import pkgutil
import socket
import threading
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from importlib import import_module

from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, Rule
from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.wrappers import Request, Response

from oropendola_payments.simulator.core.browser import Browser, Page
from oropendola_payments.simulator.core.control import Control
from oropendola_payments.simulator.core.faults import HTTP_FAULTS, Fault, Faults
from oropendola_payments.simulator.core.ledger import CAPTURED, PENDING, Charge, Ledger, Order, Refund
from oropendola_payments.simulator.core.outbox import Outbox
from oropendola_payments.simulator.core.payouts import SettledPayout
from oropendola_payments.simulator.core.provider import OTP, Provider, Return
from oropendola_payments.simulator.core.receiver import Receiver

PROVIDERS = "oropendola_payments.simulator.providers"
MAX_BODY_BYTES = 1_000_000
# What an account does not share with the others of its provider.
OWN = (
	*("key_id", "key_secret", "client_id", "client_secret", "key", "salt"),
	*("webhook_id", "webhook_secret", "webhook_username", "webhook_password"),
)
MOST_ACCOUNTS = 100
GARBAGE = "<html><body>Service temporarily behaves strangely"


class Clock:
	"""The time of the simulator. Tests move it instead of sleeping."""

	def __init__(self):
		self._offset = timedelta()

	def now(self) -> datetime:
		return datetime.now(timezone.utc) + self._offset

	def advance(self, seconds: float) -> None:
		self._offset += timedelta(seconds=seconds)


class _Request(Request):
	max_content_length = MAX_BODY_BYTES
	max_form_memory_size = MAX_BODY_BYTES


class _QuietHandler(WSGIRequestHandler):
	def log(self, type, message, *args):
		# Request lines contain keys and tokens, so only a crash of a provider is printed.
		if type == "error":
			super().log(type, message, *args)


class Simulator:
	"""The simulated providers on 127.0.0.1. `Simulator().start()` … `.close()`, or a `with` block.

	`codes` limits it to some providers; `webhooks="auto"` posts webhooks instead of keeping them for a test.
	"""

	def __init__(
		self, port: int = 0, *, webhooks: str = "manual", codes: Iterable[str] = (), first_number: int = 1
	):
		self.faults = Faults()
		self.clock = Clock()
		self.webhooks = Outbox(self.faults, webhooks)
		self.url = f"http://127.0.0.1:{port}"
		self._port, self._first_number = port, first_number
		self._server = None
		self._closing, self._opening = threading.Event(), threading.Lock()
		self.providers: dict[str, Provider] = {
			kind.code: self._make(kind, first_number) for kind in find_providers(codes)
		}
		self._routes = self._build_routes()

	# Start and stop ---------------------------------------------------------------------------------

	def start(self) -> "Simulator":
		self._server = make_server(
			"127.0.0.1", self._port, self, threaded=True, request_handler=_QuietHandler
		)
		self.url = f"http://127.0.0.1:{self._server.server_port}"
		serve = threading.Thread(
			target=self._server.serve_forever, args=(0.01,), daemon=True, name="simulator"
		)
		serve.start()
		self.webhooks.start()
		return self

	def close(self) -> None:
		self._closing.set()
		self.webhooks.close()
		if self._server:
			self._server.shutdown()
			self._server.server_close()
			self._server = None

	def __enter__(self) -> "Simulator":
		return self if self._server else self.start()

	def __exit__(self, *error) -> None:
		self.close()

	def reset(self) -> None:
		"""Delete orders, payments, faults and webhooks. Settings stay, and no id is used twice."""
		self.faults.clear()
		self.webhooks.clear()
		for provider in self.providers.values():
			provider.reset()

	# What tests read and change ---------------------------------------------------------------------

	def provider(self, code: str) -> Provider:
		self._open_account(code)
		if code not in self.providers:
			raise LookupError(f"The simulator has no provider {code!r}; it has {', '.join(self.providers)}.")
		return self.providers[code]

	def captures(self, code: str, references: Collection[str] | None = None) -> list[Charge]:
		"""What this gateway took: captured charges, oldest first, each with the amount that was refunded."""
		return [charge for charge in self.charges(code, references) if charge.state == CAPTURED]

	def charges(self, code: str, references: Collection[str] | None = None) -> list[Charge]:
		"""Every attempt to pay, failed and pending ones too: all, or those with our references."""
		ledger = self.provider(code).ledger
		with ledger.lock:
			wanted = [c for c in ledger.charges if references is None or c.reference in references]
			return copy.deepcopy(wanted)

	def refunds(self, code: str) -> list[Refund]:
		ledger = self.provider(code).ledger
		with ledger.lock:
			return copy.deepcopy(ledger.refunds)

	def order(self, code: str, reference: str) -> Order | None:
		"""The newest order with our reference, or None when there is none."""
		ledger = self.provider(code).ledger
		with ledger.lock:
			return copy.deepcopy(ledger.find_order_by_reference(reference))

	def configure(self, code: str, **settings) -> None:
		"""Change settings of a provider: `webhook_url`, `webhook_headers`, its secrets and options."""
		provider = self.provider(code)
		if unknown := sorted(set(settings) - set(provider.config)):
			raise ValueError(f"The simulated {provider.label} has no setting {', '.join(unknown)}.")
		with provider.ledger.lock:
			provider.config.update(settings)

	def open(self, url: str, fields: Mapping[str, str] | None = None) -> Page:
		"""Open a page of the simulator as the customer's browser does: by POST when there are fields."""
		browser = Browser(self, self.url)
		return browser.get(url) if fields is None else browser.post(url, fields)

	def pay(
		self, code: str, reference: str, method: str | None = None, outcome: str = "success"
	) -> Return | None:
		"""Press a button of the pay page and go through the bank's page; returns the browser's next request.

		None when there is no next request, for example after a time-out fault.
		"""
		provider = self.provider(code)
		order = provider.ledger.find_order_by_reference(reference)
		if order is None:
			raise LookupError(
				f"{provider.label} has no order {reference!r}. Was it created, or its pay page opened?"
			)
		fields = {"method": method or provider.methods[0], "outcome": outcome}
		return self._submit_pages(f"/{code}/__pay/{order.order_id}", fields)

	def finish(self, code: str, reference: str, outcome: str = "success") -> None:
		"""Give the newest payment with our reference its late result (success or failure), without a browser."""
		provider = self.provider(code)
		with provider.ledger.lock:
			order = provider.ledger.find_order_by_reference(reference)
			charges = provider.ledger.charges_of(order) if order else []
			if not charges:
				raise LookupError(f"{provider.label} has no payment for {reference!r}.")
			provider.finish(order, charges[-1], outcome)

	def approval_url(self, code: str, reference: str) -> str | None:
		"""The page on which the payer approves the pending payment with our reference, or None."""
		provider = self.provider(code)
		with provider.ledger.lock:
			order = provider.ledger.find_order_by_reference(reference)
			charges = provider.ledger.charges_of(order) if order else []
			pending = [charge for charge in charges if charge.state == PENDING]
			return provider.approval_url(pending[-1]) if pending else None

	def finish_refund(self, code: str, key: str, outcome: str = "success") -> None:
		"""Give the refund with our key its result at the bank: success or failure."""
		provider = self.provider(code)
		with provider.ledger.lock:
			refund = provider.ledger.find_refund(key=key)
			if refund is None:
				raise LookupError(f"{provider.label} has no refund {key!r}.")
			provider.finish_refund(provider.ledger.find_charge(refund.payment_id), refund, outcome)

	def refund_from_dashboard(self, code: str, reference: str, amount_minor: int | None = None) -> None:
		"""Refund the newest payment with our reference, or a part of it, as somebody does in the provider's dashboard."""
		provider = self.provider(code)
		with provider.ledger.lock:
			charges = provider.ledger.charges_of(provider.ledger.find_order_by_reference(reference))
			captured = [charge for charge in charges if charge.state == CAPTURED]
			provider.refund_from_dashboard(captured[-1], amount_minor)

	def dispute(self, code: str, reference: str, state: str = "open") -> None:
		"""The payer's bank disputes the payment with our reference: open, won or lost. A lost one is taken from the next payout."""
		provider = self.provider(code)
		with provider.ledger.lock:
			charge = provider.ledger.charges_of(provider.ledger.find_order_by_reference(reference))[-1]
			if state == "lost":
				provider.lose_dispute(charge)
			provider.notify_dispute(charge, state)

	def settle(self, code: str) -> list[SettledPayout]:
		"""Let a gateway pay out what it took since its last payout. Returns a payout for each currency."""
		provider = self.provider(code)
		with provider.ledger.lock:
			return copy.deepcopy(provider.settle())

	# WSGI -------------------------------------------------------------------------------------------

	def __call__(self, environ, start_response):
		return self._respond(_Request(environ))(environ, start_response)

	def _respond(self, request: Request) -> Response:
		try:
			self._open_account(request.path.split("/")[1])
			endpoint, values = self._routes.bind_to_environ(request.environ).match()
			request.get_data(cache=True)  # before anybody parses the form, which would consume the raw body
			code, handler = endpoint
			if code is None:
				return handler(request, **values)
			return self._handle(self.providers[code], handler, request, values)
		except HTTPException as error:
			return error.get_response(request.environ)

	def _handle(self, provider: Provider, handler, request: Request, values: dict) -> Response:
		"""The response of the handler, changed by a fault if there is one."""
		call = provider.call_name(request, handler.__name__)
		fault = self.faults.take(provider.code, call, HTTP_FAULTS)
		kind = fault.kind if fault else ""
		if kind == "delay":
			self._closing.wait(float(fault.args.get("seconds", 1)))
		if kind == "timeout_before":
			return _hang_up(request)
		if kind == "error_500_before":
			return _server_error(fault)
		with provider.ledger.lock:
			response = handler(request, **values)
		if kind == "timeout_after":
			return _hang_up(request)
		if kind == "error_500_after":
			return _server_error(fault)
		return Response(GARBAGE, content_type="text/html") if kind == "garbage" else response

	def _build_routes(self) -> Map:
		own = [*Control(self).routes(), *Receiver().routes()]
		rules = [_rule(methods, path, None, handler) for methods, path, handler in own]
		for code, provider in self.providers.items():
			own = [
				("GET,POST", "/__pay/<order_id>", provider.pay),
				("GET", "/__payouts/<payout_id>.csv", provider.download_report),
			]
			for methods, path, handler in [*provider.routes(), *own]:
				rules.append(_rule(methods, f"/{code}{path}", code, handler))
		return Map(rules, strict_slashes=False, merge_slashes=False)

	def _open_account(self, code: str) -> None:
		"""Another account of a provider is another merchant there, with keys and a ledger of its own: razorpay_acme."""
		known, separator, suffix = code.rpartition("_")
		if not separator or not suffix.isascii() or not suffix.isalnum() or code in self.providers:
			return
		first = self.providers.get(known)
		with self._opening:
			if first and code not in self.providers and len(self.providers) < MOST_ACCOUNTS:
				self.providers = {**self.providers, code: self._account(first, code, suffix)}
				self._routes = self._build_routes()

	def _account(self, first: Provider, code: str, suffix: str) -> Provider:
		account = self._make(type(first), self._first_number)
		account.code = account.ledger.code = code
		own = {name: f"{text}{suffix}" for name, text in account.config.items() if name in OWN and text}
		address = str(first.config["webhook_url"]).replace(f"gateway={first.code}", f"gateway={code}")
		account.config.update(own, webhook_url=address)
		return account

	def _make(self, kind: type[Provider], first_number: int) -> Provider:
		ledger = Ledger(kind.code, self.clock, first_number)
		return kind(ledger, self.faults, self.webhooks, self.clock, lambda: self.url)

	def _submit_pages(self, path: str, fields: dict[str, str]) -> Return | None:
		browser = Browser(self, self.url)
		page = browser.post(path, fields)
		while page.status < 400 and page.forms and browser.is_inside(page.forms[0].action):
			form = page.forms[0]
			typed = dict.fromkeys(form.entries, OTP)
			page = browser.post(form.action, {**form.fields, **typed, "outcome": fields["outcome"]})
		if page.status in (302, 303):
			return Return("GET", page.location)
		if page.status < 400 and page.forms:
			return Return("POST", page.forms[0].action, page.forms[0].fields)
		return None


def find_providers(codes: Iterable[str] = ()) -> list[type[Provider]]:
	"""The provider classes, one a folder; only those of `codes` are imported when some are given."""
	folders = import_module(PROVIDERS).__path__
	found = []
	for code in tuple(codes) or tuple(module.name for module in pkgutil.iter_modules(folders)):
		module = import_module(f"{PROVIDERS}.{code}.provider")
		found += [kind for kind in vars(module).values() if _is_provider_of(kind, module)]
	return found


def _is_provider_of(value, module) -> bool:
	is_own = isinstance(value, type) and value.__module__ == module.__name__
	return is_own and issubclass(value, Provider) and value is not Provider


def _rule(methods: str, path: str, code: str | None, handler) -> Rule:
	return Rule(path, endpoint=(code, handler), methods=methods.split(","))


def _hang_up(request: Request) -> Response:
	"""Close the connection without a response; 504 where there is no connection, as in a test's own browser."""
	connection = request.environ.get("werkzeug.socket")
	if connection is not None:
		with suppress(OSError):
			connection.shutdown(socket.SHUT_RDWR)
	return Response("", 504)


def _server_error(fault: Fault) -> Response:
	return Response("Internal Server Error", int(fault.args.get("status", 500)), content_type="text/plain")
