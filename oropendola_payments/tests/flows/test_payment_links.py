"""Paying through a link, over HTTP: what the page shows, what the payer can do, and what nobody can do with a link."""

import json
import re
from unittest.mock import patch

import frappe
from frappe.utils import add_days, now_datetime

from oropendola_payments.engine.checkout import initiate as checkout
from oropendola_payments.engine.entitlements import api_keys
from oropendola_payments.engine.link_checkout import form_token, outcome
from oropendola_payments.engine.links import create as links
from oropendola_payments.engine.monitoring import invariants
from oropendola_payments.gateways import BUILT_IN
from oropendola_payments.tests.support import factories
from oropendola_payments.tests.support.gateway_events import currency_of
from oropendola_payments.tests.support.http import send
from oropendola_payments.tests.support.links import (
	PAYER,
	LinkCase,
	attempts_through,
	checkout_of_another_invoice,
	form_of,
	new_link,
	post,
	set_status,
	start,
	token_of,
)
from oropendola_payments.tests.support.pages import cookie_of, page, policy_of
from oropendola_payments.tests.support.time_travel import forget_failures


class TestPage(LinkCase):
	def test_the_page_shows_what_a_payer_must_know_and_nothing_about_the_customer(self):
		"""S50."""
		text = page(self.path).text
		for shown in ("Starter", "₹499.00", self.invoice.name[-4:], "Z…"):
			self.assertIn(shown, text)
		phone = frappe.db.get_value("User", self.user, "mobile_no")
		hidden = (self.user, phone, "Zubaida", self.invoice.name, self.invoice.subscription, self.link.name)
		self.assertEqual([value for value in hidden if value in text], [])

	def test_the_page_is_neither_cached_nor_indexed_nor_told_to_others(self):
		"""S51."""
		answer = page(self.path)
		self.assertEqual(answer.headers["Cache-Control"], "no-store")
		self.assertIn("noindex", answer.headers["X-Robots-Tag"])
		self.assertEqual(answer.headers["Referrer-Policy"], "no-referrer")
		self.assertNotIn("Set-Cookie", answer.headers)
		self.assertNotIn(token_of(self.path), "".join(re.findall(r'href="/login[^"]*"', answer.text)))

	def test_opening_the_page_changes_nothing(self):
		"""S19: mail scanners open every link."""
		before = self.written()
		for path in (self.path, f"{self.path}?action=pay&gateway=payu", f"{self.path}?attempt=ABC"):
			self.assertEqual(page(path).status_code, 200)
		self.assertEqual(self.written(), before)

	def written(self) -> list:
		return [
			frappe.db.sql(f"SELECT COUNT(*), MAX(modified) FROM `tab{doctype}`")
			for doctype in (
				"AI Invoice",
				"AI Payment Link",
				"Payment Attempt",
				"Payment Event",
				"Payment Counter",
			)
		]

	def test_an_unknown_token_is_not_found(self):
		for path in ("/p/" + "A" * 43, "/p/x", "/payment-link", self.path[:-1]):
			self.assertEqual(page(path).status_code, 404, path)

	def test_a_revoked_and_an_expired_link_show_the_same_page(self):
		other = new_link(self.invoice.name)
		links.revoke(self.link.name)
		frappe.db.set_value("AI Payment Link", other[0].name, "expires_at", add_days(now_datetime(), -1))
		texts = [
			re.sub(r'/p/[\w-]{43}|nonce="[^"]*"|value="[\d.a-f]+"', "", page(path).text)
			for path in (self.path, other[1])
		]
		self.assertEqual(texts[0], texts[1])
		self.assertIn("This payment link has ended", texts[0])
		self.assertNotIn("₹499.00", texts[0])

	def test_a_paid_invoice_is_shown_as_paid_without_a_receipt(self):
		set_status(self, self.invoice.name, "Paid")
		text = page(self.path).text
		self.assertIn("This invoice is paid", text)
		self.assertNotIn("/receipt", text)

	def test_a_cancelled_invoice_cannot_be_paid(self):
		form = form_of(self.path)
		self.invoice.reload().mark_as_cancelled()
		self.assertIn("This invoice was cancelled", page(self.path).text)
		self.assertEqual(post(self.path, "pay", gateway="payu", **form).status_code, 409)

	def test_the_page_is_in_the_language_of_the_payer(self):
		self.assertIn('<html lang="hi">', page(self.path, headers={"Accept-Language": "hi"}).text)

	def test_the_frameworks_request_log_does_not_get_the_token(self):
		"""S51."""
		lines = []
		with patch.dict(frappe.conf, {"enable_frappe_logger": 1}):
			from oropendola_payments.web import policy

			original = policy.hide_path

			def spy(request):
				original(request)
				lines.extend((request.path, request.full_path, request.url, request.base_url))

			with patch.object(policy, "hide_path", spy):
				page(self.path)
				page("/p/" + "B" * 43)
		self.assertEqual(len(lines), 8)
		self.assertNotIn(token_of(self.path), str(lines))
		self.assertNotIn("B" * 43, str(lines))


