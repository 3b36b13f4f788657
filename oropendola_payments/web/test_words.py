"""Texts on the pages: prices, names and the language of the customer."""

import frappe

from oropendola_payments.engine.checkout import cancel
from oropendola_payments.engine.checkout import initiate as checkout
from oropendola_payments.engine.settlement import attempt_outcomes
from oropendola_payments.tests.support import factories
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.pages import cookie_of, page
from oropendola_payments.tests.support.simulated import simulator


class TestTexts(TestCase):
	def test_names_from_records_are_escaped(self):
		"""S29."""
		factories.create_plan(
			plan_name="<b>Bold</b>", description="</script><script>alert(1)</script>", features='"><i>'
		)
		answer = page("/plans")
		self.assertIn("&lt;b&gt;Bold&lt;/b&gt;", answer.text)
		for raw in ("<b>Bold", "<script>alert", "<i>"):
			self.assertNotIn(raw, answer.text)

	def test_prices_are_never_converted(self):
		"""R18."""
		plan = factories.create_plan(prices=[{"currency": "USD", "price": 9}])
		card = page("/plans?currency=USD").text.split(f'id="plan-{plan.name}"')[1].split("</li>")[0]
		self.assertIn("$9", card)
		self.assertNotIn("499", card)

	def test_a_plan_without_a_price_in_this_currency_is_not_shown_in_it(self):
		plan = factories.create_plan()
		factories.create_plan(prices=[{"currency": "USD", "price": 9}])
		self.assertNotIn(f'id="plan-{plan.name}"', page("/plans?currency=USD").text)
		self.assertIn(f'id="plan-{plan.name}"', page("/plans?currency=INR").text)

	def test_a_free_plan_has_its_name_and_a_price(self):
		plan = factories.create_plan(price=0, is_free=1, plan_name="Free")
		factories.create_plan()
		card = page("/plans?currency=INR").text.split(f'id="plan-{plan.name}"')[1].split("</li>")[0]
		self.assertEqual((card.count(">Free<"), card.count(">₹0<")), (1, 1))

	def test_a_browser_that_asks_for_hindi_gets_it(self):
		answer = page("/plans", headers={"Accept-Language": "hi-IN,en;q=0.5"})
		self.assertIn('<html lang="hi">', answer.text)
		self.assertIn("अपना प्लान चुनें", answer.text)


class TestLanguage(TestCase):
	@classmethod
	def setUpClass(cls):
		super().setUpClass()
		cls.user = factories.create_user()
		frappe.db.set_value("User", cls.user, "language", "hi")
		cls.headers = {"Cookie": cookie_of(cls.user)}

	def test_a_stored_english_reason_is_shown_in_the_language_of_the_customer(self):
		invoice = factories.create_invoice(self.user)
		reason = {"status": "Abandoned", "failure_reason": attempt_outcomes.ABANDONED_REASON}
		frappe.db.set_value("AI Invoice", invoice.name, reason)
		for path in (f"/checkout?invoice={invoice.name}", f"/payment-result?invoice={invoice.name}"):
			text = page(path, headers=self.headers).text
			self.assertIn("भुगतान समय पर पूरा नहीं हुआ।", text)
			self.assertNotIn("not finished", text)

	def test_stored_texts_are_english_in_every_session_language(self):
		frappe.local.lang = "hi"
		self.addCleanup(setattr, frappe.local, "lang", "en")
		simulator()
		factories.enable_gateway("cashfree")
		attempt = checkout.initiate(self.user, factories.create_invoice(self.user).name, "cashfree")[
			"attempt"
		]
		cancel.cancel(self.user, attempt)
		self.assertRegex(frappe.db.get_value("Payment Attempt", attempt, "error_message"), r"^[A-Za-z .]+$")

	def test_plan_names_are_translated_where_a_translation_exists(self):
		plan = factories.create_plan(price=0, is_free=1, plan_name="Free")
		card = page("/plans", headers=self.headers).text.split(f'id="plan-{plan.name}"')[1].split("</li>")[0]
		self.assertIn(">मुफ़्त<", card)
