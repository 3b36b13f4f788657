"""A receiver of webhooks on loopback: real HTTP, and answers that a test can choose."""

import threading
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import frappe

from oropendola_payments.ai_billing import outbox
from oropendola_payments.ai_billing.current import forget
from oropendola_payments.engine.webhooks_out import deliver, endpoints, relay
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.factories import as_user, create_user, payment_settings


@dataclass
class Received:
	path: str
	headers: dict[str, str]
	body: bytes


@dataclass
class Reply:
	status: int = 200
	headers: dict[str, str] = field(default_factory=dict)
	body: bytes = b"ok"
	before: Callable[[], object] = lambda: None


class Receiver:
	"""`replies` are used one after another; then `reply` is."""

	def __init__(self):
		self.received: list[Received] = []
		self.reply, self.replies = Reply(), []
		self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
		self._server.daemon_threads = True
		self.url = f"http://127.0.0.1:{self._server.server_port}/hook"
		threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

	def close(self):
		self._server.shutdown()
		self._server.server_close()

	def _handler(receiver):
		class Handler(BaseHTTPRequestHandler):
			def do_POST(self):
				body = self.rfile.read(int(self.headers["Content-Length"]))
				headers = {name.lower(): value for name, value in self.headers.items()}
				receiver.received.append(Received(self.path, headers, body))
				reply = receiver.replies.pop(0) if receiver.replies else receiver.reply
				reply.before()
				self.send_response(reply.status)
				for name, value in {**reply.headers, "Content-Length": len(reply.body)}.items():
					self.send_header(name, value)
				self.end_headers()
				self.wfile.write(reply.body)

			def do_GET(self):
				receiver.received.append(Received("GET " + self.path, {}, b""))
				self.send_error(405)

			def log_message(self, *args):
				pass

		return Handler

	def types(self) -> list[str]:
		return [frappe.parse_json(one.body.decode())["type"] for one in self.received]


@contextmanager
def conf(**values):
	"""The site's configuration with other values for a while."""
	before = {name: frappe.conf.get(name) for name in values}
	frappe.conf.update(values)
	try:
		yield
	finally:
		frappe.conf.update(before)


class WebhookTestCase(TestCase):
	"""Customers may register endpoints, also on loopback. Endpoints of a test are gone after it."""

	def setUp(self):
		self.enterContext(conf(allow_loopback_webhooks=1))
		self.enterContext(payment_settings(customer_webhooks=1, max_webhook_endpoints=5))
		self.receiver = Receiver()
		self.addCleanup(self.receiver.close)
		self.addCleanup(self.remove_endpoints)
		self.user = create_user()
		self.made: list[str] = []

	def endpoint(
		self, user: str | None = "own", events=("invoice.paid",), quiet: bool = True, **values
	) -> dict:
		"""A new endpoint of the test's customer; None is one for all customers. `quiet` leaves out the first state."""
		owner = self.user if user == "own" else user
		with as_user(owner or "Administrator"):
			made = endpoints.create(owner, values.pop("url", self.receiver.url), list(events), **values)
		self.made.append(made["endpoint"])
		if quiet:
			frappe.db.delete("AI Webhook Event", {"user": owner, "type": "customer.state_changed"})
			frappe.db.commit()
		return made

	def announce(self, kind: str = "invoice.paid", user: str | None = None, **data):
		outbox.announce(kind, user or self.user, **(data or {"invoice_id": "INV-1"}))
		frappe.db.commit()

	def send(self, endpoint: dict | str, **options) -> int:
		"""Distribute and send what is due at once, as the workers do."""
		relay.distribute()
		name = endpoint if isinstance(endpoint, str) else endpoint["endpoint"]
		return deliver.run(name, **options)

	def deliveries(self, endpoint: dict, **filters) -> list:
		names = frappe.get_all(
			"AI Webhook Delivery",
			{"endpoint": endpoint["endpoint"], **filters},
			pluck="name",
			order_by="position",
		)
		return [frappe.get_doc("AI Webhook Delivery", name) for name in names]

	def doc(self, endpoint: dict):
		return frappe.get_doc("AI Webhook Endpoint", endpoint["endpoint"])

	def make_due(self, endpoint: dict, **values):
		"""As if the time of the next attempt had come."""
		name = endpoint["endpoint"]
		frappe.db.sql(
			"UPDATE `tabAI Webhook Delivery` SET next_attempt_at = '2026-01-01' WHERE endpoint = %s AND status = 'Waiting'",
			name,
		)
		frappe.db.set_value("AI Webhook Endpoint", name, {"not_before": None, **values})
		frappe.db.commit()

	def remove_endpoints(self):
		frappe.db.rollback()
		for name in self.made:
			if frappe.db.exists("AI Webhook Endpoint", name):
				endpoints.delete(name)
		forget("AI Webhook Endpoint")
		frappe.db.commit()
