"""The contracts of nginx auth_request, Traefik ForwardAuth and Envoy ext_authz: what they ask with, and which answers they understand."""

import frappe

from oropendola_payments.ai_billing.doctype.ai_api_key.ai_api_key import make_key
from oropendola_payments.api.proxies import METHODS
from oropendola_payments.engine.keys import rotate
from oropendola_payments.engine.metering.test_usage import remaining, served_customer
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.factories import payment_settings
from oropendola_payments.tests.support.http import API, call, message, send

AUTHORIZE = f"{API}usage.authorize"
NGINX = {"X-Oro-Dialect": "nginx"}
# What a request for a model server may bring along, and a proxy pass on.
PASSED_ON = "/v1/chat?cmd=frappe.ping&fn=x&requests=50&api_key=oro_x&q=%FF&doctype=User"


class ProxyCase(TestCase):
	plan: dict = {}

	@classmethod
	def setUpClass(cls):
		super().setUpClass()
		cls.doc, cls.key = served_customer(requests_limit_per_day=1000, **cls.plan)

	def setUp(self):
		frappe.db.set_value("AI Subscription", self.doc.name, "daily_quota_remaining", 1000)

	def ask(self, method: str = "GET", path: str = "", key: str | None = None, **headers: str):
		return send(method, AUTHORIZE + path, headers={"X-API-Key": key or self.key, **headers})

	def left(self) -> int:
		return remaining(self.doc)


class TestAsking(ProxyCase):
	def test_every_method_is_answered_and_counts_one_request(self):
		for number, method in enumerate(METHODS, start=1):
			answer = self.ask(method)
			self.assertEqual((answer.status_code, self.left()), (200, 1000 - number), method)

	def test_the_answer_says_whose_request_it_is(self):
		answer = self.ask()
		self.assertEqual(answer.headers["X-Oro-Subscription"], self.doc.name)
		self.assertEqual(answer.headers["X-Oro-Plan"], self.doc.plan)
		self.assertEqual(
			answer.headers["X-Oro-Key-Prefix"],
			frappe.db.get_value("AI API Key", self.doc.api_key_link, "key_prefix"),
		)
		self.assertEqual(answer.headers["X-Oro-Remaining"], "999")
		self.assertIn('"requests-day"', answer.headers["RateLimit"])
		self.assertEqual(message(answer)["subscription_id"], self.doc.name)

	def test_path_query_and_method_of_the_request_decide_nothing(self):
		"""U9"""
		for method in ("GET", "POST", "DELETE"):
			before = self.left()
			answer = self.ask(method, PASSED_ON)
			self.assertEqual((answer.status_code, before - self.left()), (200, 1), method)
			refused = self.ask(method, PASSED_ON, key=make_key())
			self.assertEqual(refused.status_code, 401, method)

	def test_a_body_that_is_passed_on_decides_nothing(self):
		"""U9"""
		for options in (
			{"json": {"cmd": "frappe.ping", "requests": 9}},
			{"data": {"requests": "9", "fn": "x"}},
		):
			before = self.left()
			answer = send("POST", AUTHORIZE, headers={"X-API-Key": self.key}, **options)
			self.assertEqual((answer.status_code, before - self.left()), (200, 1), answer.text)

	def test_a_preflight_request_does_not_pass(self):
		"""U9"""
		answer = self.ask("OPTIONS", "/v1/chat")
		self.assertEqual((answer.status_code, self.left()), (405, 1000))
		self.assertIn("GET", answer.headers["Allow"])

	def test_the_key_comes_in_a_header_and_never_in_the_address(self):
		self.assertEqual(send("GET", f"{AUTHORIZE}?api_key={self.key}").status_code, 401)
		bearer = send("GET", AUTHORIZE, headers={"Authorization": f"Bearer {self.key}"})
		self.assertEqual(bearer.status_code, 200)

	def test_a_login_for_the_model_server_is_ignored(self):
		for value in ("Bearer ya29.foreign", "Basic eDp5", "token a:b"):
			self.assertEqual(self.ask(Authorization=value).status_code, 200, value)
			self.assertEqual(send("GET", AUTHORIZE, headers={"Authorization": value}).status_code, 401, value)

	def test_a_check_counts_nothing_and_refuses_what_would_not_pass(self):
		for method in METHODS:
			answer = call("usage.check", method=method, headers={"X-API-Key": self.key})
			self.assertEqual((answer.status_code, self.left()), (200, 1000), method)
		frappe.db.set_value("AI Subscription", self.doc.name, "daily_quota_remaining", 0)
		answer = call("usage.check", method="GET", headers={"X-API-Key": self.key})
		self.assertEqual((answer.status_code, message(answer)["window"]), (429, "requests:day"))


