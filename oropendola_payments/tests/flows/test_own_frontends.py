"""Frontends of the seller's own: where a payment may return to, what it tells them, and how they verify it."""

import hashlib
import hmac
import re
import shutil
import subprocess
import time
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import frappe
from frappe.utils import add_to_date, now_datetime

from oropendola_payments.ai_billing.current import forget
from oropendola_payments.ai_billing.origins import origin_of
from oropendola_payments.engine.core.urls import signed_view
from oropendola_payments.engine.frontends import outcome, secret
from oropendola_payments.engine.frontends.addresses import frontend_of, return_to
from oropendola_payments.exceptions import BadRequest
from oropendola_payments.tests.support import factories
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.http import call, message, send
from oropendola_payments.tests.support.pages import cookie_of, page, policy_of
from oropendola_payments.tests.support.simulated import simulator
from oropendola_payments.tests.support.source import ROOT

APP = "https://app.example.com"
FRONTEND = {
	"origin": APP,
	"success_url": f"{APP}/paid?plan=1",
	"failure_url": f"{APP}/failed",
	"pending_url": f"{APP}/waiting",
}
# What must not be taken for an address of https://app.example.com.
FOREIGN = (
	"https://app.example.com.evil.example/",
	"https://app.example.com@evil.example/",
	"https://evil.example/https://app.example.com",
	"https://evil.example\\.app.example.com/",
	"https://app.example.com\\@evil.example/",
	"https://app.example.com:8443/",
	"https://xapp.example.com/",
	"https://example.com/",
	"http://app.example.com/",
	"//app.example.com/",
	"/paid",
	"javascript:alert(1)//app.example.com",
	"data:text/html,https://app.example.com",
	"https:app.example.com",
	"https://app.example.com:abc/",
	"https://user@app.example.com/",
	"https://app.example.com /",
	"https://app.exаmple.com/",  # a Cyrillic а
	"https://[::1/",
	f"{APP}/?attempt=X",
	f"{APP}/?a=1&signature=",
	f"{APP}/" + "x" * 600,
)


def set_frontends(*rows: dict):
	settings = frappe.get_doc("Payment Settings")
	settings.set("frontends", [])
	for row in rows:
		settings.append("frontends", row)
	settings.save(ignore_permissions=True)
	frappe.db.commit()


class FrontendCase(TestCase):
	def setUp(self):
		self.sim = simulator()
		factories.enable_gateway("payu", api_base_url=f"{self.sim.url}/payu", require_phone_code=0)
		set_frontends(FRONTEND)
		self.addCleanup(set_frontends)
		self.secret = secret.rotate()
		frappe.db.commit()
		self.invoice = factories.create_invoice()
		self.user = self.invoice.user

	def start(self, **arguments) -> dict:
		return message(
			call(
				"payment.initiate_payment",
				self.user,
				json={"invoice_id": self.invoice.name, "gateway": "payu", **arguments},
			)
		)

	def pay(self, started: dict, result: str = "success") -> str:
		"""The visitor pays at the gateway and returns. The address of our result page."""
		form = started["form"]
		self.sim.open(form["action"], form["fields"])
		back = self.sim.pay("payu", started["attempt"], outcome=result)
		answer = send("POST", "/" + back.url.split("/", 3)[3], data=back.fields)
		return answer.headers["Location"]

	def address_on(self, text: str) -> str | None:
		found = re.search(r'content="0; url=([^"]+)"', text)
		return found and found[1].replace("&amp;", "&")


