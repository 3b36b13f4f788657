"""What can go wrong between a customer and a gateway, and how the pages handle it."""

import re

import frappe

from oropendola_payments.engine.checkout import initiate as checkout
from oropendola_payments.tests.browser.case import GATEWAYS, PHONE, BrowserTestCase
from oropendola_payments.tests.support import factories

BANK_CODE = "111000"  # the code of the simulated bank


class TestTrouble(BrowserTestCase):
	def setUp(self):
		super().setUp()
		self.user = self.customer()
		self.invoice = self.invoice_for(self.user)
		self.browser = self.browser_of(self.user)

	def let_pass(self, attempt: str):
		"""Let so much time pass that the gateway may be queried again."""
		frappe.db.set_value("Payment Attempt", attempt, "last_check_at", "2020-01-01")
		frappe.db.commit()

	def start(self, gateway: str = "payu"):
		page = self.checkout(self.browser, self.invoice)
		self.choose(page, gateway)
		return page

	def test_a_declined_payment_can_be_retried_with_another_gateway(self):
		page = self.start("payu")
		self.press(page, "failure")
		self.wait_for_result(page, "failed")
		self.assertEqual(self.status(self.invoice), "Failed")
		page.get_by_role("link", name="Try again").click()
		page.get_by_text("Your last attempt was not completed.").wait_for()
		self.choose(page, "razorpay")
		self.press(page, "success")
		self.wait_for_result(page, "paid")
		self.assertEqual(self.status(self.invoice), "Paid")

	def test_every_decline_leads_to_a_page_with_reason_and_next_step(self):
		for gateway in GATEWAYS:
			with self.subTest(gateway):
				invoice = self.invoice_for(self.user, gateway)
				page = self.checkout(self.browser, invoice)
				self.choose(page, gateway)
				self.press(page, "failure")
				self.assertIn(self.wait_for_no(page, invoice), ("failed", "declined"))
				self.assertTrue(page.locator("blockquote").inner_text().strip())
				page.get_by_role("link", name="Try again").click()
				page.locator(".bridge, .pay-form, .note").first.wait_for()
				self.assertEqual(self.console_errors, [])

	def wait_for_no(self, page, invoice) -> str:
		"""The result page after a decline, which some gateways report only by webhook or by a later status query."""
		page.locator("[data-view]").wait_for()
		for attempt in self.attempts(invoice):
			self.let_pass(attempt)
		page.locator("[data-view=failed], [data-view=declined]").wait_for()
		return page.locator("[data-view]").get_attribute("data-view")

	def test_a_payment_still_open_after_a_decline_is_retried_at_the_gateway(self):
		self.invoice = self.invoice_for(self.user, "stripe")
		page = self.start("stripe")
		self.press(page, "failure")
		self.wait_for_no(page, self.invoice)
		page.get_by_role("link", name="Try again").click()
		self.wait_for_gateway(page)
		self.press(page, "success")
		self.wait_for_result(page, "paid")
		self.assertEqual(len(self.attempts(self.invoice)), 1)

	def test_a_failed_payment_shows_as_failed_while_another_one_is_open(self):
		page = self.start("phonepe")
		failed = self.attempts(self.invoice)[0]
		other = checkout.initiate(self.user, self.invoice.name, "cashfree")["attempt"]
		self.press(page, "failure")
		self.wait_for_result(page, "failed")
		self.assertIn(failed, page.url)
		page.get_by_text("Another payment for this invoice is still open.").wait_for()
		page.get_by_role("link", name="See its status").click()
		page.wait_for_url(f"**/payment-result?attempt={other}")
		self.wait_for_result(page, "pending")

	def test_leaving_the_gateway_page_is_not_shown_as_a_pending_payment(self):
		for gateway in ("razorpay", "stripe", "paypal", "cashflows"):
			with self.subTest(gateway):
				invoice = self.invoice_for(self.user, gateway)
				page = self.checkout(self.browser, invoice)
				self.choose(page, gateway)
				self.press(page, "cancel")
				page.locator("[data-view=left], [data-view=cancelled_attempt]").wait_for()

	def test_a_pending_bank_decision_is_not_shown_as_an_abandoned_payment(self):
		page = self.start("payu")
		self.press(page, "pending")
		self.wait_for_result(page, "pending")

	def test_after_the_last_retry_the_page_offers_help_instead_of_a_button(self):
		frappe.db.set_value("AI Invoice", self.invoice.name, {"status": "Failed", "retry_count": 3})
		frappe.db.commit()
		page = self.checkout(self.browser, self.invoice)
		page.get_by_text("Please contact us about this invoice").wait_for()
		self.assertEqual(page.locator(".pay-form").count(), 0)

	def test_a_payment_survives_a_closed_tab(self):
		page = self.start("phonepe")
		reference = self.attempts(self.invoice)[0]
		page.close()
		self.simulator.pay("phonepe", reference)  # in the UPI app, without a browser to return to
		self.assertEqual(self.host.deliver_webhooks("phonepe"), [200])
		page = self.open(self.browser, f"/payment-result?attempt={reference}")
		self.wait_for_result(page, "paid")

	def test_a_pending_payment_changes_to_paid_on_the_open_page(self):
		page = self.start("razorpay")
		self.press(page, "pending")
		self.wait_for_result(page, "left")
		self.let_pass(self.attempts(self.invoice)[0])
		self.simulator.finish("razorpay", self.attempts(self.invoice)[0], "success")
		self.host.deliver_webhooks("razorpay")
		self.wait_for_result(page, "paid")
		self.assertEqual(self.console_errors, [])

	def test_a_page_that_waits_survives_a_new_login_in_another_tab(self):
		page = self.start("razorpay")
		self.press(page, "pending")
		self.wait_for_result(page, "left")
		form = {"usr": self.user, "pwd": factories.PASSWORD}
		self.assertTrue(self.browser.request.post(f"{self.host.url}/api/method/login", form=form).ok)
		self.open(self.browser, "/billing")  # which makes the token of the new session
		page.bring_to_front()
		self.let_pass(self.attempts(self.invoice)[0])
		self.simulator.finish("razorpay", self.attempts(self.invoice)[0], "success")
		self.host.deliver_webhooks("razorpay")
		self.wait_for_result(page, "paid")

	def test_the_open_page_says_when_the_bank_will_take_days(self):
		page = self.start("stripe")
		attempt = self.attempts(self.invoice)[0]
		page = self.open(self.browser, f"/payment-result?attempt={attempt}")
		self.wait_for_result(page, "pending")
		self.simulator.pay("stripe", attempt, outcome="pending")
		self.host.deliver_webhooks("stripe")
		self.wait_for_result(page, "in_transit")
		page.get_by_text("You do not need to pay again.").wait_for()
		self.assertEqual(self.console_errors, [])

	def test_a_pending_payment_is_refreshed_without_javascript_too(self):
		page = self.start("razorpay")
		self.press(page, "pending")
		self.wait_for_result(page, "left")
		page.close()  # it would poll by itself
		attempt = self.attempts(self.invoice)[0]
		self.simulator.finish("razorpay", attempt, "success")
		self.let_pass(attempt)
		plain = self.browser_of(self.user, java_script_enabled=False)
		page = self.open(plain, f"/payment-result?attempt={attempt}")
		page.get_by_role("button", name="Check again").click()
		self.wait_for_result(page, "paid")

	def test_two_tabs_share_one_payment(self):
		first, second = (self.checkout(self.browser, self.invoice) for _ in range(2))
		self.choose(first, "payu")
		self.choose(second, "payu")
		self.assertEqual(len(self.attempts(self.invoice)), 1)
		self.press(first, "success")
		self.wait_for_result(first, "paid")
		second.goto(f"/checkout?invoice={self.invoice.name}")
		second.get_by_text("This invoice is paid").wait_for()
		self.assertEqual(len(self.simulator.captures("payu")), 1)

	def test_the_back_button_shows_the_checkout_with_the_open_payment(self):
		page = self.start("payu")
		page.go_back()
		page.wait_for_url("**/checkout?invoice=*")
		page.get_by_text("You started a payment with PayU on").wait_for()
		page.get_by_role("link", name="Continue this payment").click()
		self.wait_for_gateway(page)
		self.assertEqual(len(self.attempts(self.invoice)), 1)

	def test_the_back_button_after_paying_offers_no_second_payment(self):
		"""R30."""
		page = self.start("phonepe")
		self.press(page, "success")
		self.wait_for_result(page, "paid")
		page.goto(f"/pay?attempt={self.attempts(self.invoice)[0]}")
		self.wait_for_result(page, "paid")
		page.goto(f"/checkout?invoice={self.invoice.name}")
		self.assertEqual(page.locator(".pay-form").count(), 0)

	def test_a_double_click_creates_one_attempt(self):
		page = self.checkout(self.browser, self.invoice)
		page.locator("input[name=gateway][value=phonepe]").check()
		page.locator(".pay-form .button").dblclick()
		self.wait_for_gateway(page)
		self.assertEqual(len(self.attempts(self.invoice)), 1)

	def test_cancelling_a_payment_leads_back_to_the_checkout(self):
		attempt = checkout.initiate(self.user, self.invoice.name, "cashfree")["attempt"]
		page = self.open(self.browser_of(self.user, java_script_enabled=False), f"/pay?attempt={attempt}")
		page.get_by_role("button", name="Cancel this payment").click()
		page.wait_for_url("**/checkout?invoice=*")
		self.assertEqual(self.value("Payment Attempt", attempt, "status"), "Cancelled")

	def test_returning_without_a_session_leads_to_the_result_page(self):
		"""R31."""
		page = self.start("payu")
		self.browser.clear_cookies()
		self.press(page, "success")
		page.wait_for_url("**&back=1")
		page.get_by_role("link", name="Log in").last.click()
		page.wait_for_url(re.compile("/login"))
		self.log_in(page, self.user)
		self.wait_for_result(page, "paid")

	def test_a_gateway_that_is_down_shows_a_message_on_a_working_page(self):
		self.simulator.faults.add("phonepe", "create", "error_500_before", times=None)
		page = self.checkout(self.browser, self.invoice)
		page.locator("input[name=gateway][value=phonepe]").check()
		page.locator(".pay-form .button").click()
		page.locator("#problem").wait_for()
		self.assertIn("/checkout?invoice=", page.url)
		self.assertTrue(page.locator("input[name=gateway][value=phonepe]").is_checked())

	def test_a_script_that_does_not_load_leaves_a_fallback(self):
		attempt = checkout.initiate(self.user, self.invoice.name, "razorpay", "embedded")["attempt"]
		self.browser.route("**/checkout.js", lambda route: route.abort())
		page = self.open(self.browser, f"/pay?attempt={attempt}")
		page.locator("#sdk-problem").wait_for()
		page.get_by_role("button", name="Continue to Razorpay").click()
		self.wait_for_gateway(page)

	def test_an_expired_page_can_be_restarted(self):
		attempt = checkout.initiate(self.user, self.invoice.name, "phonepe")["attempt"]
		frappe.db.set_value("Payment Attempt", attempt, "expires_at", "2020-01-01 10:00:00")
		frappe.db.commit()
		page = self.open(self.browser, f"/pay?attempt={attempt}")
		page.get_by_role("link", name="Start again").click()
		page.wait_for_url("**/checkout?invoice=*")


