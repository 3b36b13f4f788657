"""The HTML of the pages: who sees what, and what each page offers."""

import html
import re
import unittest

import frappe

from oropendola_payments.engine.checkout import initiate as checkout
from oropendola_payments.engine.settlement.attempt_outcomes import MISMATCH_REASON
from oropendola_payments.engine.subscriptions import lifecycle
from oropendola_payments.simulator.core.browser import Browser
from oropendola_payments.tests.support import factories
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.http import API, send
from oropendola_payments.tests.support.pages import cookie_of, page
from oropendola_payments.tests.support.simulated import simulator

PRIVATE = ("/checkout", "/pay", "/billing", "/receipt")


class TestWhoSeesWhat(TestCase):
	@classmethod
	def setUpClass(cls):
		super().setUpClass()
		simulator()
		factories.enable_gateway("payu")
		cls.owner, cls.other_user = factories.create_user(), factories.create_user(first_name="Ravi")
		cls.invoice = factories.create_invoice(cls.owner)
		cls.attempt = checkout.initiate(cls.owner, cls.invoice.name, "payu")["attempt"]
		frappe.db.commit()

	def test_a_guest_is_redirected_to_the_login_and_back(self):
		for path in PRIVATE:
			answer = page(path, query_string={"invoice": "INV-1", "attempt": "X"})
			self.assertEqual(answer.status_code, 303, path)
			self.assertIn(f"/login?redirect-to={path}%3Finvoice%3DINV-1", answer.headers["Location"])

	def test_a_guest_sees_plans_but_orders_nothing(self):
		self.assertEqual(page("/plans").status_code, 200)
		before = frappe.db.count("AI Subscription")
		answer = page("/plans", method="POST", data={"plan": factories.create_plan().name})
		self.assertIn("/login?redirect-to=/plans", answer.headers["Location"])
		self.assertEqual(frappe.db.count("AI Subscription"), before)

	def test_a_return_without_a_session_reveals_no_customer_data(self):
		"""R31."""
		for again in ({}, {"back": "1"}):
			answer = page("/payment-result", query_string={"attempt": self.attempt, **again})
			self.assertEqual(answer.status_code, 200)
			self.assertIn("Welcome back", answer.text)
			for secret in (self.owner, self.invoice.name, "499.00", "Starter", "Asha"):
				self.assertNotIn(secret, answer.text)

	def test_a_return_without_a_session_sets_no_cookie(self):
		"""R31."""
		back = f"{API}callbacks.returned?gateway=payu&attempt={self.attempt}"
		for answer in (
			send("POST", back, data={"status": "failure"}),
			page("/payment-result", query_string={"attempt": self.attempt}),
		):
			self.assertEqual(answer.headers.getlist("Set-Cookie"), [])

	@unittest.skipIf(frappe.__version__ >= "16", "v16 keeps no CSRF token while its tests run.")
	def test_a_return_with_a_session_redirects_to_the_result_and_stores_nothing(self):
		"""R31: where gateway and site share a host name, the framework refuses the request before our code runs."""
		cookie, before = cookie_of(self.owner), self.records()
		for call in ("returned?gateway=payu&", "payu_failure?"):
			answer = send(
				"POST",
				f"{API}callbacks.{call}attempt={self.attempt}",
				headers={"Cookie": cookie, "Accept": "text/html"},
				data={"status": "failure", "txnid": self.attempt},
			)
			self.assertEqual(answer.status_code, 303)
			self.assertTrue(answer.headers["Location"].endswith(f"/payment-result?attempt={self.attempt}"))
		self.assertEqual(self.records(), before)
		self.assertEqual(send("POST", "/billing", headers={"Cookie": cookie}).status_code, 400)

	def test_a_stranger_finds_no_invoice_and_no_payment(self):
		"""S13."""
		for path in (
			f"/checkout?invoice={self.invoice.name}",
			f"/pay?attempt={self.attempt}",
			f"/payment-result?attempt={self.attempt}",
			f"/receipt?invoice={self.invoice.name}",
		):
			answer = page(path, self.other_user)
			self.assertEqual(answer.status_code, 404, path)
			self.assertNotIn("₹499", answer.text)

	def test_opening_pages_changes_nothing(self):
		"""S19."""
		before = self.records()
		for path in (
			"/plans",
			"/billing",
			f"/checkout?invoice={self.invoice.name}",
			f"/pay?attempt={self.attempt}",
		):
			self.assertEqual(page(path, self.owner).status_code, 200, path)
		self.assertEqual(page(f"/payment-result?attempt={self.attempt}", self.owner).status_code, 200)
		self.assertEqual(self.records(), before)

	def records(self) -> list:
		frappe.db.rollback()
		return [
			frappe.get_all(doctype, fields=["name", "status", "modified"], order_by="name")
			for doctype in ("AI Invoice", "Payment Attempt", "AI Subscription")
		]

	def test_an_invoice_can_be_paid_whose_open_payment_is_at_a_gateway_that_is_no_longer_installed(self):
		invoice = factories.create_invoice(self.owner)
		attempt = checkout.initiate(self.owner, invoice.name, "payu")["attempt"]
		frappe.db.set_value("Payment Attempt", attempt, "gateway", "gone")
		for path in ("/checkout", "/pay", "/payment-result"):
			answer = page(path, self.owner, query_string={"invoice": invoice.name, "attempt": attempt})
			self.assertEqual(answer.status_code, 200, path)

	def test_an_unpaid_invoice_has_no_receipt(self):
		self.assertEqual(page(f"/receipt?invoice={self.invoice.name}", self.owner).status_code, 404)


