"""A payment for a plan ends the free subscription beside it, and the customer is told."""

import frappe

from oropendola_payments.engine.metering import usage
from oropendola_payments.engine.monitoring import audit
from oropendola_payments.engine.notifications import hooks
from oropendola_payments.exceptions import Unauthorized
from oropendola_payments.tests.support.customers import CustomerTestCase, pay
from oropendola_payments.tests.support.factories import (
	create_active_subscription,
	create_user,
	payment_settings,
)
from oropendola_payments.tests.support.http import send
from oropendola_payments.tests.support.outbox import mails_stay_queued, mails_to


class TestReplacingTheFreePlan(CustomerTestCase):
	def setUp(self):
		super().setUp()
		answer = self.subscribe(plan_name="Gratis", price=0, is_free=1)
		self.free, self.key = answer["subscription_id"], answer["api_key"]

	def status(self) -> str:
		return frappe.db.get_value("AI Subscription", self.free, "status")

	def test_paying_for_a_plan_ends_the_free_subscription_and_its_key(self):
		invoice = self.subscribe()["invoice_id"]
		self.assertEqual(self.status(), "Active", "nothing before the payment")
		pay(invoice)
		self.assertEqual(self.status(), "Cancelled")
		with self.assertRaises(Unauthorized):
			usage.consume(self.key, 1)
		self.assertEqual(self.my_subscription()["status"], "Active")
		event = frappe.get_last_doc("Payment Event", {"invoice": invoice, "event": "free_plan_replaced"})
		self.assertEqual((event.reference_name, event.to_status), (self.free, "Cancelled"))
		self.assertIsNone(audit.verify(invoice)["broken"])

	def test_a_plan_that_keeps_the_free_one_ends_nothing(self):
		pay(self.subscribe(keeps_free_plan=1)["invoice_id"])
		self.assertEqual(self.status(), "Active")
		usage.consume(self.key, 1)

	def test_a_trial_ends_nothing_until_it_is_paid(self):
		trial = self.subscribe(trial_days=7)
		self.assertEqual((trial["status"], self.status()), ("Trial", "Active"))

	def test_other_customers_and_paid_subscriptions_lose_nothing(self):
		paid = create_active_subscription(create_user())
		create_active_subscription(paid.user)
		self.assertEqual((paid.reload().status, self.status()), ("Active", "Active"))

	def test_the_email_and_the_result_page_say_that_the_free_plan_has_ended(self):
		self.enterContext(mails_stay_queued())
		self.enterContext(payment_settings(send_payment_mails=1))
		invoice = self.subscribe()["invoice_id"]
		pay(invoice)
		hooks.payment_succeeded(frappe.db.get_value("Payment Capture", {"invoice": invoice}))
		told = "The API key of Gratis no longer works"
		self.assertIn(told, mails_to(self.user)[-1].html)
		self.assertIn(told, send("GET", f"/payment-result?invoice={invoice}", self.user).text)
		second = self.subscribe()["invoice_id"]
		pay(second)
		self.assertNotIn("Gratis", send("GET", f"/payment-result?invoice={second}", self.user).text)