class TestRefusals(ProxyCase):
	def refusals(self) -> dict[int, str]:
		"""A key for each status."""
		_ended, ended = served_customer()
		frappe.db.set_value("AI Subscription", _ended.name, "end_date", frappe.utils.add_days(None, -1))
		_models, models = served_customer(models=[{"pattern": "large", "per_request": 1}])
		_empty, empty = served_customer()
		frappe.db.set_value("AI Subscription", _empty.name, "daily_quota_remaining", 0)
		frappe.db.commit()
		return {401: make_key(), 402: ended, 403: models, 429: empty}

	def test_each_refusal_has_its_status_and_what_the_client_needs(self):
		for status, key in self.refusals().items():
			answer = self.ask(key=key)
			self.assertEqual((answer.status_code, answer.headers["X-Oro-Status"]), (status, str(status)))
			self.assertIn("error_code", message(answer))
			self.assertEqual("Retry-After" in answer.headers, status == 429)
		missing = send("GET", AUTHORIZE)
		self.assertEqual((missing.status_code, missing.headers["WWW-Authenticate"]), (401, "Bearer"))
		wrong = self.ask(key=make_key())
		self.assertEqual(wrong.headers["WWW-Authenticate"], 'Bearer error="invalid_token"')

	def test_nginx_gets_only_answers_that_it_understands(self):
		"""U10"""
		for status, key in self.refusals().items():
			answer = self.ask(key=key, **NGINX)
			told = 401 if status == 401 else 403
			self.assertEqual((answer.status_code, answer.headers["X-Oro-Status"]), (told, str(status)))
			self.assertEqual("Retry-After" in answer.headers, status == 429)
		self.assertEqual(self.ask(**NGINX).status_code, 200)
		self.assertEqual(self.ask("OPTIONS", **NGINX).status_code, 403)

	def test_no_answer_sets_a_cookie_or_may_be_cached(self):
		"""U10"""
		for key in (self.key, make_key()):
			answer = self.ask(key=key)
			self.assertEqual(answer.headers.getlist("Set-Cookie"), [])
			self.assertEqual(answer.headers["Cache-Control"], "no-store")

	def test_a_refusal_counts_nothing(self):
		_doc, key = served_customer(requests_limit_per_day=5)
		with payment_settings(proxy_sets_usage=1):
			self.assertEqual(self.ask(key=key, **{"X-Oro-Requests": "6"}).status_code, 429)
		self.assertEqual(remaining(_doc), 5)

	def test_a_key_that_was_replaced_is_refused_at_once(self):
		doc, key = served_customer()
		rotate.rotate(doc.user, doc.name)
		answer = self.ask(key=key)
		self.assertEqual((answer.status_code, message(answer)["reason"]), (401, "key_retired"))


class TestModelAndRequests(ProxyCase):
	plan = {
		"models": [{"pattern": "large", "per_request": 3}, {"pattern": "small", "per_request": 1}],
		"limits": [{"meter": "Units", "time_window": "Month", "allowance": 1000}],
	}

	def used(self) -> int:
		return frappe.db.get_value("AI Usage Window", {"subscription": self.doc.name}, "used") or 0

	def test_headers_of_a_proxy_that_sets_them_decide_the_cost(self):
		with payment_settings(proxy_sets_usage=1):
			before = self.used()
			answer = self.ask(**{"X-Oro-Model": "acme/large", "X-Oro-Requests": "2"})
			self.assertEqual((answer.status_code, self.used() - before, self.left()), (200, 6000, 998))
			for bad in ("0", "-1", "many", "1e3", "999999999999", "٣"):
				answer = self.ask(**{"X-Oro-Model": "large", "X-Oro-Requests": bad})
				self.assertEqual(answer.status_code, 400, bad)
			self.assertEqual(self.ask().status_code, 403)

	def test_customers_cannot_choose_a_cheaper_model_with_a_header(self):
		"""U11"""
		before = self.used()
		answer = self.ask(**{"X-Oro-Model": "small", "X-Oro-Requests": "2"})
		self.assertEqual((answer.status_code, message(answer)["error_code"]), (403, "model_not_in_plan"))
		self.assertEqual((self.used(), self.left()), (before, 1000))