class TestSeveralSubscriptions(TestCase):
	def setUp(self):
		self.user = factories.create_user()
		self.free, self.trial = (
			lifecycle.subscribe(self.user, factories.create_plan(**values).name, None)["subscription_id"]
			for values in (
				{"plan_name": "Gratis", "price": 0, "is_free": 1},
				{"plan_name": "Nest", "trial_days": 7},
			)
		)

	def press(self, action: str, subscription: str):
		return page(
			"/billing", self.user, method="POST", data={"action": action, "subscription": subscription}
		)

	def key_of(self, subscription: str) -> str:
		return frappe.db.get_value("AI Subscription", subscription, "api_key_link")

	def test_the_billing_page_shows_all_and_repeats_no_element_id(self):
		text = page("/billing", self.user).text
		for shown in ("Gratis", "Nest", self.free, self.trial):
			self.assertIn(shown, text)
		ids = re.findall(r'\bid="([^"]+)"', text)
		self.assertEqual(len(ids), len(set(ids)), ids)

	def test_a_button_acts_on_the_subscription_that_it_belongs_to(self):
		free, trial = self.key_of(self.free), self.key_of(self.trial)
		self.assertIn("oro_", self.press("rotate_key", self.trial).text)
		frappe.db.rollback()
		self.assertEqual(self.key_of(self.free), free)
		self.assertNotEqual(self.key_of(self.trial), trial)
		self.press("cancel", self.free)
		frappe.db.rollback()
		statuses = [
			frappe.db.get_value("AI Subscription", name, "status") for name in (self.free, self.trial)
		]
		self.assertEqual(statuses, ["Cancelled", "Trial"])

	def test_a_cancelled_subscription_is_shown_only_if_there_is_no_other(self):
		self.press("cancel", self.free)
		self.assertNotIn("Gratis", page("/billing", self.user).text)
		self.press("end_now", self.trial)
		self.assertIn("It was cancelled", page("/billing", self.user).text)


class TestExhaustedInvoice(TestCase):
	def setUp(self):
		self.invoice = factories.create_invoice()
		self.invoice.mark_as_processing()
		self.invoice.mark_as_failed("The bank said no.")
		self.invoice.write(retry_count=3)
		frappe.db.commit()

	def test_the_pages_offer_a_new_invoice_instead_of_one_without_retries(self):
		user, old = self.invoice.user, self.invoice.name
		for path in ("/billing", f"/checkout?invoice={old}"):
			self.assertIn("Get a new invoice", page(path, user).text, path)
		answer = page(
			"/billing",
			user,
			method="POST",
			data={"action": "renew", "subscription": self.invoice.subscription},
		)
		self.assertRegex(answer.headers["Location"], r"/checkout\?invoice=INV-")
		self.assertNotIn(old, answer.headers["Location"])
		self.assertNotIn("Get a new invoice", page("/billing", user).text)


