"""Hostile requests to public endpoints over HTTP: refused or redirected, nothing written, never a server error."""

import json
import secrets
from urllib.parse import parse_qsl, urlencode, urlsplit

import frappe

from oropendola_payments.engine.monitoring import health
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.gateway_events import UNSIGNED_NOTICES
from oropendola_payments.tests.support.http import call
from oropendola_payments.tests.support.journey import GATEWAYS, Journey
from oropendola_payments.tests.support.simulated import simulator
from oropendola_payments.tests.support.time_travel import clear_due_records

EVIL = "https://evil.example/take"
WRITTEN = (
	"Payment Webhook Log",
	"Payment Capture",
	"Payment Refund",
	"Payment Event",
	"Payment Attempt",
	"Error Log",
)
# Meanwhile a worker of the bench may log the result of a mail or a receipt.
OURS = {"Error Log": {"method": ("like", "%ebhook%")}}


class HostileCase(TestCase):
	def journey(self, gateway: str) -> Journey:
		clear_due_records()
		return Journey(gateway, settings={"api_base_url": f"{simulator().url}/{gateway}"})

	def tearDown(self):
		for gateway in GATEWAYS:
			name = frappe.db.get_value("Payment Gateway Settings", {"gateway": gateway}, "name")
			doc = frappe.get_doc("Payment Gateway Settings", name)
			if doc.api_base_url:
				doc.api_base_url = None
				doc.save(ignore_permissions=True)
		frappe.db.commit()

	def counts(self) -> dict:
		return {doctype: frappe.db.count(doctype, OURS.get(doctype)) for doctype in WRITTEN}

	@staticmethod
	def webhook(gateway: str, body: bytes, headers=None, **options):
		options = {"query_string": {"gateway": gateway}, "data": body, **options}
		return call("webhooks.receive", headers=dict(headers or {}), **options)

	@staticmethod
	def come_back(gateway: str, attempt: str = "", fields=None, method: str = "POST", **query):
		query = {"gateway": gateway, "attempt": attempt, **query}
		options = {"data": fields} if method == "POST" else {}
		return call("callbacks.returned", method=method, query_string=query, **options)


