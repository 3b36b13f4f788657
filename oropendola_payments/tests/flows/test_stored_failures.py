"""Gateways that store a failure and answer every repeat of its idempotency key with it: nothing is blocked by that."""

from oropendola_payments.engine.jobs import payment_jobs
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.journey import Journey
from oropendola_payments.tests.support.time_travel import clear_due_records, finish_refunds, make_due, sweep


class TestStoredFailures(TestCase):
	def setUp(self):
		clear_due_records()
		self.journey = Journey("cashfree")
		self.attempt = self.journey.start()
		self.addCleanup(self.configure, stored_failures=0, holds_only=False)

	def configure(self, **settings):
		self.journey.sim.configure("cashfree", **settings)

	def pay(self):
		self.journey.deliver_return(self.journey.customer_pays(self.attempt))
		self.journey.deliver_all()

	def test_a_refund_is_made_after_the_failure_of_its_first_request_was_stored(self):
		"""P21."""
		self.pay()
		self.configure(stored_failures=1)
		self.journey.refund()
		self.assertEqual([refund.status for refund in self.journey.refunds()], ["Unknown"])
		make_due(self.journey.invoice)
		payment_jobs.run_refunds()
		finish_refunds("cashfree", self.journey.invoice)
		self.assertEqual([refund.status for refund in self.journey.refunds()], ["Refunded"])
		self.assertEqual((self.journey.status(), self.journey.problems()), ("Refunded", []))

	def test_a_hold_is_captured_after_the_failure_of_its_first_capture_was_stored(self):
		self.configure(holds_only=True, stored_failures=1)
		self.pay()
		sweep(self.journey.invoice)
		self.assertEqual((self.journey.status(), self.journey.problems()), ("Paid", []))