class TestPaying(LinkCase):
	def test_somebody_without_a_log_in_pays_and_sees_that_it_arrived(self):
		attempt = start(self.path, "payu")
		answer = self.pay_at_gateway(attempt)
		self.assertEqual(answer.status_code, 303)
		result = page(answer.headers["Location"])
		self.assertIn("Thank you", result.text)
		self.assertIn("₹499.00", result.text)
		self.assertNotIn(self.user, result.text)
		self.assertEqual(self.status(), "Paid")
		self.link.reload()
		self.assertEqual((self.link.paid_with, self.link.opens), (attempt, 1))
		self.assertIn("This invoice is paid", page(self.path).text)

	def test_the_new_key_waits_for_the_customer(self):
		attempt = start(self.path, "payu")
		result = page(self.pay_at_gateway(attempt).headers["Location"])
		self.assertNotIn("oro_", result.text)
		self.assertTrue(api_keys.has_new_key(self.invoice.subscription))

	def test_the_gateway_gets_nothing_about_the_customer(self):
		"""S50: its page may show what it gets."""
		attempt = start(self.path, "payu")
		sent = str(frappe.get_doc("Payment Attempt", attempt).checkout())
		self.assertIn(PAYER["email"], sent)
		phone = frappe.db.get_value("User", self.user, "mobile_no")
		self.assertEqual([value for value in (self.user, phone, "Zubaida") if value in sent], [])

	def test_the_payment_is_the_customers_and_names_the_link(self):
		attempt = start(self.path, "payu")
		row = frappe.db.get_value("Payment Attempt", attempt, ["user", "payment_link", "owner"])
		self.assertEqual(row, (self.user, self.link.name, "Guest"))
		event = frappe.db.get_value(
			"Payment Event", {"reference_name": attempt, "event": "attempt_created"}, "details"
		)
		self.assertIn(self.link.name, event)

	def test_a_second_click_gets_the_same_payment(self):
		self.assertEqual(start(self.path, "payu"), start(self.path, "payu"))

	def test_another_payer_gets_nothing_of_what_the_first_one_typed(self):
		"""S50: PayU's form carries the email address and the phone number of who pays."""
		first = start(self.path, "payu")
		other = start(self.path, "payu", email="other@example.com", phone="+919876500000")
		self.assertNotEqual(first, other)
		shown = json.dumps(frappe.get_doc("Payment Attempt", other).checkout()["form"])
		self.assertIn("other@example.com", shown)
		for typed in PAYER.values():
			self.assertNotIn(typed, shown)

	def test_the_payer_never_gets_a_payment_that_the_customer_opened(self):
		"""S50: it was opened with the customer's data."""
		own = checkout.initiate(self.user, self.invoice.name, "payu")["attempt"]
		self.assertNotEqual(start(self.path, "payu"), own)
		answer = page(f"{self.path}?attempt={own}")
		self.assertNotIn(self.user, answer.text)

	def test_the_customer_never_gets_a_payment_that_the_payer_opened(self):
		theirs = start(self.path, "payu")
		self.assertNotEqual(checkout.initiate(self.user, self.invoice.name, "payu")["attempt"], theirs)
		answer = page(f"/pay?attempt={theirs}", self.user)
		self.assertEqual(answer.status_code, 303)
		self.assertNotIn(PAYER["email"], answer.text)

	def test_a_failed_payment_leads_back_to_the_link(self):
		attempt = start(self.path, "payu")
		result = page(self.pay_at_gateway(attempt, "failure").headers["Location"])
		self.assertIn("open the payment link again", result.text)
		self.assertNotEqual(self.status(), "Paid")
		self.assertNotEqual(start(self.path, "payu"), attempt)

	def test_a_payment_finishes_after_its_link_was_revoked(self):
		attempt = start(self.path, "payu")
		links.revoke(self.link.name)
		self.pay_at_gateway(attempt)
		self.assertEqual(self.status(), "Paid")
		self.assertEqual(post(self.path, "pay", gateway="payu").status_code, 409)

	def test_nobody_starts_a_payment_without_the_token_of_the_form(self):
		other, _path = new_link(self.invoice.name)
		for bad in ("", "1.abc", form_token.make(other.name), form_token.make(self.link.name)[:-1] + "x"):
			answer = send(
				"POST", self.path, data={**PAYER, "action": "pay", "gateway": "payu", "form_token": bad}
			)
			self.assertEqual(answer.status_code, 400, bad)
		with patch.object(form_token, "SECONDS", -1):
			old = form_token.make(self.link.name)
		answer = send(
			"POST", self.path, data={**PAYER, "action": "pay", "gateway": "payu", "form_token": old}
		)
		self.assertEqual((answer.status_code, attempts_through(self.link.name)), (400, []))
		self.assertIn("open for too long", answer.text)

	def test_amount_and_invoice_never_come_from_the_request(self):
		"""S1."""
		other = factories.create_invoice()
		attempt = start(
			self.path, "payu", amount="1", invoice=other.name, invoice_id=other.name, user=other.user
		)
		row = frappe.db.get_value("Payment Attempt", attempt, ["invoice", "amount"])
		self.assertEqual((row[0], float(row[1])), (self.invoice.name, 499))

	def test_what_the_gateway_needs_is_asked_for_on_the_page(self):
		for missing in ("email", "phone"):
			answer = post(self.path, "pay", gateway="payu", **{missing: ""})
			self.assertEqual(answer.status_code, 400)
			self.assertIn("PayU needs your", answer.text)
		self.assertEqual(post(self.path, "pay", gateway="payu", email="no address").status_code, 400)
		self.assertEqual(attempts_through(self.link.name), [])

	def test_a_gateway_that_sends_a_code_to_the_customers_phone_is_not_offered(self):
		factories.enable_gateway("payu", require_phone_code=1, api_base_url=f"{self.sim.url}/payu")
		self.addCleanup(factories.enable_gateway, "payu", require_phone_code=0)
		self.assertNotIn('value="payu"', page(self.path).text)
		self.assertEqual(post(self.path, "pay", gateway="payu").status_code, 400)

	def test_payments_through_one_link_are_limited(self):
		with patch("oropendola_payments.engine.link_checkout.pay.STARTS_PER_LINK", 1):
			start(self.path, "payu")
			self.assertEqual(post(self.path, "pay", gateway="payu").status_code, 429)

	def test_every_gateway_can_be_used_without_a_log_in(self):
		for code in BUILT_IN:
			with self.subTest(code):
				self.gateway = code
				self.enable(code)
				forget_failures(self.user)
				self.invoice = factories.create_invoice(self.user, currency=currency_of(code))
				self.link, self.path = new_link(self.invoice.name)
				attempt = start(self.path, code)
				shown = page(f"{self.path}?attempt={attempt}")
				self.assertRegex(shown.text, "Continuing to|Opening the payment window")
				self.assertEqual(shown.headers["Referrer-Policy"], "strict-origin")
				self.assertIn(self.sim.url, policy_of(shown)["form-action"] + shown.text)
				answer = self.pay_at_gateway(attempt)
				self.assertRegex(answer.headers["Location"], rf"attempt={attempt}&view=[0-9a-f]{{32}}")
				self.assertEqual(self.status(), "Paid")

	def test_the_invariants_hold(self):
		self.pay_at_gateway(start(self.path, "payu"))
		self.assertEqual(
			invariants.check(("payment_through_a_foreign_link", "payment_through_an_ended_link")), {}
		)

	def test_a_payment_through_an_ended_link_violates_an_invariant(self):
		attempt = start(self.path, "payu")
		frappe.db.set_value("AI Payment Link", self.link.name, "expires_at", add_days(now_datetime(), -1))
		self.addCleanup(frappe.db.set_value, "Payment Attempt", attempt, "payment_link", None)
		self.assertIn(
			attempt, invariants.check(("payment_through_an_ended_link",))["payment_through_an_ended_link"]
		)


