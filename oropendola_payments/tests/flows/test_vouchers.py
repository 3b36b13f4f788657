"""Vouchers and bank transfers at Stripe: the session is complete, but the customer still has to go and pay."""

import frappe

from oropendola_payments.engine.jobs import payment_jobs
from oropendola_payments.engine.settlement.under_way import in_transit_message
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.journey import Journey
from oropendola_payments.tests.support.simulated import deliver
from oropendola_payments.tests.support.time_travel import clear_due_records, make_due


class TestVouchers(TestCase):
	def setUp(self):
		clear_due_records()

	def unpaid_voucher(self, *, returns: bool = True) -> tuple[Journey, str]:
		"""The customer chose to pay at a shop. `returns`: and came back to our page before the webhooks."""
		journey = Journey("stripe")
		attempt = journey.start()
		back = journey.customer_pays(attempt, "pending", method="konbini")
		messages = journey.take_webhooks()
		if returns:
			journey.deliver_return(back)
			make_due(journey.invoice)  # the pause between two queries is over
		for message in messages:
			deliver(message)
		return journey, attempt

	def state(self, attempt: str) -> tuple:
		return frappe.db.get_value("Payment Attempt", attempt, ["status", "in_transit"])

	def test_an_unpaid_voucher_is_no_money_in_transit(self):
		for returns in (True, False):
			with self.subTest(returns=returns):
				journey, attempt = self.unpaid_voucher(returns=returns)
				self.assertEqual((journey.status(), self.state(attempt)), ("Processing", ("Processing", 0)))
				self.assertNotIn("attempt_in_transit", journey.events())
				self.assertNotEqual(journey.poll()["attempt"]["error_message"], in_transit_message())

	def test_another_payment_is_accepted_and_a_voucher_that_is_paid_too_is_recorded(self):
		"""R30."""
		journey, attempt = self.unpaid_voucher()
		other = journey.at_gateway("paypal")
		other.deliver_return(other.customer_pays(other.start()))
		self.assertEqual(journey.status(), "Paid")
		journey.sim.finish("stripe", attempt, "success")
		journey.deliver_all()
		self.assertEqual([capture.attempt for capture in journey.captures()][1:], [attempt])

	def test_a_voucher_that_is_left_is_abandoned_and_one_that_is_paid_later_counts(self):
		journey, attempt = self.unpaid_voucher()
		make_due(journey.invoice)
		payment_jobs.run_abandoned()
		self.assertEqual((journey.status(), self.state(attempt)), ("Abandoned", ("Expired", 0)))
		journey.sim.finish("stripe", attempt, "success")
		journey.deliver_all()
		self.assertEqual((journey.status(), self.state(attempt)), ("Paid", ("Paid", 0)))
		self.assertEqual(journey.problems(), [])

	def test_a_debit_of_which_only_the_session_tells_is_asked_about(self):
		journey = Journey("stripe")
		attempt = journey.start()
		journey.customer_pays(attempt, "pending", method="us_bank_account")
		_processing, completed = journey.take_webhooks()
		deliver(completed)
		self.assertEqual((journey.status(), self.state(attempt)), ("Processing", ("Processing", 1)))
