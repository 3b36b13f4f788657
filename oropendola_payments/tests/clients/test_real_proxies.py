"""nginx, Traefik and Envoy, as far as they are installed, let only requests with a working key through, and count each once."""

from typing import ClassVar

import frappe

from oropendola_payments.ai_billing.doctype.ai_api_key.ai_api_key import make_key
from oropendola_payments.engine.metering.test_usage import remaining, served_customer
from oropendola_payments.tests.browser.host import Host
from oropendola_payments.tests.clients.behind_proxies import ModelServer, Proxy, start
from oropendola_payments.tests.support.case import TestCase

BODY = b'{"model": "large", "requests": 50, "cmd": "frappe.ping"}'
JSON = {"Content-Type": "application/json"}


class ProxyTests:
	"""What holds behind every proxy."""

	name: ClassVar[str]

	@classmethod
	def setUpClass(cls):
		super().setUpClass()
		cls.host = Host()
		cls.addClassCleanup(cls.host.close)
		cls.models = ModelServer()
		cls.addClassCleanup(cls.models.close)
		cls.proxy = cls.started()
		cls.doc, cls.key = served_customer(requests_limit_per_day=1000)
		cls._empty, cls.empty = served_customer(requests_limit_per_day=1)
		frappe.db.set_value("AI Subscription", cls._empty.name, "daily_quota_remaining", 0)
		cls._ended, cls.ended = served_customer()
		frappe.db.set_value("AI Subscription", cls._ended.name, "end_date", frappe.utils.add_days(None, -1))
		frappe.db.commit()

	@classmethod
	def started(cls, change=lambda text: text, site: str | None = None) -> Proxy:
		proxy = start(cls.name, site or cls.host.url, cls.models.address, change)
		cls.addClassCleanup(proxy.close)
		return proxy

	def setUp(self):
		self.models.requests.clear()

	def left(self) -> int:
		frappe.db.rollback()
		return remaining(self.doc)

	def refused(self, status: int, method: str, path: str, headers: dict, proxy: Proxy | None = None) -> dict:
		told, sent, _body = (proxy or self.proxy).ask(method, path, headers)
		self.assertEqual((told, self.models.requests), (status, []), (method, path))
		self.assertNotIn("set-cookie", sent)
		return sent

	def test_a_request_with_a_key_passes_and_counts_once(self):
		for headers in ({"X-API-Key": self.key}, {"Authorization": f"Bearer {self.key}"}):
			for method, body in (("GET", b""), ("POST", BODY), ("DELETE", b"")):
				self.models.requests.clear()
				before = self.left()
				status, _headers, _body = self.proxy.ask(
					method, "/v1/chat?cmd=frappe.ping&fn=1", {**headers, **JSON}, body
				)
				self.assertEqual((status, before - self.left()), (200, 1), method)
				(arrived,) = self.models.requests
				self.assertEqual(
					(arrived["method"], arrived["path"], arrived["body"]),
					(method, "/v1/chat?cmd=frappe.ping&fn=1", body),
				)

	def test_the_model_server_learns_the_subscription_and_never_the_key(self):
		forged = {"X-Oro-Subscription": "forged", "X-Oro-Plan": "forged"}
		self.proxy.ask(
			"POST", "/v1/chat", {"X-API-Key": self.key, "Authorization": f"Bearer {self.key}", **forged}, BODY
		)
		headers = {name.lower(): value for name, value in self.models.requests[0]["headers"].items()}
		self.assertEqual(
			(headers["x-oro-subscription"], headers["x-oro-plan"]), (self.doc.name, self.doc.plan)
		)
		self.assertNotIn(self.key, str(headers))

	def test_nobody_without_a_working_key_gets_through(self):
		"""U9"""
		for headers in (
			{},
			{"X-API-Key": make_key()},
			{"Authorization": "Bearer sk-1"},
			{"Cookie": "sid=Administrator"},
		):
			for method in ("GET", "POST", "OPTIONS"):
				for path in ("/v1/chat", "/v1/chat?cmd=frappe.ping", "/?sid=Administrator"):
					told, _sent, _body = self.proxy.ask(method, path, headers)
					self.assertIn(told, (401, 405, 503), (method, path))
					self.assertEqual(self.models.requests, [], (method, path, headers))

	def test_no_path_leads_to_another_method_of_the_site(self):
		"""U9"""
		for path in (
			"/../frappe.ping",
			"/../../frappe.ping",
			"/v1/../../frappe.ping",
			"/%2e%2e/frappe.ping",
			"/..%2ffrappe.ping",
			"//../frappe.ping",
			"/..;/frappe.ping",
			"/%0d%0aX-API-Key:%20x",
		):
			told, _sent, _body = self.proxy.ask("GET", path, {})
			self.assertGreaterEqual(told, 301, path)
			self.assertEqual(self.models.requests, [], path)

	def test_headers_of_the_customer_do_not_choose_site_model_or_dialect(self):
		"""U11"""
		chosen = {"X-Frappe-Site-Name": "other.example", "X-Oro-Requests": "7", "X-Oro-Model": "small"}
		before = self.left()
		status, _headers, _body = self.proxy.ask("GET", "/", {"X-API-Key": self.key, **chosen})
		self.assertEqual((status, before - self.left()), (200, 1))

	def test_the_customer_learns_why_and_when_to_come_back(self):
		"""U10"""
		self.assertIn(
			"bearer",
			self.refused(401, "GET", "/v1/models", {"X-API-Key": make_key()})["www-authenticate"].lower(),
		)
		sent = self.refused(429, "POST", "/v1/chat", {"X-API-Key": self.empty})
		self.assertGreater(int(sent["retry-after"]), 0)
		self.assertIn("requests-day", sent.get("ratelimit", "requests-day"))
		self.refused(402, "POST", "/v1/chat", {"X-API-Key": self.ended})

	def test_without_the_site_nothing_passes(self):
		proxy = self.started(site="http://127.0.0.1:9")
		told, _sent, _body = proxy.ask("GET", "/v1/chat", {"X-API-Key": self.key})
		self.assertGreaterEqual(told, 500)
		self.assertEqual(self.models.requests, [])


class TestNginx(ProxyTests, TestCase):
	name = "nginx"


class TestTraefik(ProxyTests, TestCase):
	name = "traefik"


class TestEnvoy(ProxyTests, TestCase):
	name = "envoy"


class TestEnvoyWithAFixedPath(ProxyTests, TestCase):
	"""Newer versions need not append the customer's path."""

	name = "envoy"

	@classmethod
	def started(cls, change=lambda text: text, site: str | None = None) -> Proxy:
		return super().started(lambda text: text.replace("path_prefix: /api", "path_override: /api"), site)
