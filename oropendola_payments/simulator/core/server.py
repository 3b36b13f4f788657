"""The simulator's server: finds the dialects, routes to them, plays faults, serves tests."""

import copy
import json
import pkgutil
import socket
import threading
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from importlib import import_module

from markupsafe import Markup
from werkzeug.exceptions import BadRequest, HTTPException
from werkzeug.routing import Map, Rule
from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.wrappers import Request, Response

from oropendola_payments.simulator.core import pages
from oropendola_payments.simulator.core.amounts import to_text
from oropendola_payments.simulator.core.browser import Browser, Page
from oropendola_payments.simulator.core.faults import HTTP_FAULTS, Fault, Faults
from oropendola_payments.simulator.core.ledger import CAPTURED, Books, Charge, Order
from oropendola_payments.simulator.core.outbox import Outbox
from oropendola_payments.simulator.core.provider import OTP, Dialect, Return

PROVIDERS = "oropendola_payments.simulator.providers"
MAX_BODY_BYTES = 1_000_000
GARBAGE = "<html><body>Service temporarily behaves strangely"


class Clock:
	"""The simulator's time. Tests move it instead of sleeping."""

	def __init__(self):
		self._ahead = timedelta()

	def now(self) -> datetime:
		return datetime.now(timezone.utc) + self._ahead

	def advance(self, seconds: float) -> None:
		self._ahead += timedelta(seconds=seconds)


class _Request(Request):
	max_content_length = MAX_BODY_BYTES
	max_form_memory_size = MAX_BODY_BYTES


class _QuietHandler(WSGIRequestHandler):
	def log(self, type, message, *args):
		# Request lines hold keys and tokens, so only a dialect's own crash is printed.
		if type == "error":
			super().log(type, message, *args)


