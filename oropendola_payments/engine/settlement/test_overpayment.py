"""The double-payment policy decides about each overpayment once."""

from decimal import Decimal

import frappe

from oropendola_payments.engine.settlement import overpayment
from oropendola_payments.engine.settlement.settle import settle
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.factories import payment_settings
from oropendola_payments.tests.support.gateway_events import paid
from oropendola_payments.tests.support.journey import Journey


class TestOneDecisionPerCapture(TestCase):
	def setUp(self):
		self.enterContext(payment_settings(double_payment_policy="Refund"))
		self.addCleanup(frappe.db.rollback)
		self.journey = Journey("payu")
		self.fact = paid(self.journey.start(), 600)

	def test_a_capture_that_is_settled_again_is_refunded_once(self):
		for _time in range(2):
			settle("payu", self.fact)
		capture = self.journey.captures()[0]
		self.assertEqual(
			[(refund.amount, refund.idempotency_key) for refund in self.journey.refunds()],
			[(101, f"surplus:{capture.name}")],
		)

	def test_a_second_decision_about_one_capture_hits_the_unique_key_of_the_first(self):
		"""R15: the balance allows another refund, so only the unique key prevents it."""
		settle("payu", self.fact)
		invoice, capture = self.journey.doc(), self.journey.captures()[0]
		self.assertGreater(capture.refundable(), Decimal(101))
		with self.assertRaises(frappe.DuplicateEntryError):
			overpayment.apply_policy(invoice, capture, Decimal(101))
		frappe.db.rollback()
		self.assertEqual(len(self.journey.refunds()), 1)