def mutilated(body: bytes) -> dict[str, bytes]:
	"""Forgeries that an attacker can make of a genuine notice."""
	return {
		"another amount": body.replace(b"49", b"48"),
		"cut in the middle": body[: len(body) // 2],
		"nothing": b"",
		"not UTF-8": b"\xff\xfe" + body + b"\x80",
		"noughts": b"\x00" * 64,
		"random bytes": secrets.token_bytes(512),
		"a list": b"[1, 2, 3]",
		"a number": b"12345",
		"null": b"null",
		"deep": b"[" * 20_000 + b"]" * 20_000,
		"other types": json.dumps(
			{"event": ["x"], "payload": 7, "data": None, "id": {}, "status": []}
		).encode(),
		"strange numbers": b'{"amount": NaN, "id": 1e400, "status": -Infinity}',
		"many fields": urlencode({f"f{number}": "x" for number in range(5000)}).encode(),
		"two in one": b"[" + body + b"," + body + b"]",
	}


def sent_as_text(headers) -> dict:
	"""Frappe parses a JSON body before it calls us; a text body arrives unchanged."""
	kept = {name: value for name, value in headers.items() if name.lower() != "content-type"}
	return {**kept, "Content-Type": "text/plain"}


class TestWebhooks(HostileCase):
	def test_mutilated_notices_are_refused_and_write_nothing(self):
		"""S2, S4, S7: without a valid signature nothing is looked up and nothing written."""
		for gateway in (code for code in GATEWAYS if code not in UNSIGNED_NOTICES):
			journey = self.journey(gateway)
			journey.customer_pays(journey.start())
			message = journey.take_webhooks()[-1]
			for kind, body in mutilated(message.body).items():
				with self.subTest(f"{gateway}: {kind}"):
					before = self.counts()
					answer = self.webhook(gateway, body, sent_as_text(message.headers))
					self.assertIn(answer.status_code, (400, 401), answer.get_data(as_text=True)[:300])
					self.assertEqual(self.counts(), before)
			self.assertEqual((journey.status(), journey.captures()), ("Processing", []))

	def test_a_mutilated_unsigned_notice_moves_no_money(self):
		for gateway in UNSIGNED_NOTICES:
			journey = self.journey(gateway)
			message_of = journey.customer_pays(journey.start(), "failure") and journey.take_webhooks()[-1]
			for kind, body in mutilated(message_of.body).items():
				with self.subTest(f"{gateway}: {kind}"):
					answer = self.webhook(gateway, body, sent_as_text(message_of.headers))
					self.assertLess(answer.status_code, 500, answer.get_data(as_text=True)[:300])
			self.assertEqual((journey.captures(), journey.subscription_status()), ([], "Pending"))

	def test_a_body_that_frappe_cannot_parse_is_refused_by_frappe(self):
		"""An invalid JSON body is refused by the framework, and nothing is written."""
		journey = self.journey("razorpay")
		for kind, body in mutilated(b'{"event": "payment.captured"}').items():
			with self.subTest(kind):
				before = {
					doctype: count for doctype, count in self.counts().items() if doctype != "Error Log"
				}
				answer = self.webhook("razorpay", body, {"Content-Type": "application/json"})
				self.assertGreaterEqual(answer.status_code, 400)
				self.assertEqual({doctype: self.counts()[doctype] for doctype in before}, before)
		self.assertEqual(journey.status(), "Pending")

	def test_a_missing_empty_or_malformed_signature_is_refused(self):
		"""S4, S6, S23: asterisks, other alphabets, and an empty text."""
		for gateway in (code for code in GATEWAYS if code not in UNSIGNED_NOTICES):
			journey = self.journey(gateway)
			journey.customer_pays(journey.start())
			message = journey.take_webhooks()[-1]
			for forged in ("", "*" * 64, "ÄÖÜ-żółć".encode().decode("latin-1"), "0" * 128, "\u00ff" * 64):
				with self.subTest(f"{gateway}: {forged[:5]!r}"):
					before = self.counts()
					headers = {k: (forged if "sig" in k.lower() else v) for k, v in message.headers.items()}
					body = (
						message.body
						if gateway != "payu"
						else message.body.split(b"&hash=")[0] + b"&hash=" + forged.encode()
					)
					answer = self.webhook(gateway, body, headers)
					self.assertIn(answer.status_code, (400, 401), answer.get_data(as_text=True)[:300])
					self.assertEqual(self.counts(), before)

	def test_a_huge_message_is_refused_before_it_is_read(self):
		"""S38."""
		for gateway in GATEWAYS:
			with self.subTest(gateway):
				self.journey(gateway)
				before = self.counts()
				answer = self.webhook(gateway, b"x" * 300_000, {"Content-Type": "text/plain"})
				self.assertEqual(answer.status_code, 413)
				self.assertEqual(self.counts(), before)

	def test_an_unknown_gateway_is_not_found(self):
		for code in ("nosuch", "manual", "credit", "../payu", "payu' OR 1=1", "\x00", "ü", "x" * 5000):
			with self.subTest(code[:20]):
				answer = self.webhook(code, b"{}")
				self.assertEqual(answer.status_code, 404, answer.get_data(as_text=True)[:300])

	def test_get_and_head_requests_are_refused(self):
		"""S19: a GET request changes nothing."""
		for method in ("GET", "PUT", "DELETE"):
			answer = call("webhooks.receive", method=method, query_string={"gateway": "payu"})
			self.assertIn(answer.status_code, (403, 405))

	def test_refused_notices_are_counted_and_rate_limited(self):
		"""S38."""
		self.journey("razorpay")
		address = {"X-Forwarded-For": f"203.0.113.{secrets.randbelow(250)}", "X-Razorpay-Signature": "0" * 64}
		before = health.rejected_counts().get("razorpay", 0)
		answers = [self.webhook("razorpay", b"{}", address).status_code for _number in range(70)]
		self.assertEqual(set(answers[:60]), {401})
		self.assertEqual(answers[-1], 429)
		self.assertGreaterEqual(health.rejected_counts()["razorpay"] - before, 60)

	def test_a_refusal_does_not_reveal_whether_a_payment_exists(self):
		"""S9: a wrong signature gets the same answer for an existing and for an unknown payment."""
		for gateway in (code for code in GATEWAYS if code not in UNSIGNED_NOTICES):
			with self.subTest(gateway):
				journey = self.journey(gateway)
				attempt = journey.start()
				journey.customer_pays(attempt)
				message = journey.take_webhooks()[-1]
				bodies = [
					message.body.replace(b"49", b"50"),
					message.body.replace(attempt.encode(), b"Z" * 20),
				]
				answers = {
					self.webhook(gateway, body, message.headers).get_data(as_text=True) for body in bodies
				}
				self.assertEqual(len(answers), 1, answers)


class TestReplays(HostileCase):
	def test_a_replayed_notice_changes_nothing(self):
		"""S34."""
		for gateway in GATEWAYS:
			with self.subTest(gateway):
				journey = self.journey(gateway)
				journey.customer_pays(journey.start())
				messages = journey.take_webhooks()
				for _time in range(3):
					for message in messages:
						self.assertEqual(
							self.webhook(gateway, message.body, message.headers).status_code, 200
						)
				self.assertEqual(journey.status(), "Paid")
				self.assertEqual(journey.problems(), [])

	def test_the_return_of_another_payment_does_not_pay_this_invoice(self):
		"""S2, S5: a signed return of a cheap payment is sent to the return address of an expensive one."""
		for gateway in GATEWAYS:
			with self.subTest(gateway):
				cheap = Journey(gateway, price=1)
				back = cheap.customer_pays(cheap.start())
				journey = self.journey(gateway)
				attempt = journey.start()
				parts = urlsplit(back.url)
				fields = dict(back.fields)
				query = dict(parse_qsl(parts.query))
				query.update(gateway=gateway, attempt=attempt)
				call(
					"callbacks.returned",
					method=back.method,
					query_string=query,
					**({"data": fields} if back.method == "POST" else {}),
				)
				self.assertEqual((journey.captures(), journey.subscription_status()), ([], "Pending"))


class TestReturns(HostileCase):
	def test_every_return_redirects_to_our_own_page_without_a_cookie(self):
		"""S5, S17, R31: no cookie ends the session, and no redirect leads to another host."""
		for gateway in GATEWAYS:
			attempt = self.journey(gateway).start()
			tries = [
				self.come_back(gateway, attempt, {"status": "success", "txnid": attempt, "amount": "499.00"}),
				self.come_back(
					gateway, attempt, method="GET", redirect_to=EVIL, next=EVIL, return_url=EVIL, url=EVIL
				),
				self.come_back(gateway, EVIL, {"surl": EVIL, "redirect_to": EVIL}),
				self.come_back(gateway, "//evil.example", method="GET"),
				self.come_back(gateway, "ÿ\x00'\"<script>", {"x": "y"}),
				self.come_back(gateway, "", b"\xff\xfe\x00"),
				self.come_back(gateway, "x" * 4000, method="GET"),
			]
			for number, answer in enumerate(tries):
				with self.subTest(f"{gateway} {number}"):
					self.assertEqual(answer.status_code, 303, answer.get_data(as_text=True)[:300])
					target = urlsplit(answer.headers["Location"])
					self.assertEqual(target.netloc, "", "a host could be anybody's")
					self.assertEqual(target.path, "/payment-result")
					self.assertNotIn("evil", answer.headers["Location"])
					self.assertEqual(answer.headers.getlist("Set-Cookie"), [])

	def test_a_forged_success_or_failure_changes_nothing(self):
		"""S4, S5, S10: only verified events count."""
		for gateway in GATEWAYS:
			for word in ("success", "failure", "cancelled", "PAID", "CANCELLED"):
				with self.subTest(f"{gateway} {word}"):
					journey = self.journey(gateway)
					attempt = journey.start()
					fields = {
						"txnid": attempt,
						"status": word,
						"code": word,
						"amount": "499.00",
						"mihpayid": "1",
						"hash": "0" * 128,
					}
					self.come_back(gateway, attempt, fields)
					self.come_back(gateway, attempt, method="GET", status=word, payment_id="pay_1")
					self.assertEqual((journey.status(), journey.captures()), ("Processing", []))

	def test_a_paid_invoice_stays_paid_after_any_return(self):
		"""S10: calling the failure address does not make an invoice Failed."""
		journey = self.journey("payu")
		attempt = journey.start()
		journey.customer_pays(attempt)
		journey.deliver_all()
		for endpoint in ("callbacks.payu_failure", "callbacks.payu_success"):
			call(endpoint, data={"txnid": attempt, "status": "failure", "key": "SimPyU", "hash": "0" * 128})
		self.assertEqual(journey.status(), "Paid")

	def test_the_old_payu_addresses_settle_only_verified_payments(self):
		for endpoint in ("payu_success", "payu_failure"):
			with self.subTest(endpoint):
				journey = self.journey("payu")
				back = journey.customer_pays(journey.start())
				answer = call(f"callbacks.{endpoint}", data=dict(back.fields))
				self.assertEqual((answer.status_code, journey.status()), (303, "Paid"))

	def test_a_huge_return_is_redirected_unread(self):
		self.journey("payu")
		answer = self.come_back("payu", "", b"x" * 300_000)
		self.assertEqual(answer.status_code, 303)
