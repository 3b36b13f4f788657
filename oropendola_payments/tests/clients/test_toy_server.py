"""The toy model server of the examples, with the FastAPI dependency, against a real site."""

import sys
from unittest import skipUnless

import frappe

from oropendola_payments.ai_billing.doctype.ai_api_key.ai_api_key import make_key
from oropendola_payments.engine.metering.test_usage import remaining, served_customer
from oropendola_payments.tests.browser.host import Host
from oropendola_payments.tests.clients.behind_proxies import EXAMPLES, Proxy, as_json, free_port
from oropendola_payments.tests.clients.python_client import SOURCE
from oropendola_payments.tests.support.case import TestCase

try:
	import uvicorn  # noqa: F401
	from fastapi import HTTPException
	from oropendola_usage import Refused, Unavailable
	from oropendola_usage.fastapi import answer_to
except ImportError:  # a bench has no FastAPI, and its runner does not know modules that skip themselves
	HTTPException = None

NEEDED = "FastAPI and uvicorn are not installed."
CHAT = "/v1/chat/completions"


class ToyServer(Proxy):
	def __init__(self, site: str):
		port = free_port()
		command = [
			sys.executable,
			"-m",
			"uvicorn",
			"--app-dir",
			str(EXAMPLES),
			"toy_server:app",
			"--port",
			str(port),
		]
		super().__init__(command, port, {"SITE": site, "PYTHONPATH": str(SOURCE)}, ready_at="/v1/models")


@skipUnless(HTTPException, NEEDED)
class TestToyServer(TestCase):
	@classmethod
	def setUpClass(cls):
		super().setUpClass()
		cls.host = Host()
		cls.addClassCleanup(cls.host.close)

	def setUp(self):
		self.toy = ToyServer(self.host.url)
		self.addCleanup(self.toy.close)
		self.doc, self.key = served_customer(requests_limit_per_day=50)
		frappe.db.commit()

	def ask(self, headers: dict, method: str = "POST") -> tuple[int, dict, dict]:
		status, sent, body = self.toy.ask(
			method, CHAT, {**headers, "Content-Type": "application/json"}, b'{"messages": []}'
		)
		return status, sent, as_json(body)

	def left(self) -> int:
		frappe.db.rollback()
		return remaining(self.doc)

	def test_calls_with_a_key_are_answered_and_counted(self):
		for number in range(1, 8):
			header = {"X-API-Key": self.key} if number % 2 else {"Authorization": f"Bearer {self.key}"}
			status, _headers, answer = self.ask(header)
			self.assertEqual((status, answer["usage"]["total_tokens"]), (200, 12))
		self.toy.close()
		self.assertEqual(self.left(), 43, "what was not spent comes back when the server stops")

	def test_refusals_say_why_and_when_to_come_back(self):
		status, headers, answer = self.ask({})
		self.assertEqual(
			(status, headers["www-authenticate"], answer["detail"]["reason"]), (401, "Bearer", "key_missing")
		)
		self.assertEqual(self.ask({"X-API-Key": make_key()})[2]["detail"]["reason"], "key_unknown")
		frappe.db.set_value("AI Subscription", self.doc.name, "daily_quota_remaining", 0)
		frappe.db.commit()
		status, headers, answer = self.ask({"X-API-Key": self.key})
		self.assertEqual((status, answer["detail"]["window"]), (429, "requests:day"))
		self.assertGreater(int(headers["retry-after"]), 0)

	def test_without_the_site_calls_are_refused(self):
		toy = ToyServer("http://127.0.0.1:9")
		self.addCleanup(toy.close)
		status, headers, _body = toy.ask("POST", CHAT, {"X-API-Key": self.key}, b"{}")
		self.assertEqual((status, headers["retry-after"]), (503, "1"))


@skipUnless(HTTPException, NEEDED)
class TestAnswers(TestCase):
	def test_an_offer_of_the_site_reaches_the_client(self):
		offer = {"packs": [{"name": "small", "price": 5}]}
		error = Refused("Your credits are used up.", 402, "payment_required", offer=offer)
		answer = answer_to(error)
		self.assertIsInstance(answer, HTTPException)
		self.assertEqual((answer.status_code, answer.detail["offer"]), (402, offer))
		self.assertEqual(answer_to(Unavailable("away")).status_code, 503)