class TestOutcome(LinkCase):
	def test_the_outcome_is_shown_only_with_its_signature(self):
		"""S50."""
		attempt = start(self.path, "payu")
		self.pay_at_gateway(attempt)
		own = checkout_of_another_invoice()
		for query in (
			f"attempt={attempt}",
			f"attempt={attempt}&view=" + "0" * 32,
			f"attempt={attempt}&view={outcome.result_path(own).rpartition('=')[2]}",
			f"attempt={own}&view={outcome.result_path(own).rpartition('=')[2]}",
		):
			text = page(f"/payment-result?{query}&back=1").text
			self.assertNotIn("₹499.00", text, query)
			self.assertIn("Please log in", text)

	def test_a_return_makes_no_signature_for_somebody_who_guesses_a_reference(self):
		attempt = start(self.path, "payu")
		answer = send(
			"GET", f"/api/method/oropendola_payments.api.callbacks.returned?gateway=payu&attempt={attempt}"
		)
		self.assertNotIn("view=", answer.headers["Location"])

	def test_the_customer_sees_the_whole_result(self):
		attempt = start(self.path, "payu")
		path = self.pay_at_gateway(attempt).headers["Location"]
		text = page(path, headers={"Cookie": cookie_of(self.user)}).text
		self.assertIn("Get my API key", text)

	def test_another_logged_in_visitor_sees_what_the_payer_sees(self):
		path = self.pay_at_gateway(start(self.path, "payu")).headers["Location"]
		text = page(path, headers={"Cookie": cookie_of(factories.create_user())}).text
		self.assertIn("Thank you", text)
		self.assertNotIn("Get my API key", text)