class TestAddresses(FrontendCase):
	def test_only_addresses_of_allowed_origins_are_accepted(self):
		"""S17: compared parsed, never as the beginning of a text."""
		for url in (f"{APP}/", f"{APP}:443/x", "https://APP.example.com/x?y=1#z"):
			self.assertEqual(return_to(url).url, url)
		for url in FOREIGN:
			with self.assertRaises(BadRequest, msg=url):
				return_to(url)

	def test_a_refused_address_opens_no_payment(self):
		answer = call(
			"payment.initiate_payment",
			self.user,
			json={"invoice_id": self.invoice.name, "gateway": "payu", "return_url": "https://evil.example/"},
		)
		self.assertEqual(answer.status_code, 400)
		self.assertFalse(frappe.db.exists("Payment Attempt", {"invoice": self.invoice.name}))

	def test_http_is_accepted_on_this_machine_only(self):
		for address in ("http://localhost:3000", "http://127.0.0.1:8080/x", "http://[::1]:3000"):
			self.assertTrue(origin_of(address))
		with self.assertRaises(ValueError):
			origin_of("http://app.example.com")

	def test_settings_refuse_what_is_no_origin_and_addresses_of_others(self):
		for row in (
			{"origin": "app.example.com"},
			{"origin": "http://app.example.com"},
			{"origin": APP, "success_url": "https://evil.example/"},
			{"origin": APP, "failure_url": "javascript:alert(1)"},
		):
			with self.assertRaises(frappe.ValidationError, msg=row):
				set_frontends(row)
			frappe.db.rollback()
		for rows in (
			(FRONTEND, FRONTEND),
			({**FRONTEND, "is_default": 1}, {"origin": "https://b.example", "is_default": 1}),
		):
			with self.assertRaises(frappe.ValidationError):
				set_frontends(*rows)
			frappe.db.rollback()

	def test_an_origin_that_was_removed_gets_nobody_any_more(self):
		started = self.start(return_url=f"{APP}/done")
		set_frontends()
		text = page(self.pay(started)).text
		self.assertNotIn("app.example.com", text)
		self.assertIn("Thank you", text)

	def test_the_default_frontend_gets_payments_of_programs_and_not_of_our_own_pages(self):
		set_frontends({**FRONTEND, "is_default": 1})
		self.assertIn("view=", self.start()["payment_url"])
		cookie = {"Cookie": cookie_of(self.user)}
		token = re.search(r'name="csrf_token" value="([^"]+)"', page("/billing", headers=cookie).text)[1]
		send(
			"POST",
			"/checkout",
			headers=cookie,
			data={"invoice": self.invoice.name, "gateway": "payu", "csrf_token": token},
		)
		origins = frappe.get_all("Payment Attempt", {"invoice": self.invoice.name}, pluck="return_origin")
		self.assertEqual(sorted(map(str, origins)), ["None", APP])

	def test_a_payment_for_another_address_is_another_payment(self):
		first, second = self.start(return_url=f"{APP}/a"), self.start(return_url=f"{APP}/b")
		self.assertNotEqual(first["attempt"], second["attempt"])
		self.assertEqual(self.start(return_url=f"{APP}/b")["attempt"], second["attempt"])


class TestReturning(FrontendCase):
	def test_a_paid_visitor_goes_to_the_address_that_the_program_named(self):
		started = self.start(return_url=f"{APP}/done?order=7")
		result = page(self.pay(started))
		target = urlsplit(self.address_on(result.text))
		self.assertEqual((target.scheme, target.netloc, target.path), ("https", "app.example.com", "/done"))
		query = parse_qs(target.query)
		self.assertEqual(
			(query["order"], query["attempt"], query["status"]), (["7"], [started["attempt"]], ["paid"])
		)
		self.assertNotIn(self.user, result.text)

	def test_without_an_address_the_ones_of_the_settings_are_used(self):
		set_frontends({**FRONTEND, "is_default": 1})
		for result, path in (("success", "/paid"), ("failure", "/failed")):
			self.invoice = factories.create_invoice(self.user)
			target = urlsplit(self.address_on(page(self.pay(self.start(), result)).text))
			self.assertEqual(target.path, path)

	def test_a_payment_that_is_not_confirmed_is_waited_for_a_moment(self):
		started = self.start(return_url=f"{APP}/done")
		path = f"/payment-result?attempt={started['attempt']}&view={signed_view(started['attempt'])}"
		text = page(path).text
		self.assertIn("round=1", text)
		self.assertIsNone(self.address_on(text))
		target = self.address_on(page(f"{path}&round=5").text)
		self.assertEqual(parse_qs(urlsplit(target).query)["status"], ["pending"])

	def test_nobody_is_led_away_without_the_signature_of_the_address(self):
		started = self.start(return_url=f"{APP}/done")
		self.pay(started)
		for query in ("", "&view=" + "0" * 32):
			text = page(f"/payment-result?attempt={started['attempt']}&back=1{query}").text
			self.assertNotIn("app.example.com", text)

	def test_no_field_of_a_return_changes_where_it_leads(self):
		"""S17."""
		started = self.start(return_url=f"{APP}/done")
		path = self.pay(started)
		text = page(
			f"{path}&return_url=https://evil.example/&success_url=https://evil.example/&origin=x"
		).text
		self.assertNotIn("evil.example", text)

	def test_money_under_review_is_not_reported_as_paid(self):
		started = self.start(return_url=f"{APP}/done")
		path = self.pay(started)
		frappe.db.set_value("AI Invoice", self.invoice.name, "needs_review", 1)
		self.addCleanup(frappe.db.set_value, "AI Invoice", self.invoice.name, "needs_review", 0)
		self.assertEqual(parse_qs(urlsplit(self.address_on(page(path).text)).query)["status"], ["pending"])

	def test_a_visitor_without_a_session_gets_to_the_gateway(self):
		started = self.start(return_url=f"{APP}/done")
		answer = page("/" + started["payment_url"].split("/", 3)[3])
		self.assertEqual(answer.status_code, 200)
		self.assertIn(f"{self.sim.url}/payu/_payment", answer.text)
		self.assertNotIn("Cancel this payment", answer.text)
		stranger = page(f"/pay?attempt={started['attempt']}&view=" + "0" * 32)
		self.assertIn("/login", stranger.headers.get("Location", ""))

	def test_a_visitor_can_only_look(self):
		started = self.start(return_url=f"{APP}/done")
		path = "/" + started["payment_url"].split("/", 3)[3]
		send("POST", path, data={"action": "cancel", "attempt": started["attempt"]})
		self.assertIn(
			frappe.db.get_value("Payment Attempt", started["attempt"], "status"), ("Created", "Processing")
		)