class TestReviewedInvoice(TestCase):
	def test_the_checkout_does_not_say_that_nothing_was_charged(self):
		"""A payment that did not fit the invoice was taken, and its customer was asked not to pay again."""
		invoice = factories.create_invoice()
		invoice.mark_as_processing()
		invoice.mark_as_failed(MISMATCH_REASON)
		invoice.flag_for_review("The gateway took USD 1.00.")
		frappe.db.commit()
		text = page(f"/checkout?invoice={invoice.name}", invoice.user).text
		self.assertIn("Please do not pay again", text)
		self.assertNotIn("You were not charged", text)


class TestPaidInvoice(TestCase):
	@classmethod
	def setUpClass(cls):
		super().setUpClass()
		cls.user = factories.create_user()
		cls.invoice = factories.create_active_subscription(cls.user).current_invoice
		frappe.db.commit()

	def test_a_paid_invoice_offers_no_payment(self):
		"""R30."""
		answer = page(f"/checkout?invoice={self.invoice}", self.user)
		self.assertIn("This invoice is paid", answer.text)
		self.assertNotIn('name="gateway"', answer.text)
		self.assertNotIn(f"/checkout?invoice={self.invoice}", page("/billing", self.user).text)

	def test_the_result_names_what_was_bought(self):
		answer = page(f"/payment-result?invoice={self.invoice}", self.user)
		self.assertIn("Thank you, we received ₹499.00", answer.text)

	def test_the_receipt_has_amount_and_payment(self):
		answer = page(f"/receipt?invoice={self.invoice}", self.user)
		self.assertEqual(answer.status_code, 200)
		for part in (self.invoice, "₹499.00", "Asha Example"):
			self.assertIn(part, answer.text)


class TestSignUp(TestCase):
	@classmethod
	def setUpClass(cls):
		super().setUpClass()
		factories.create_plan()

	def setUp(self):
		self.addCleanup(frappe.db.set_single_value, "Website Settings", "disable_signup", self.is_off())

	def is_off(self):
		return frappe.db.get_single_value("Website Settings", "disable_signup")

	def plans(self, disable_signup: int) -> str:
		frappe.db.set_single_value("Website Settings", "disable_signup", disable_signup)
		return page("/plans", query_string={"plan": "starter"}).text

	def test_a_new_visitor_can_sign_up_and_returns_to_the_plan(self):
		text = self.plans(disable_signup=0)
		self.assertIn("Log in or sign up", text)
		self.assertIn('href="/login?redirect-to=/plans%3Fplan%3Dstarter#signup"', text)

	def test_a_site_without_sign_up_offers_only_the_login(self):
		text = self.plans(disable_signup=1)
		self.assertIn(">Log in<", text)
		self.assertNotIn("ign up", text)


class TestPhone(TestCase):
	@classmethod
	def setUpClass(cls):
		super().setUpClass()
		simulator()
		factories.enable_gateway("payu")
		cls.user = factories.create_user()

	def setUp(self):
		frappe.db.set_value("User", self.user, {"mobile_no": None, "phone": None})

	def pay(self, **fields):
		invoice = factories.create_invoice(self.user)
		data = {"invoice": invoice.name, "gateway": "payu", **fields}
		return invoice, page("/checkout", self.user, method="POST", data=data)

	def test_the_page_asks_for_the_phone_before_the_attempt(self):
		invoice, answer = self.pay()
		self.assertTrue(answer.headers["Location"].endswith(f"/checkout?invoice={invoice.name}"))
		self.assertIn(
			"PayU needs your phone number", page(f"/checkout?invoice={invoice.name}", self.user).text
		)
		self.assertFalse(frappe.db.exists("Payment Attempt", {"invoice": invoice.name}))

	def test_a_wrong_number_is_refused_and_a_right_one_is_stored_normalized(self):
		invoice, _answer = self.pay(phone="12345")
		self.assertIn(
			"This is not a valid phone number", page(f"/checkout?invoice={invoice.name}", self.user).text
		)
		_invoice, answer = self.pay(phone="098765 43210")
		self.assertIn("/pay?attempt=", answer.headers["Location"])
		self.assertEqual(frappe.db.get_value("User", self.user, "phone"), "+919876543210")


