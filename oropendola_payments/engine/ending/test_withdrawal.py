"""Withdrawal from the contract: for some days after the first payment, in two steps, with a refund whatever the plan says."""

from datetime import timedelta
from decimal import Decimal

import frappe

from oropendola_payments.ai_billing.periods import today
from oropendola_payments.api import subscription as api
from oropendola_payments.engine.ending.test_now import MONEY_RULES, set_period
from oropendola_payments.engine.notifications import subscription_mails
from oropendola_payments.engine.settlement.manual_payment import record_payment
from oropendola_payments.tests.support.customers import CustomerTestCase, pay, violations
from oropendola_payments.tests.support.factories import payment_settings, unique
from oropendola_payments.tests.support.journey import Journey
from oropendola_payments.tests.support.outbox import mails_stay_queued, mails_to
from oropendola_payments.tests.support.time_travel import clear_due_records, sweep_until_settled


class TestWithdrawal(CustomerTestCase):
	def setUp(self):
		super().setUp()
		self.enterContext(payment_settings(tax_rate=0, withdrawal_days=14))
		clear_due_records()
		self.journey = Journey("razorpay", user=self.user, price=300)
		self.journey.deliver_return(self.journey.customer_pays(self.journey.start()))
		sweep_until_settled(self.journey)

	def paid_days_ago(self, days: int):
		set_period(self.journey.invoice, days, 30 - days)

	def status(self) -> str:
		frappe.db.rollback()
		return self.journey.subscription_status()

	def test_the_first_step_says_what_the_second_one_refunds(self):
		self.paid_days_ago(10)
		said = self.succeed(api.withdraw_contract)
		self.assertEqual(said["possible_until"], today() + timedelta(days=4))
		self.assertEqual(said["refunds"], [{"amount": Decimal(200), "currency": "INR"}])
		self.assertEqual((self.status(), said["confirmed"]), ("Active", False))
		done = self.succeed(api.withdraw_contract, confirm=1)
		self.assertEqual((self.status(), done["given_back"][0]["amount"]), ("Cancelled", Decimal(200)))
		sweep_until_settled(self.journey)
		self.assertEqual([(r.amount, r.status) for r in self.journey.refunds()], [(200, "Refunded")])
		self.assertEqual(violations(self.user, *MONEY_RULES), {})

	def test_a_second_click_refunds_nothing_more(self):
		self.paid_days_ago(10)
		name = self.journey.subscription
		for _time in range(2):
			self.succeed(api.withdraw_contract, subscription_id=name, confirm=1)
		self.assertEqual(len(self.journey.refunds()), 1)

	def test_after_the_last_day_it_is_refused_and_cancelling_is_offered(self):
		self.paid_days_ago(14)
		self.assertEqual(self.succeed(api.withdraw_contract)["possible_until"], today())
		self.paid_days_ago(15)
		self.assertIn("cancel instead", self.refused("conflict", api.withdraw_contract, confirm=1))
		self.assertEqual(self.status(), "Active")

	def pay_a_part(self, amount: int) -> str:
		subscribed = self.subscribe(price=300, part_service="Covered Days")
		record_payment(subscribed["invoice_id"], Decimal(amount), unique("transfer"), None, None)
		return subscribed["invoice_id"]

	def test_a_part_that_buys_days_can_be_withdrawn_too(self):
		invoice = self.pay_a_part(200)
		name = frappe.db.get_value("AI Invoice", invoice, "subscription")
		said = self.succeed(api.withdraw_contract, subscription_id=name)
		self.assertEqual(said["possible_until"], today() + timedelta(days=14))
		self.assertGreater(said["refunds"][0]["amount"], 190)

	def test_the_last_part_does_not_begin_the_days_anew(self):
		invoice = self.pay_a_part(200)
		month_ago = today() - timedelta(days=30)
		frappe.db.set_value("Payment Capture", {"invoice": invoice}, "creation", month_ago)
		pay(invoice)
		name = frappe.db.get_value("AI Invoice", invoice, "subscription")
		self.refused("conflict", api.withdraw_contract, subscription_id=name)

	def test_it_is_off_unless_the_site_has_a_period(self):
		with payment_settings(withdrawal_days=0):
			self.refused("conflict", api.withdraw_contract, confirm=1)
		self.assertEqual(self.status(), "Active")

	def test_the_receipt_is_sent_even_if_other_emails_are_off(self):
		self.enterContext(mails_stay_queued())
		with payment_settings(send_subscription_mails=0):
			subscription_mails.send("contract_withdrawn", self.journey.subscription, {"refund": "₹200.00"})
		mail = mails_to(self.user)[-1]
		self.assertIn("withdrawal from", mail.subject)
		self.assertIn("₹200.00", mail.html)