class TestFrames(FrontendCase):
	def test_only_an_allowed_frontend_may_frame_the_pages_of_its_payments(self):
		"""S52."""
		for allow, expected in ((1, f"'self' {APP}"), (0, "'self'")):
			set_frontends({**FRONTEND, "allow_frames": allow})
			started = self.start(return_url=f"{APP}/done")
			paths = ["/" + started["payment_url"].split("/", 3)[3]]
			paths.append(paths[0].replace("/pay?", "/payment-result?"))
			for path in paths:
				self.assertEqual(policy_of(page(path))["frame-ancestors"], expected)
		self.assertEqual(policy_of(page("/plans"))["frame-ancestors"], "'self'")

	def test_the_message_goes_to_the_allowed_origin_alone(self):
		"""S52."""
		set_frontends({**FRONTEND, "allow_frames": 1})
		text = page(self.pay(self.start(return_url=f"{APP}/done"))).text
		self.assertIn(f'data-frame="{APP}"', text)
		self.assertIn("oropendola_payment", text)
		script = (ROOT / "oropendola_payments/public/js/return.js").read_text()
		self.assertRegex(script, r"postMessage\(JSON\.parse\(message\), frame\)")
		self.assertNotIn('"*"', script)

	def test_a_frontend_without_frames_gets_no_message(self):
		text = page(self.pay(self.start(return_url=f"{APP}/done"))).text
		self.assertIn('data-frame=""', text)


class TestSignature(FrontendCase):
	def test_the_signature_is_over_attempt_status_and_time(self):
		"""S52."""
		values = outcome.signed("ATTEMPT", "paid")
		text = f"ATTEMPT|paid|{values['time']}".encode()
		expected = hmac.new(self.secret.encode(), text, hashlib.sha256).hexdigest()
		self.assertIn(expected, values["signature"])

	def test_the_secret_before_signs_for_a_day(self):
		before, new = self.secret, secret.rotate()
		self.assertEqual(secret.current_secrets(), [new, before])
		made_on = add_to_date(now_datetime(), hours=-25)
		frappe.db.set_single_value("Payment Settings", "frontend_secret_made_on", made_on)
		forget("Payment Settings")
		frappe.db.commit()
		self.assertEqual(secret.current_secrets(), [new])

	def test_the_secret_is_in_no_answer_but_the_one_that_creates_it(self):
		manager = factories.create_user("Payments Manager")
		made = message(call("admin.rotate_frontend_secret", manager, json={}))["secret"]
		self.assertEqual(secret.current_secrets()[0], made)
		self.assertNotIn(made, send("GET", "/api/resource/Payment Settings/Payment Settings", manager).text)
		events = frappe.get_all("Payment Event", {"event": "frontend_secret_rotated"}, ["details"])
		self.assertNotIn(made, str(events))

	def test_the_python_code_of_the_documents_verifies_a_return(self):
		verify = {}
		exec(self.code("python"), verify)
		query = parse_qs(urlsplit(self.good()).query)
		self.assertEqual(verify["verified_status"](query, self.secret), "paid")
		for name, value in (
			("status", ["failed"]),
			("attempt", ["OTHER"]),
			("time", ["1"]),
			("signature", ["x"]),
		):
			self.assertIsNone(verify["verified_status"]({**query, name: value}, self.secret))
		self.assertIsNone(verify["verified_status"](query, "another secret"))
		self.assertIsNone(verify["verified_status"]({}, self.secret))

	def test_the_javascript_code_of_the_documents_verifies_a_return(self):
		node = shutil.which("node")
		if not node:
			self.skipTest("There is no Node.js here.")
		good = self.good()
		for url, key, expected in (
			(good, self.secret, "paid"),
			(good.replace("status=paid", "status=failed"), self.secret, "null"),
			(good, "another secret", "null"),
			(f"{APP}/", self.secret, "null"),
		):
			code = (
				self.code("js")
				+ f"\nconsole.log(String(verifiedStatus(new URL({url!r}).searchParams, {key!r})));"
			)
			done = subprocess.run(
				[node, "--input-type=module", "-e", code],
				check=False,
				capture_output=True,
				text=True,
				timeout=60,
			)
			self.assertEqual(done.stdout.strip(), expected, done.stderr)

	def good(self) -> str:
		values = outcome.signed("ATTEMPT", "paid")
		return outcome._with_query(f"{APP}/done", values)

	def code(self, language: str) -> str:
		text = Path(ROOT, "docs", "frontends.md").read_text()
		return re.search(rf"```{language}\n(.*?)```", text, re.DOTALL)[1]

	def test_a_frontend_is_found_by_its_origin_however_it_is_written(self):
		self.assertEqual(frontend_of("https://APP.example.com:443").origin, APP)
		self.assertLess(abs(outcome.signed("A", "paid")["time"] - time.time()), 5)
