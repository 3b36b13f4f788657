"""Whether an invoice is being paid is asked past the snapshot of the transaction that wants to change it."""

import frappe

from oropendola_payments.engine.settlement.under_way import is_being_paid, is_being_paid_now
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.journey import Journey
from oropendola_payments.tests.support.parallel import as_retried, meanwhile


class TestUnderWay(TestCase):
	def setUp(self):
		self.addCleanup(frappe.db.rollback)
		self.journey = Journey("payu")

	def test_a_payment_that_was_started_meanwhile_is_seen(self):
		self.assertFalse(is_being_paid(self.journey.invoice))  # the snapshot of this transaction begins here
		meanwhile(self.journey.start)
		self.assertTrue(as_retried(lambda: is_being_paid_now(self.journey.invoice)))

	def test_a_payment_that_was_cancelled_is_not_under_way(self):
		attempt = self.journey.start()
		self.assertTrue(is_being_paid(self.journey.invoice) and is_being_paid_now(self.journey.invoice))
		frappe.get_doc("Payment Attempt", attempt).mark_as_cancelled()
		self.assertFalse(is_being_paid(self.journey.invoice) or is_being_paid_now(self.journey.invoice))
