"""A customer upgrades in a real browser, with the simulator as the gateway."""

from oropendola_payments.tests.browser.case import BrowserTestCase
from oropendola_payments.tests.support import factories


class TestChangingPlans(BrowserTestCase):
	def test_a_customer_upgrades_pays_and_keeps_the_key(self):
		user = self.customer()
		subscription = factories.create_active_subscription(user, plan_name="Nest", sort_order=-2)
		key = subscription.api_key_link
		plan = factories.create_plan(plan_name="Colony", price=999, requests_limit_per_day=500, sort_order=-1)
		page = self.open(self.browser_of(user), "/plans")
		page.locator(f"#plan-{plan.name}").get_by_role("link", name="Change to Colony").click()
		page.get_by_role("heading", name="Change from Nest to Colony").wait_for()
		page.get_by_role("button", name="Continue and pay").click()
		page.wait_for_url("**/checkout?invoice=*")
		self.choose(page, "payu")
		self.press(page, "success")
		self.wait_for_result(page, "paid")
		page.goto("/billing")
		self.assertTrue(page.get_by_role("heading", name="Colony").is_visible())
		subscription.reload()
		self.assertEqual((subscription.plan, subscription.api_key_link), (plan.name, key))
		self.assertEqual(self.console_errors, [])
