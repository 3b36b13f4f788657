"""Customers pay in parts, in a real browser against the simulator."""

import frappe

from oropendola_payments.ai_billing.periods import add_interval, today
from oropendola_payments.tests.browser.case import PHONE, BrowserTestCase
from oropendola_payments.tests.support import factories
from oropendola_payments.tests.support.parts import create_instalment_plan, create_plan_in_parts


class TestParts(BrowserTestCase):
	def setUp(self):
		super().setUp()
		self.enterContext(factories.payment_settings(tax_rate=0, part_percent=20, max_parts=4))
		self.user = self.customer()

	def invoice_of(self, *instalment_plans: str, **values):
		return factories.create_invoice(self.user, create_plan_in_parts(*instalment_plans, **values))

	def pay(self, page, option: str, amount: str | None = None):
		page.locator(f"input[name=pay][value='{option}']").check()
		if amount:
			page.locator("input[name=amount]").fill(amount)
		self.choose(page, "payu")
		self.press(page, "success")

	def test_instalments_on_a_phone_from_the_first_to_the_last(self):
		name = create_instalment_plan(down_percent=40, parts=2, service="Covered Days")
		invoice = self.invoice_of(name, price=1000)
		page = self.checkout(self.browser_of(self.user, **PHONE), invoice)
		page.get_by_text("Show the parts").click()
		self.assertTrue(page.get_by_text("₹300.00").first.is_visible())
		self.pay(page, f"plan:{name}")
		self.wait_for_result(page, "partly")
		self.assertTrue(page.get_by_text("Thank you, we received ₹400.00").is_visible())
		page.get_by_role("link", name="Get my API key").click()
		page.get_by_role("button", name="Show my API key").click()
		self.assertTrue(page.locator("#new-key").inner_text().startswith("oro_"))
		for _part, view in (("second", "partly"), ("third", "paid")):
			page.goto("/billing")
			page.get_by_role("link", name="Pay ₹300.00", exact=True).click()
			self.choose(page, "payu")
			self.press(page, "success")
			self.wait_for_result(page, view)
		self.assertEqual(self.status(invoice), "Paid")
		end = self.value("AI Subscription", invoice.subscription, "end_date")
		self.assertEqual(end, add_interval(today(), "Year", 1))
		self.assertEqual(
			[charge.amount_minor for charge in self.simulator.captures("payu")], [400_00, 300_00, 300_00]
		)
		self.assertEqual(self.console_errors, [])

	def test_an_own_amount_then_the_rest(self):
		invoice = self.invoice_of(price=1000, part_payments=1)
		page = self.checkout(self.browser_of(self.user), invoice)
		page.locator("input[name=pay][value=part]").check()
		page.locator("input[name=amount]").fill("100")
		page.locator("input[name=gateway][value=payu]").check()
		page.locator(".pay-form .button").click()
		page.get_by_text("Please pay ₹200.00 to ₹800.00").wait_for()
		self.assertFalse(self.attempts(invoice))
		self.pay(page, "part", "250")
		self.wait_for_result(page, "partly")
		self.assertTrue(page.get_by_text("Your plan starts as soon as the rest is paid.").is_visible())
		page.goto(f"/checkout?invoice={invoice.name}")
		self.pay(page, "all")
		self.wait_for_result(page, "paid")
		self.assertEqual(self.status(invoice), "Paid")
		self.assertEqual(self.console_errors, [])

	def test_a_part_without_javascript(self):
		invoice = self.invoice_of(price=1000, part_payments=1)
		page = self.checkout(self.browser_of(self.user, java_script_enabled=False), invoice)
		page.locator("input[name=pay][value=part]").check()
		page.locator("input[name=amount]").fill("250")
		page.locator("input[name=gateway][value=stripe]").check()
		page.locator(".pay-form .button").click()
		self.wait_for_gateway(page)
		self.press(page, "success")
		back = page.get_by_role("button", name="Return to the shop")
		if back.count():
			back.click()
		self.wait_for_result(page, "partly")
		self.assertTrue(page.get_by_text("₹750.00 of ₹1,000.00 is still to be paid.").is_visible())
		frappe.db.rollback()
		self.assertEqual(self.status(invoice), "Partly Paid")