class TestSimulatedUpi(TestCase):
	"""In the simulator there is no phone, so the waiting page leads to a page that stands for the UPI app."""

	def setUp(self):
		factories.enable_gateway("cashfree", api_base_url=f"{simulator().url}/cashfree")
		self.addCleanup(factories.enable_gateway, "cashfree")
		self.user = factories.create_user()
		invoice = factories.create_invoice(self.user)
		details = {"vpa": "asha@example"}
		self.answer = checkout.initiate(
			self.user, invoice.name, "cashfree", method="upi_collect", method_details=details
		)
		self.attempt = self.answer["attempt"]
		frappe.db.commit()

	def link(self) -> str:
		answer = page(
			"/pay", headers={"Cookie": cookie_of(self.user)}, query_string={"attempt": self.attempt}
		)
		found = re.search(r'href="([^"]*/__approve/[^"]*)"', answer.text)
		self.assertTrue(found, answer.text)
		return html.unescape(found[1])

	def test_a_tester_can_approve_or_decline_a_upi_collect_request(self):
		self.assertEqual(self.link(), self.answer["mock_approval_url"])
		for outcome, state in (("failure", "failed"), ("success", "captured")):
			with self.subTest(outcome):
				self.setUp()
				browser = Browser(simulator(), simulator().url)
				asked = browser.get(browser.get(self.link()).location)
				self.assertIn(outcome, asked.forms[0].buttons)
				back = browser.post(asked.forms[0].action, {**asked.forms[0].fields, "outcome": outcome})
				self.assertIn("callbacks.returned", back.location)
				charges = [c for c in simulator().charges("cashfree") if c.reference == self.attempt]
				self.assertEqual(charges[-1].state, state)
				self.assertIn("Nothing to approve", browser.get(self.link()).text)

	def test_a_real_gateway_shows_no_simulated_app(self):
		frappe.db.set_value("Payment Attempt", self.attempt, "mode", "Test")
		frappe.db.commit()
		answer = page(
			"/pay", headers={"Cookie": cookie_of(self.user)}, query_string={"attempt": self.attempt}
		)
		self.assertNotIn("__approve", answer.text)


class TestContact(TestCase):
	"""Whoever is told to contact us reads how."""

	WAYS = ("mailto:help@example.com", "tel:+912212345678", "https://help.example.com/")

	def setUp(self):
		self.enterContext(
			factories.payment_settings(
				seller_email="help@example.com",
				seller_phone="+91 22 1234 5678",
				seller_link="https://help.example.com/",
			)
		)
		self.user = factories.create_user()
		self.invoice = factories.create_invoice(self.user)

	def text_of(self, path: str) -> str:
		return page(path, headers={"Cookie": cookie_of(self.user)}).text

	def test_result_checkout_and_billing_say_how_to_reach_the_seller(self):
		name = self.invoice.name
		for path in (f"/payment-result?invoice={name}", f"/checkout?invoice={name}", "/billing"):
			text = self.text_of(path)
			for way in self.WAYS:
				self.assertIn(f'href="{way}"', text, path)

	def test_help_with_an_invoice_leads_to_the_ways_to_contact(self):
		self.invoice.mark_as_processing()
		self.invoice.mark_as_failed("The bank said no.")
		frappe.db.set_value("AI Invoice", self.invoice.name, "retry_count", 3)
		frappe.db.commit()
		link = re.search(r'href="([^"]*)"[^>]*>\s*Get help', self.text_of("/billing"))
		self.assertTrue(link[1].endswith("#contact"), link[1])
		self.assertIn('id="contact"', self.text_of(link[1].partition("#")[0]))

	def test_a_seller_without_an_address_shows_no_empty_line(self):
		with factories.payment_settings(seller_email="", seller_phone="", seller_link=""):
			self.assertNotIn('id="contact"', self.text_of("/billing"))

	def test_a_help_page_must_be_a_web_address(self):
		settings = frappe.get_doc("Payment Settings")
		for link in ("javascript:alert(1)", "help.example.com", "https://"):
			settings.seller_link = link
			with self.assertRaisesRegex(frappe.ValidationError, "https://"):
				settings.validate()
