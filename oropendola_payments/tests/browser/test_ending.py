"""A customer cancels, changes the mind, pauses, and ends a subscription on the billing page."""

import frappe

from oropendola_payments.ai_billing.current import forget
from oropendola_payments.engine.settlement import manual_payment
from oropendola_payments.tests.browser.case import PHONE, BrowserTestCase
from oropendola_payments.tests.support import factories


class TestEnding(BrowserTestCase):
	def setUp(self):
		super().setUp()
		self.user = self.customer()
		self.name = self.paid(plan_name="Starter", allow_pause=1)
		self.browser = self.browser_of(self.user)

	def paid(self, **plan) -> str:
		invoice = factories.create_invoice(self.user, **plan)
		manual_payment.record_payment(invoice.name, invoice.total(), factories.unique("transfer"), None, None)
		return invoice.subscription

	def value_of(self, field: str, name: str | None = None):
		return self.value("AI Subscription", name or self.name, field)

	def card(self, page, name: str | None = None):
		"""The section of one subscription."""
		form = page.locator(f"form:has(input[name=subscription][value='{name or self.name}'])").first
		return form.locator("xpath=ancestor::section[1]")

	def press(self, page, label: str):
		page.get_by_role("button", name=label).click()
		page.wait_for_load_state()

	def cancel(self, page):
		page.get_by_text("Cancel this subscription").click()
		page.get_by_label("Why are you cancelling?").select_option("too_expensive")
		page.get_by_label("Anything you want to tell us").fill("Perhaps next year.")
		page.get_by_role("button", name="Cancel on").click()
		page.get_by_text("You cancelled it.").wait_for()

	def test_a_customer_cancels_and_changes_the_mind(self):
		page = self.open(self.browser, "/billing")
		self.cancel(page)
		self.assertEqual(
			[
				self.value_of(field)
				for field in ("status", "cancel_at_period_end", "cancel_reason", "cancel_note")
			],
			["Active", 1, "Too expensive", "Perhaps next year."],
		)
		page.get_by_role("button", name="Undo the cancellation").click()
		page.get_by_text("It runs until").wait_for()
		self.assertEqual(self.value_of("cancel_at_period_end"), 0)
		self.assertEqual(self.console_errors, [])

	def test_ending_it_now_says_first_what_it_costs(self):
		frappe.db.set_value("AI Plan", self.value_of("plan"), "unused_on_cancel", "Credit")
		forget("AI Plan")
		frappe.db.commit()
		page = self.open(self.browser, "/billing")
		self.cancel(page)
		page.get_by_text("End it now").first.click()
		page.get_by_text("We keep ₹499.00 as credit for your next invoice.").wait_for()
		page.get_by_role("button", name="End it now").click()
		page.get_by_text("It was cancelled.").wait_for()
		self.assertEqual(self.value_of("status"), "Cancelled")
		self.assertEqual(self.console_errors, [])

	def test_a_customer_pauses_on_a_phone_without_javascript_and_resumes_the_same_day(self):
		plain = self.browser_of(self.user, java_script_enabled=False, **PHONE)
		page = self.open(plain, "/billing")
		page.get_by_text("Pause this subscription").click()
		page.get_by_role("spinbutton", name="Days").fill("14")
		page.get_by_role("button", name="Pause", exact=True).click()
		page.get_by_text("It is paused").wait_for()
		self.assertEqual(self.value_of("status"), "Paused")
		page.get_by_role("button", name="Resume now").click()
		page.get_by_text("It runs until").wait_for()
		self.assertEqual(self.value_of("status"), "Active")

	def test_a_customer_with_several_chooses_the_default(self):
		other = self.paid(plan_name="Pro", allow_pause=0)
		page = self.open(self.browser, "/billing")
		card = self.card(page, other)
		card.get_by_text("Make this the default").first.click()
		card.get_by_role("button", name="Make this the default").click()
		page.get_by_text("This is your default subscription.").wait_for()
		self.assertEqual([self.value_of("is_default", name) for name in (other, self.name)], [1, 0])
		self.assertIn("Pro", page.locator("section h2").first.inner_text())
		self.assertEqual(self.console_errors, [])

	def test_two_tabs_that_cancel_and_undo_leave_what_the_last_click_said(self):
		first, second = (self.open(self.browser, "/billing") for _tab in range(2))
		self.cancel(first)
		self.cancel(second)
		second.get_by_role("button", name="Undo the cancellation").click()
		second.get_by_text("It runs until").wait_for()
		first.get_by_role("button", name="Undo the cancellation").click()
		first.get_by_text("It runs until").wait_for()
		self.assertEqual((self.value_of("status"), self.value_of("cancel_at_period_end")), ("Active", 0))

	def test_a_consumer_withdraws_from_the_contract_in_two_steps(self):
		self.enterContext(factories.payment_settings(withdrawal_days=14))
		page = self.open(self.browser, "/billing")
		page.get_by_text("Withdraw from the contract").click()
		page.get_by_text("We refund the days that are left: ₹499.00.").wait_for()
		page.get_by_role("button", name="Confirm the withdrawal").click()
		page.get_by_text("It was cancelled.").wait_for()
		self.assertEqual(self.value_of("status"), "Cancelled")