class Simulator:
	"""The providers, played on 127.0.0.1. `Simulator().start()` … `.close()`, or a `with` block.

	`codes` limits it to some dialects; `webhooks="auto"` posts webhooks instead of keeping them for a test.
	"""

	def __init__(
		self, port: int = 0, *, webhooks: str = "manual", codes: Iterable[str] = (), first_number: int = 1
	):
		self.faults = Faults()
		self.clock = Clock()
		self.webhooks = Outbox(self.faults, webhooks)
		self.url = f"http://127.0.0.1:{port}"
		self._port = port
		self._server = None
		self._closing = threading.Event()
		self.dialects: dict[str, Dialect] = {
			kind.code: self._make(kind, first_number) for kind in find_dialects(codes)
		}
		self._routes = self._build_routes()

	# Life -------------------------------------------------------------------------------------------

	def start(self) -> "Simulator":
		self._server = make_server(
			"127.0.0.1", self._port, self, threaded=True, request_handler=_QuietHandler
		)
		self.url = f"http://127.0.0.1:{self._server.server_port}"
		serve = threading.Thread(
			target=self._server.serve_forever, args=(0.05,), daemon=True, name="simulator"
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
		"""Forget orders, payments, faults and webhooks. Settings stay, ids are never given twice."""
		self.faults.clear()
		self.webhooks.clear()
		for dialect in self.dialects.values():
			dialect.books.clear()

	# What tests ask and tell ------------------------------------------------------------------------

	def books(self, code: str) -> list[Charge]:
		"""What this gateway took: captured charges, oldest first, each with what was given back of it."""
		return [charge for charge in self.charges(code) if charge.state == CAPTURED]

	def charges(self, code: str) -> list[Charge]:
		"""Every try to pay, failed and pending ones too."""
		books = self._dialect(code).books
		with books.lock:
			return copy.deepcopy(books.charges)

	def refunds(self, code: str) -> list:
		books = self._dialect(code).books
		with books.lock:
			return copy.deepcopy(books.refunds)

	def order(self, code: str, reference: str) -> Order | None:
		"""The newest order with our reference, or None when the gateway never heard of it."""
		books = self._dialect(code).books
		with books.lock:
			return copy.deepcopy(books.order_of(reference))

	def configure(self, code: str, **settings) -> None:
		"""Change settings of a dialect: `webhook_url`, `webhook_headers`, its secrets and options."""
		dialect = self._dialect(code)
		if unknown := sorted(set(settings) - set(dialect.config)):
			raise ValueError(f"{dialect.label}'s dialect has no setting {', '.join(unknown)}.")
		with dialect.books.lock:
			dialect.config.update(settings)

	def open(self, url: str, fields: Mapping[str, str] | None = None) -> Page:
		"""Open a page of the simulator as the customer's browser does: by POST when there are fields."""
		browser = Browser(self, self.url)
		return browser.get(url) if fields is None else browser.post(url, fields)

	def pay(
		self, code: str, reference: str, method: str | None = None, outcome: str = "success"
	) -> Return | None:
		"""Press a button of the order's pay page, pass the bank's page; answers the browser's next request.

		None when the browser is left without one, e.g. after a time-out fault.
		"""
		dialect = self._dialect(code)
		order = dialect.books.order_of(reference)
		if order is None:
			raise LookupError(
				f"{dialect.label} has no order {reference!r}. Was its pay page or create call reached?"
			)
		fields = {"method": method or dialect.methods[0], "outcome": outcome}
		return self._walk(f"/{code}/__pay/{order.order_id}", fields)

	def finish(self, code: str, reference: str, outcome: str = "success") -> None:
		"""The newest payment with our reference ends late (success or failure), with nobody at a browser."""
		dialect = self._dialect(code)
		with dialect.books.lock:
			order = dialect.books.order_of(reference)
			charges = dialect.books.charges_of(order) if order else []
			if not charges:
				raise LookupError(f"{dialect.label} has no payment for {reference!r}.")
			dialect.finish(order, charges[-1], outcome)

	def finish_refund(self, code: str, key: str, outcome: str = "success") -> None:
		"""The refund with our key is done, or failed, at the bank."""
		dialect = self._dialect(code)
		with dialect.books.lock:
			refund = dialect.books.refund_by(key=key)
			if refund is None:
				raise LookupError(f"{dialect.label} has no refund {key!r}.")
			dialect.finish_refund(dialect.books.payment(refund.payment_id), refund, outcome)

	def refund_from_dashboard(self, code: str, reference: str, amount_minor: int | None = None) -> None:
		"""Somebody sends the newest payment with our reference back in the provider's dashboard, all of it or a part."""
		dialect = self._dialect(code)
		with dialect.books.lock:
			charges = dialect.books.charges_of(dialect.books.order_of(reference))
			taken = [charge for charge in charges if charge.state == CAPTURED]
			dialect.refund_from_dashboard(taken[-1], amount_minor)

	def dispute(self, code: str, reference: str, state: str = "open") -> None:
		"""The payer's bank contests the money taken for our reference: open, won or lost."""
		dialect = self._dialect(code)
		with dialect.books.lock:
			charge = dialect.books.charges_of(dialect.books.order_of(reference))[-1]
			dialect.announce_dispute(charge, state)

	# WSGI -------------------------------------------------------------------------------------------

	def __call__(self, environ, start_response):
		return self._respond(_Request(environ))(environ, start_response)

	def _respond(self, request: Request) -> Response:
		try:
			endpoint, values = self._routes.bind_to_environ(request.environ).match()
			request.get_data(cache=True)  # raw bytes first: a form that was parsed first would swallow them
			code, handler = endpoint
			if code is None:
				return handler(request, **values)
			return self._play(self.dialects[code], handler, request, values)
		except HTTPException as error:
			return error.get_response(request.environ)

	def _play(self, dialect: Dialect, handler, request: Request, values: dict) -> Response:
		"""The handler's answer, or what a fault makes of it."""
		call = dialect.call_of(request, handler.__name__)
		fault = self.faults.take(dialect.code, call, HTTP_FAULTS)
		kind = fault.kind if fault else ""
		if kind == "delay":
			self._closing.wait(float(fault.args.get("seconds", 1)))
		if kind == "timeout_before":
			return _hang_up(request)
		if kind == "error_500_before":
			return _server_error(fault)
		with dialect.books.lock:
			answer = handler(request, **values)
		if kind == "timeout_after":
			return _hang_up(request)
		if kind == "error_500_after":
			return _server_error(fault)
		return Response(GARBAGE, content_type="text/html") if kind == "garbage" else answer

	def _build_routes(self) -> Map:
		own = [
			("GET", "/", self._index),
			("GET", "/__books", self._show_books),
			("POST", "/__faults", self._add_fault),
			("POST", "/__reset", self._reset),
			("POST", "/__config", self._configure),
			("POST", "/__finish", self._finish),
		]
		rules = [_rule(methods, path, None, handler) for methods, path, handler in own]
		for code, dialect in self.dialects.items():
			paying = [("GET,POST", "/__pay/<order_id>", dialect.pay)]
			for methods, path, handler in [*dialect.routes(), *paying]:
				rules.append(_rule(methods, f"/{code}{path}", code, handler))
		return Map(rules, strict_slashes=False, merge_slashes=False)

	def _make(self, kind: type[Dialect], first_number: int) -> Dialect:
		books = Books(kind.code, self.clock, first_number)
		return kind(books, self.faults, self.webhooks, self.clock, lambda: self.url)

	def _dialect(self, code: str) -> Dialect:
		if code not in self.dialects:
			raise LookupError(f"The simulator plays no {code!r}; it plays {', '.join(self.dialects)}.")
		return self.dialects[code]

	def _walk(self, path: str, fields: dict[str, str]) -> Return | None:
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

	# The simulator's own pages ----------------------------------------------------------------------

	def _index(self, request: Request) -> Response:
		rows = []
		for dialect in self.dialects.values():
			for charge in self.charges(dialect.code)[-20:]:
				amount = f"{charge.currency} {to_text(charge.amount_minor, charge.currency)}"
				back = to_text(charge.refunded_minor, charge.currency)
				rows.append((dialect.label, charge.reference, charge.payment_id, amount, charge.state, back))
		headings = ("Provider", "Reference", "Payment", "Amount", "State", "Refunded")
		told = Markup("<p>It plays {}. Recent payments:</p>").format(
			", ".join(d.label for d in self.dialects.values())
		)
		html = pages.layout("payment providers", "Payment simulator", told + pages.table(headings, rows))
		return Response(html, content_type="text/html; charset=utf-8")

	def _show_books(self, request: Request) -> Response:
		told = {code: dialect.books.as_dict() for code, dialect in self.dialects.items()}
		return Response(json.dumps(told, default=str), content_type="application/json")

	def _add_fault(self, request: Request) -> Response:
		told = _json_body(request)
		with _refusing():
			self.faults.add(
				told["code"], told["call"], told["kind"], told.get("times", 1), **told.get("args", {})
			)
		return _done()

	def _configure(self, request: Request) -> Response:
		told = _json_body(request)
		with _refusing():
			self.configure(told["code"], **told["settings"])
		return _done()

	def _finish(self, request: Request) -> Response:
		told = _json_body(request)
		with _refusing():
			self.finish(told["code"], told["reference"], told.get("outcome", "success"))
		return _done()

	def _reset(self, request: Request) -> Response:
		_json_body(request)
		self.reset()
		return _done()


def find_dialects(codes: Iterable[str] = ()) -> list[type[Dialect]]:
	"""The dialects in `providers`, one a folder; only those of `codes` are imported when some are given."""
	folders = import_module(PROVIDERS).__path__
	found = []
	for code in tuple(codes) or tuple(module.name for module in pkgutil.iter_modules(folders)):
		module = import_module(f"{PROVIDERS}.{code}.provider")
		found += [kind for kind in vars(module).values() if _is_dialect_of(kind, module)]
	return found


def _is_dialect_of(value, module) -> bool:
	is_own = isinstance(value, type) and value.__module__ == module.__name__
	return is_own and issubclass(value, Dialect) and value is not Dialect


def _rule(methods: str, path: str, code: str | None, handler) -> Rule:
	return Rule(path, endpoint=(code, handler), methods=methods.split(","))


def _hang_up(request: Request) -> Response:
	"""Close the connection without an answer; where there is none (a test's own browser), say 504."""
	connection = request.environ.get("werkzeug.socket")
	if connection is not None:
		with suppress(OSError):
			connection.shutdown(socket.SHUT_RDWR)
	return Response("", 504)


def _server_error(fault: Fault) -> Response:
	return Response("Internal Server Error", int(fault.args.get("status", 500)), content_type="text/plain")


def _json_body(request: Request) -> dict:
	# Asking for JSON keeps other web pages in the same browser from driving the simulator.
	told = request.get_json()
	if not isinstance(told, dict):
		raise BadRequest("Please send a JSON object.")
	return told


class _refusing:
	def __enter__(self):
		return self

	def __exit__(self, kind, error, trace):
		if isinstance(error, (KeyError, LookupError, TypeError, ValueError)):
			raise BadRequest(str(error)) from error


def _done() -> Response:
	return Response('{"ok": true}', content_type="application/json")
