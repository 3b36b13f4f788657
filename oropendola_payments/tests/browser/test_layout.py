"""The layout of the pages, and their small scripts."""

from oropendola_payments.tests.browser.case import PHONE, BrowserTestCase
from oropendola_payments.tests.support import credits, factories

WIDE = {"viewport": {"width": 1280, "height": 800}}


class TestLayout(BrowserTestCase):
	def box(self, page, selector: str) -> dict:
		return page.locator(selector).bounding_box()

	def test_a_trial_line_does_not_shift_the_feature_lists(self):
		plans = [
			factories.create_plan(sort_order=-9, trial_days=days, features="One", description="Short.")
			for days in (0, 7)
		]
		page = self.open(self.visitor(**WIDE), "/plans")
		for part in (".ticks", ".button"):
			tops = {round(self.box(page, f"#plan-{plan.name} {part}")["y"]) for plan in plans}
			self.assertEqual(len(tops), 1, part)

	def test_the_empty_billing_page_is_centered(self):
		page = self.open(self.browser_of(self.customer(), **WIDE), "/billing")
		middles = [
			page.evaluate(
				"""(selector) => {
					const range = document.createRange();
					range.selectNodeContents(document.querySelector(selector));
					const box = range.getBoundingClientRect();
					return Math.round(box.left + box.width / 2);
				}""",
				selector,
			)
			for selector in (".empty h2", ".empty > p")
		]
		self.assertLess(abs(middles[0] - middles[1]), 3)

	def test_the_checkout_says_once_who_handles_card_data(self):
		user = self.customer()
		page = self.checkout(self.browser_of(user), self.invoice_for(user))
		page.get_by_text("We only learn whether the payment went through.").wait_for()
		self.assertEqual(page.locator(".bottom").count(), 0)

	def test_amounts_on_a_receipt_stay_right_aligned_on_a_phone(self):
		user = self.customer()
		invoice = factories.create_active_subscription(user).current_invoice
		page = self.open(self.browser_of(user, **PHONE), f"/receipt?invoice={invoice}")
		line, amount = (
			self.box(page, f".payments li:first-child {part}") for part in ("span:first-child", ".amount")
		)
		self.assertGreaterEqual(amount["x"], line["x"] + line["width"])

	def test_the_copy_button_copies_the_whole_example(self):
		user = self.customer()
		factories.create_active_subscription(user)
		browser = self.browser_of(user, **PHONE)
		browser.grant_permissions(["clipboard-read", "clipboard-write"])
		page = self.open(browser, "/billing")
		page.get_by_text("How to use it").click()
		self.assertLessEqual(
			page.locator("#example").evaluate(
				"e => e.parentElement.scrollWidth - e.parentElement.clientWidth"
			),
			0,
		)
		page.locator("[data-copy=example]").click()
		page.get_by_text("Copied").first.wait_for()
		self.assertIn(
			"/api/method/oropendola_payments.api.usage.consume",
			page.evaluate("navigator.clipboard.readText()"),
		)

	def test_the_example_is_marked_where_the_browser_forbids_copying(self):
		user = self.customer()
		factories.create_active_subscription(user)
		page = self.open(self.browser_of(user), "/billing")
		page.evaluate(
			"() => { navigator.clipboard.writeText = () => Promise.reject(new Error('forbidden')); }"
		)
		page.get_by_text("How to use it").click()
		button = page.locator("[data-copy=example]")
		button.click()
		self.assertIn("X-API-Key", page.evaluate("getSelection().toString()"))
		self.assertEqual(button.inner_text(), "Copy")
		self.assertEqual(self.console_errors, [])

	def test_a_button_looks_as_before_when_the_customer_comes_back(self):
		user = self.customer()
		factories.create_active_subscription(user)
		credits.create_pack()
		page = self.open(self.browser_of(user), "/credits")
		page.evaluate("document.addEventListener('submit', (event) => event.preventDefault())")
		button = page.locator("button[value=buy_pack]").first
		before = button.inner_html()
		self.assertIn("visually-hidden", before)
		button.click()
		self.assertEqual(button.inner_html(), "One moment …")
		page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))")
		self.assertEqual(button.inner_html(), before)