class TestCodes(BrowserTestCase):
	def setUp(self):
		super().setUp()
		self.user = self.customer()
		self.invoice = self.invoice_for(self.user)
		self.browser = self.browser_of(self.user)

	def pay_by(self, method: str, **details):
		started = checkout.initiate(
			self.user, self.invoice.name, "cashfree", "otp", method=method, method_details=details
		)
		return self.open(self.browser, f"/pay?attempt={started['attempt']}")

	def confirm(self, page, code: str):
		page.locator("#otp").fill(code)
		page.locator("button[value=confirm_otp]").click()

	def test_a_wrong_bank_code_can_be_entered_again(self):
		page = self.pay_by("saved_card", instrument_id="inst-1")
		self.confirm(page, "000000")
		page.get_by_text("This code is incorrect.").wait_for()
		self.assertEqual(page.locator("#otp:focus").get_attribute("aria-invalid"), "true")
		page.get_by_role("button", name="Send a new code").click()
		page.get_by_text("A new code is on its way.").wait_for()
		self.confirm(page, BANK_CODE)
		self.wait_for_result(page, "paid")

	def test_the_upi_page_waits_for_the_approval(self):
		page = self.pay_by("upi_qr")
		page.get_by_alt_text("QR code to pay with a UPI app").wait_for()
		self.simulator.finish("cashfree", self.attempts(self.invoice)[0], "success")
		self.host.deliver_webhooks("cashfree")
		self.wait_for_result(page, "paid")
		self.assertEqual(self.console_errors, [])

	def test_a_upi_link_opens_the_app(self):
		self.browser = self.browser_of(self.user, **PHONE)
		page = self.pay_by("upi_intent")
		self.assertTrue(
			page.get_by_role("link", name="Open my UPI app").get_attribute("href").startswith("upi://")
		)

	def test_the_upi_link_refers_desktop_users_to_their_phone(self):
		page = self.pay_by("upi_intent")
		page.get_by_text("Please open this page on your phone").wait_for()
		self.assertEqual(page.locator(".on-desk code").inner_text(), page.url)
		self.assertFalse(page.get_by_role("link", name="Open my UPI app").is_visible())

	def test_our_own_code_is_requested_first_where_the_settings_say_so(self):
		factories.enable_gateway("payu", require_phone_code=1)
		self.addCleanup(factories.enable_gateway, "payu", require_phone_code=0)
		page = self.checkout(self.browser, self.invoice)
		page.locator("input[name=gateway][value=payu]").check()
		page.locator(".pay-form .button").click()
		page.get_by_role("heading", name="Confirm your phone").wait_for()
		self.confirm(page, "000000")
		page.locator("#problem").wait_for()
		self.confirm(page, "123456")
		self.wait_for_gateway(page)
		self.press(page, "success")
		self.wait_for_result(page, "paid")
