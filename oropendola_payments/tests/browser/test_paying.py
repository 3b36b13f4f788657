"""Customers pay with every gateway, in a real browser against the simulator."""

import re

import frappe

from oropendola_payments.tests.browser.case import GATEWAYS, PHONE, BrowserTestCase
from oropendola_payments.tests.support import factories

EMBEDDED = ("stripe", "phonepe", "cashfree")  # their scripts open the return address themselves
WINDOWS = ("payu", "razorpay")  # these pass their result to our page
WITHOUT_SCRIPT = ("payu", "razorpay", "stripe", "paypal", "phonepe", "cashflows")


class TestPaying(BrowserTestCase):
	def test_a_new_customer_on_a_phone_gets_from_the_plans_to_a_key(self):
		plan = factories.create_plan(plan_name="Nest", sort_order=-1)
		user = self.customer()
		page = self.open(self.visitor(**PHONE), "/plans")
		page.locator(f"#plan-{plan.name} .button").click()
		page.wait_for_url(re.compile("/login"))
		self.log_in(page, user)
		page.locator(f"#plan-{plan.name} button").click()
		page.wait_for_url("**/checkout?invoice=*")
		self.choose(page, "payu")
		self.press(page, "success")
		self.wait_for_result(page, "paid")
		page.get_by_role("link", name="Get my API key").click()
		page.get_by_role("button", name="Show my API key").click()
		key = page.locator("#new-key").inner_text()
		self.assertTrue(key.startswith("oro_"))
		page.goto("/billing")
		self.assertNotIn(key, page.content())
		self.assertEqual(self.console_errors, [])

	def test_a_customer_pays_with_each_gateway_and_sees_the_result_at_once(self):
		for gateway in GATEWAYS:
			with self.subTest(gateway):
				user = self.customer()
				invoice = self.invoice_for(user, gateway)
				page = self.checkout(self.browser_of(user), invoice)
				self.choose(page, gateway)
				self.press(page, "success")
				self.wait_for_result(page, "paid")
				self.assertEqual(self.status(invoice), "Paid")
				self.assertEqual(len(self.simulator.captures(gateway)), 1)
				self.assertEqual(self.console_errors, [])

	def test_a_customer_pays_inside_the_page_where_the_gateway_supports_it(self):
		for gateway in EMBEDDED:
			with self.subTest(gateway):
				page, invoice = self.embedded_checkout(gateway)
				self.choose(page, gateway)
				self.assertIn(
					self.value("Payment Attempt", self.attempts(invoice)[0], "flow"), ("embedded", "inline")
				)
				self.press(page, "success")
				self.wait_for_result(page, "paid")
				self.assertEqual(self.console_errors, [])

	def test_an_sdk_that_posts_through_our_page_ends_at_the_result(self):
		"""Our page posts the result within the session, so without its CSRF token the framework would refuse it."""
		for gateway in WINDOWS:
			with self.subTest(gateway):
				page, invoice = self.embedded_checkout(gateway)
				answers = []
				page.on(
					"response",
					lambda answer, seen=answers: "callbacks.returned" in answer.url and seen.append(answer),
				)
				window = self.window_of(page, gateway)
				self.pay_inside(window)
				self.wait_for_result(page, "paid")
				self.assertIn("csrf_token=", answers[0].request.post_data)
				self.assertEqual(self.status(invoice), "Paid")
				self.assertEqual(self.console_errors, [])

	def test_closing_the_sdk_window_leaves_a_page_that_can_continue(self):
		for gateway in WINDOWS:
			with self.subTest(gateway):
				page, _invoice = self.embedded_checkout(gateway)
				self.window_of(page, gateway).locator("button[value=cancel]").click()
				page.get_by_text("The payment window was closed.").wait_for()
				self.assertTrue(page.get_by_role("button", name="Open the payment window").is_visible())

	def test_a_declined_card_can_be_retried_in_the_same_window(self):
		page, invoice = self.embedded_checkout("razorpay")
		window = self.window_of(page, "razorpay")
		with page.expect_event("framedetached"):  # the new one has the same name
			window.locator("button[value=failure]").click()
		self.pay_inside(window)
		self.wait_for_result(page, "paid")
		self.assertEqual(self.status(invoice), "Paid")

	def embedded_checkout(self, gateway: str):
		factories.enable_gateway(gateway, embed_checkout=1)
		self.addCleanup(factories.enable_gateway, gateway, embed_checkout=0)
		user = self.customer()
		invoice = self.invoice_for(user, gateway)
		return self.checkout(self.browser_of(user), invoice), invoice

	def test_a_customer_without_javascript_pays_where_the_gateway_supports_it(self):
		for gateway in WITHOUT_SCRIPT:
			with self.subTest(gateway):
				user = self.customer()
				invoice = self.invoice_for(user, gateway)
				page = self.checkout(self.browser_of(user, java_script_enabled=False), invoice)
				page.locator(f"input[name=gateway][value={gateway}]").check()
				page.locator(".pay-form .button").click()
				if gateway in ("payu", "razorpay"):
					page.locator(".bridge form .button").first.click()
				self.wait_for_gateway(page)
				self.press(page, "success")
				back = page.get_by_role("button", name="Return to the shop")
				if back.count():
					back.click()
				self.wait_for_result(page, "paid")
				self.assertEqual(self.status(invoice), "Paid")

	def test_a_gateway_that_needs_javascript_shows_a_hint(self):
		user = self.customer()
		page = self.checkout(self.browser_of(user, java_script_enabled=False), self.invoice_for(user))
		page.locator("input[name=gateway][value=cashfree]").check()
		page.locator(".pay-form .button").click()
		notice = page.locator("noscript .notice")  # texts inside noscript are not searched by text
		self.assertIn("Cashfree needs JavaScript", notice.inner_text())

	def test_a_free_plan_starts_at_once_and_shows_its_key(self):
		plan = factories.create_plan(price=0, is_free=1)
		user = self.customer()
		page = self.open(self.browser_of(user), "/plans")
		page.locator(f"#plan-{plan.name} button").click()
		page.wait_for_url("**/billing")
		page.get_by_role("button", name="Show my API key").click()
		self.assertTrue(page.locator("#new-key").inner_text().startswith("oro_"))

	def test_a_customer_pays_in_hindi(self):
		user = self.customer(language="hi")
		page = self.checkout(self.browser_of(user), self.invoice_for(user))
		self.assertEqual(page.locator("html").get_attribute("lang"), "hi")
		page.get_by_text("आप भुगतान कैसे करना चाहेंगे?").wait_for()
		self.choose(page, "payu")
		self.press(page, "success")
		page.get_by_text("धन्यवाद, हमें ₹499.00 मिल गए").wait_for()


