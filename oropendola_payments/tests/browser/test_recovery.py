"""From a reminder in the mailbox to a paid invoice, in a browser that is not logged in; and from there to no more reminders."""

import re
from datetime import timedelta

import frappe
from frappe.utils import now_datetime

from oropendola_payments.engine.dunning import planning, sending
from oropendola_payments.engine.settlement.settle import settle_attempt
from oropendola_payments.gateways.base import Outcome, PaymentEvent
from oropendola_payments.tests.browser.case import PHONE, BrowserTestCase
from oropendola_payments.tests.support.factories import payment_settings
from oropendola_payments.tests.support.outbox import mails_stay_queued, mails_to

REMINDER = "AI Payment Reminder"


class TestRecovery(BrowserTestCase):
	def setUp(self):
		super().setUp()
		self.enterContext(mails_stay_queued())
		self.enterContext(payment_settings(quiet_from=0, quiet_to=0))
		self.user = self.customer()
		self.invoice = self.invoice_for(self.user, plan_name="Starter")
		self.decline()
		self.mail = self.remind()

	def decline(self):
		"""The customer starts a payment, and the bank declines it."""
		page = self.checkout(self.browser_of(self.user), self.invoice)
		self.choose(page, "payu")
		(attempt,) = self.attempts(self.invoice)
		event = PaymentEvent(Outcome.FAILED, reference=attempt, error_code="E307", reason="The bank said no.")
		settle_attempt(frappe.get_doc("Payment Attempt", attempt), event)
		planning.plan_after_attempt(attempt)

	def remind(self) -> str:
		due = now_datetime() - timedelta(minutes=1)
		frappe.db.set_value(REMINDER, {"invoice": self.invoice.name, "step": 1}, "planned_for", due)
		frappe.db.commit()
		sending.send_due()
		return mails_to(self.user)[-1].html

	def address(self, path: str) -> str:
		"""The link of the mail that leads to this path, on the host of the test."""
		link = re.search(rf'href="https?://[^/"]+(/{path}[^"]*)"', self.mail)
		self.assertTrue(link, self.mail)
		return link[1].replace("&amp;", "&")

	def test_somebody_pays_from_the_reminder_on_a_phone_without_logging_in(self):
		page = self.open(self.visitor(**PHONE), self.address("p/"))
		self.assertTrue(page.get_by_role("heading", name="Pay ₹499.00").is_visible())
		self.assertNotIn(self.user, page.content())
		page.locator("#email").fill("payer@example.com")
		page.locator("#phone").fill("+919876543210")
		page.locator("input[name=gateway][value=payu]").check()
		page.locator(".pay-form .button").last.click()
		self.wait_for_gateway(page)
		self.press(page, "success")
		page.wait_for_url(f"{self.host.url}/**")
		self.assertEqual(self.status(self.invoice), "Paid")
		sending.send_due()
		rows = frappe.get_all(
			REMINDER, {"invoice": self.invoice.name}, ["status", "stop_reason"], order_by="step"
		)
		self.assertEqual(rows[0].status, "Sent")
		self.assertEqual(self.console_errors, [])

	def test_reminders_are_stopped_from_the_mail_and_switched_on_again_on_the_billing_page(self):
		page = self.open(self.visitor(), self.address("reminders"))
		page.get_by_role("button", name="Stop reminders").click()
		page.get_by_text("We will not remind you any more").wait_for()
		own = self.open(self.browser_of(self.user), "/billing")
		own.get_by_role("button", name="Remind me again").click()
		own.get_by_text("We remind you by email of failed and overdue payments.").wait_for()
		self.assertEqual(self.console_errors, [])
