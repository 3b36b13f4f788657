"""A payment link from one browser to another: the customer makes it, somebody without a log-in pays, and the customer has the key."""

import re

from oropendola_payments.tests.browser.case import PHONE, BrowserTestCase
from oropendola_payments.tests.support import factories

ANYBODY = {"email": "payer@example.com", "phone": "+919876543210"}


class TestPaymentLink(BrowserTestCase):
	def setUp(self):
		super().setUp()
		factories.forget_counters()
		self.user = self.customer()
		self.invoice = self.invoice_for(self.user)

	def make_link(self) -> str:
		"""The customer makes a link, starting on the billing page. The address as it is shown."""
		page = self.open(self.browser_of(self.user), "/billing")
		page.get_by_role("link", name="Payment link").first.click()
		page.locator("#note").fill("Accounting")
		page.get_by_role("button", name="Create a link").click()
		self.assertTrue(page.locator(".qr img").evaluate("image => image.complete && image.naturalWidth > 0"))
		return page.locator("#new-link").inner_text()

	def fill_in(self, page, gateway: str):
		page.locator(f"input[name=gateway][value={gateway}]").check()
		for name, value in ANYBODY.items():
			page.locator(f"#{name}").fill(value)
		page.locator(".pay-form .button").click()
		self.wait_for_gateway(page)

	def test_somebody_in_another_browser_pays_and_the_customer_gets_the_key(self):
		address = self.make_link()
		page = self.open(self.visitor(**PHONE), address)
		self.assertEqual(page.locator("h1").inner_text(), "Pay ₹499.00")
		self.fill_in(page, "payu")
		self.press(page, "success")
		self.wait_for_result(page, "payer-paid")
		self.assertNotIn(self.user, page.content())
		self.assertEqual(self.status(self.invoice), "Paid")
		page.goto(address)
		page.get_by_role("heading", name="This invoice is paid").wait_for()
		page.goto("/billing")
		page.wait_for_url(re.compile("/login"))
		mine = self.open(self.browser_of(self.user), "/billing")
		mine.get_by_role("button", name="Show my API key").click()
		self.assertTrue(mine.locator("#new-key").inner_text().startswith("oro_"))
		self.assertEqual(self.console_errors, [])

	def test_a_gateway_that_needs_its_script_is_opened_without_a_log_in(self):
		page = self.open(self.visitor(), self.make_link())
		self.fill_in(page, "cashfree")
		self.press(page, "success")
		self.wait_for_result(page, "payer-paid")
		self.assertEqual(self.console_errors, [])

	def test_a_payer_who_goes_back_can_pay_with_another_gateway(self):
		address = self.make_link()
		page = self.open(self.visitor(), address)
		self.fill_in(page, "payu")
		page.goto(address)
		page.get_by_text("A payment for this invoice has been started").wait_for()
		self.fill_in(page, "razorpay")
		self.press(page, "success")
		self.wait_for_result(page, "payer-paid")
		self.assertEqual(self.status(self.invoice), "Paid")

	def test_a_form_on_another_site_cannot_use_the_session_of_a_logged_in_visitor(self):
		"""S36."""
		address = self.make_link()
		context = self.browser_of(self.customer())
		page = self.open(context, address)
		token = page.locator("input[name=form_token]").first.get_attribute("value")
		form = {**ANYBODY, "form_token": token, "action": "pay", "gateway": "payu", "csrf_token": "guessed"}
		self.assertEqual(context.request.post(address, form=form).status, 400)
		self.assertEqual(self.attempts(self.invoice), [])
