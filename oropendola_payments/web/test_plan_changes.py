"""The change of plan on the pages, without JavaScript: see the price, confirm it, pay, cancel it."""

import re

from oropendola_payments.api import subscription_renewal as renewal
from oropendola_payments.tests.support.customers import pay
from oropendola_payments.tests.support.pages import cookie_of, page
from oropendola_payments.tests.support.plan_changes import PlanChangeCase, shift


class PageCase(PlanChangeCase):
	def setUp(self):
		super().setUp()
		self.session = {"Cookie": cookie_of(self.user)}

	def look(self, path: str) -> str:
		answer = page(path, headers=self.session)
		self.assertEqual(answer.status_code, 200, answer.text[:300])
		return answer.text

	def press(self, path: str, text: str, **fields):
		"""The answer to the form with the hidden fields of the page."""
		hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', text))
		return page(path, method="POST", data={**hidden, **fields}, headers=self.session)

	def quote_page(self, code: str) -> str:
		return self.look(f"/change-plan?plan={self.make_plan(code).name}")


class TestUpgradePages(PageCase):
	def test_the_plans_page_offers_a_change_to_every_other_plan(self):
		self.start("S")
		text = self.look(f"/plans?plan={self.make_plan('P').name}")
		self.assertIn(f'href="/change-plan?plan={self.plans["P"].name}"', text)
		self.assertNotIn(f'href="/change-plan?plan={self.plans["S"].name}"', text)
		self.assertIn("Change to Pro", text)

	def test_the_price_is_shown_in_lines_before_it_is_confirmed(self):
		self.start("S")
		text = self.quote_page("P")
		for shown in ("Change from Starter to Pro", "unused days, 15 of 30", "−₹249.50", "₹499.50", "GST", "₹45.00",
			"Continue and pay ₹295.00", "API key stays the same"):  # fmt: skip
			self.assertIn(shown, text)

	def test_confirming_leads_to_the_checkout_which_names_the_upgrade(self):
		self.start("S")
		answer = self.press("/change-plan", self.quote_page("P"))
		self.assertEqual(answer.status_code, 303)
		text = self.look(answer.headers["Location"])
		for shown in ("Pro instead of Starter", "₹295.00", "can be paid until"):
			self.assertIn(shown, text)
		text = self.look("/billing")
		for shown in ("Your change to Pro is not paid yet", "Pay ₹295.00", "Cancel the change"):
			self.assertIn(shown, text)
		invoice = re.search(r"invoice=(INV[\w-]+)", answer.headers["Location"])[1]
		pay(invoice)
		self.assertIn("Starter → Pro", self.look(f"/receipt?invoice={invoice}"))
		self.assertNotIn("Your change to Pro", self.look("/billing"))

	def test_a_change_that_credit_covers_leads_to_the_billing_page(self):
		self.start("S")
		self.give_credit(400)
		text = self.quote_page("P")
		self.assertIn("Change to Pro now", text)
		answer = self.press("/change-plan", text)
		self.assertEqual((answer.headers["Location"], self.code()), ("/billing", "P"))

	def test_an_unpaid_change_is_called_off_on_the_billing_page(self):
		self.start("S")
		made = self.change("P")
		answer = self.press(
			"/billing", self.look("/billing"), action="call_off_change", subscription=self.subscription
		)
		self.assertEqual((answer.status_code, self.status_of(made)), (303, "Withdrawn"))

	def test_an_outdated_price_shows_the_new_one_and_changes_nothing(self):
		self.start("S")
		text = self.quote_page("P")
		shift(self.subscription, 5)
		answer = self.press("/change-plan", text)
		again = self.look(answer.headers["Location"])
		self.assertIn("no longer up to date", again)
		self.assertIn("unused days, 10 of 30", again)

	def test_a_change_that_is_not_possible_says_why(self):
		self.start("S")
		text = self.look(f"/change-plan?plan={self.plans['S'].name}")
		self.assertIn("You already have Starter.", text)
		text = self.look("/change-plan?plan=<b>bad</b>")
		self.assertIn("There is no plan", text)
		self.assertNotIn("<b>bad", text)

	def test_of_several_subscriptions_the_customer_chooses_one(self):
		self.start("S")
		self.start("M")
		text = self.quote_page("P")
		self.assertIn("Which subscription do you want to change?", text)
		address = re.search(rf'href="(/change-plan\?plan=[^"]*{self.subscription})"', text)[1]
		self.assertIn("Change from Max to Pro", self.look(address.replace("&amp;", "&")))

	def test_a_guest_is_asked_to_log_in_and_a_stranger_is_led_to_the_plans(self):
		answer = page(f"/change-plan?plan={self.make_plan('P').name}")
		self.assertIn("/login", answer.headers["Location"])
		answer = page(f"/change-plan?plan={self.plans['P'].name}", headers=self.session)
		self.assertEqual(answer.headers["Location"], "/plans")


class TestDowngradePages(PageCase):
	def test_a_downgrade_is_shown_scheduled_and_called_off(self):
		self.start("P")
		text = self.quote_page("S")
		for shown in ("Nothing to pay now", "You keep Pro until", "You can cancel the change until then"):
			self.assertIn(shown, text)
		answer = self.press("/change-plan", text)
		self.assertEqual(answer.headers["Location"], "/billing")
		text = self.look("/billing")
		self.assertIn("It changes to Starter on", text)
		self.press("/billing", text, action="call_off_change", subscription=self.subscription)
		self.assertNotIn("It changes to Starter", self.look("/billing"))

	def test_a_downgrade_that_is_paid_for_offers_no_button_that_is_refused(self):
		self.start("P")
		self.change("S")
		pay(self.succeed(renewal.renew_subscription)["invoice_id"])
		text = self.look("/billing")
		self.assertIn("It changes to Starter on", text)
		self.assertNotIn("Keep Pro", text)
