"""Customers redeem coupons at the checkout in a real browser, also on a phone and without JavaScript."""

from oropendola_payments.tests.browser.case import PHONE, BrowserTestCase
from oropendola_payments.tests.support import factories


class TestCoupons(BrowserTestCase):
	def redeem(self, page, code: str):
		page.get_by_text("I have a coupon code").click()
		page.get_by_label("Coupon code").fill(code)
		page.get_by_role("button", name="Apply").click()

	def test_a_customer_pays_the_reduced_price(self):
		coupon, user = factories.create_coupon().name, self.customer()
		invoice = self.invoice_for(user)
		page = self.checkout(self.browser_of(user), invoice)
		self.redeem(page, "no-such-code")
		page.get_by_text("This coupon code is not valid.").wait_for()
		page.get_by_label("Coupon code").fill(coupon.lower())
		page.get_by_label("Coupon code").press("Enter")
		page.get_by_text(f"Coupon {coupon}").wait_for()
		page.get_by_role("button", name="Pay ₹249.50").wait_for()
		self.choose(page, "payu")
		self.press(page, "success")
		self.wait_for_result(page, "paid")
		self.assertEqual([charge.amount_minor for charge in self.simulator.captures("payu")], [24950])
		page.goto(f"/receipt?invoice={invoice.name}")
		self.assertIn(f"Coupon {coupon}", page.inner_text("main"))
		self.assertEqual(self.console_errors, [])

	def test_on_a_phone_a_coupon_is_removed_again_and_nothing_overflows(self):
		coupon, user = (
			factories.create_coupon(code=factories.unique("A-VERY-LONG-CODE-")[:32]).name,
			self.customer(),
		)
		page = self.checkout(self.browser_of(user, **PHONE), self.invoice_for(user))
		self.redeem(page, coupon)
		page.get_by_text(f"Coupon {coupon}").wait_for()
		self.assertLessEqual(page.evaluate("document.documentElement.scrollWidth"), 390)
		page.get_by_role("button", name="Remove coupon").click()
		page.get_by_role("button", name="Pay ₹499.00").wait_for()
		self.assertEqual(self.value("AI Coupon", coupon, "redemptions"), 0)

	def test_a_free_order_starts_without_a_gateway_and_without_javascript(self):
		coupon, user = factories.create_coupon(basis_points=10_000).name, self.customer()
		invoice = self.invoice_for(user)
		page = self.checkout(self.browser_of(user, java_script_enabled=False), invoice)
		self.redeem(page, coupon)
		page.get_by_role("heading", name="Confirm your order").wait_for()
		page.get_by_role("button", name="Confirm").click()
		page.wait_for_url("**/payment-result?invoice=*")
		self.assertEqual(self.status(invoice), "Paid")
		self.assertEqual(self.attempts(invoice), [])
		self.assertEqual(self.value("AI Subscription", invoice.subscription, "status"), "Active")