class TestBilling(BrowserTestCase):
	def test_a_customer_replaces_the_key_only_after_a_second_click(self):
		user = self.customer()
		subscription = factories.create_active_subscription(user)
		before = subscription.api_key_link
		page = self.open(self.browser_of(user), "/billing")
		button = page.get_by_role("button", name="Yes, replace my key")
		self.assertFalse(button.is_visible())
		page.get_by_text("Replace this key").click()
		button.click()
		page.locator("#new-key").wait_for()
		self.assertNotEqual(self.value("AI Subscription", subscription.name, "api_key_link"), before)

	def test_a_customer_replaces_a_key_and_keeps_the_old_one_for_a_day(self):
		user = self.customer()
		subscription = factories.create_active_subscription(user)
		page = self.open(self.browser_of(user), "/billing")
		page.get_by_role("button", name="Show my API key").click()
		page.get_by_text("Replace this key").click()
		page.get_by_label("The old key stops working in 24 hours").check()
		page.get_by_role("button", name="Yes, replace my key").click()
		page.get_by_text("Replaced. Works until").wait_for()
		self.assertEqual(self.value("AI API Key", subscription.api_key_link, "status"), "Retiring")

	def test_a_customer_creates_names_and_revokes_a_second_key(self):
		user = self.customer()
		factories.create_active_subscription(user, max_api_keys=3)
		page = self.open(self.browser_of(user), "/billing")
		page.get_by_text("Create an API key").click()
		page.get_by_label("Name of the key").last.fill("Nightly job")
		page.get_by_role("button", name="Create the key").click()
		page.locator("#new-key").wait_for()
		key = page.locator(".api-key", has_text="Nightly job")
		key.locator("summary", has_text="Revoke this key").click()
		key.get_by_role("button", name="Yes, revoke this key").click()
		page.get_by_text("1 of 3 keys").wait_for()
		self.assertEqual(page.get_by_text("Nightly job").count(), 0)

	def test_a_customer_renews_and_pays_the_next_period(self):
		user = self.customer()
		subscription = factories.create_active_subscription(user)
		page = self.open(self.browser_of(user), "/billing")
		page.get_by_role("button", name="Renew").click()
		page.wait_for_url("**/checkout?invoice=*")
		self.choose(page, "payu")
		self.press(page, "success")
		self.wait_for_result(page, "paid")
		self.assertGreater(
			self.value("AI Subscription", subscription.name, "end_date"), subscription.end_date
		)

	def test_a_form_on_another_site_cannot_cancel_a_subscription(self):
		"""S36."""
		user = self.customer()
		subscription = factories.create_active_subscription(user)
		context = self.browser_of(user)
		self.open(context, "/billing")
		for token in ({}, {"csrf_token": "guessed"}):
			answer = context.request.post(f"{self.host.url}/billing", form={"action": "cancel", **token})
			self.assertEqual(answer.status, 400)
		self.assertEqual(self.value("AI Subscription", subscription.name, "status"), "Active")

	def test_the_used_quota_is_shown(self):
		user = self.customer()
		subscription = factories.create_active_subscription(user, requests_limit_per_day=1000)
		frappe.db.set_value("AI Subscription", subscription.name, "daily_quota_remaining", 388)
		frappe.db.commit()
		page = self.open(self.browser_of(user), "/billing")
		self.assertEqual(page.locator("#quota").get_attribute("value"), "612")
		page.get_by_text("612 of 1,000 requests used today").wait_for()

	def test_after_logging_out_no_page_shows_customer_data(self):
		page = self.open(self.browser_of(self.customer()), "/billing")
		page.get_by_role("button", name="Log out").click()
		page.wait_for_url("**/plans")
		page.goto("/billing")
		self.assertIn("/login", page.url)
