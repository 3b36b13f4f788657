"""Payments that customers abandon (R6, R10, R23)."""

from unittest.mock import patch

import frappe
from frappe.utils import add_to_date, now_datetime

from oropendola_payments.engine.checkout import initiate as checkout
from oropendola_payments.engine.jobs import payment_jobs
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.factories import create_invoice, enable_gateway
from oropendola_payments.tests.support.simulated import open_pay_page, simulator


class TestAbandonment(TestCase):
	def setUp(self):
		simulator()
		enable_gateway("payu")

	def left_invoice(self, pay: bool = False):
		"""An invoice whose customer was sent to the gateway an hour ago."""
		invoice = create_invoice()
		started = checkout.initiate(invoice.user, invoice.name, "payu")
		if pay:
			open_pay_page(started)
			simulator().pay("payu", started["attempt"])
		before = add_to_date(now_datetime(), minutes=-61)
		frappe.db.set_value("AI Invoice", invoice.name, "processing_since", before)
		frappe.db.set_value("Payment Attempt", started["attempt"], "initiated_at", before)
		frappe.db.commit()
		return invoice, started["attempt"]

	def statuses(self, invoice, attempt):
		return frappe.db.get_value("AI Invoice", invoice.name, "status"), frappe.db.get_value(
			"Payment Attempt", attempt, "status"
		)

	def test_a_payment_unknown_to_the_gateway_is_abandoned_and_queried_again(self):
		invoice, attempt = self.left_invoice()
		payment_jobs.run_abandoned()
		self.assertEqual(self.statuses(invoice, attempt), ("Abandoned", "Expired"))
		self.assertTrue(frappe.db.get_value("Payment Attempt", attempt, "next_check_at"))

	def test_a_payment_that_the_gateway_captured_is_settled_instead(self):
		"""R6: the gateway is queried before anything becomes Abandoned."""
		invoice, attempt = self.left_invoice(pay=True)
		payment_jobs.run_abandoned()
		self.assertEqual(self.statuses(invoice, attempt), ("Paid", "Paid"))

	def test_an_unreachable_gateway_leaves_the_payment_open(self):
		invoice, attempt = self.left_invoice()
		fault = simulator().faults.add("payu", "status", "error_500_before", times=None)
		try:
			payment_jobs.run_abandoned()
		finally:
			simulator().faults.clear()
		self.assertEqual(self.statuses(invoice, attempt), ("Processing", "Processing"), fault)

	def test_one_bad_record_does_not_stop_the_others(self):
		"""R10."""
		bad, bad_attempt = self.left_invoice()
		good, good_attempt = self.left_invoice()
		frappe.db.set_value("Payment Attempt", bad_attempt, "gateway", "no-such-gateway")
		frappe.db.commit()
		payment_jobs.run_abandoned()
		self.assertEqual(self.statuses(good, good_attempt), ("Abandoned", "Expired"))
		self.assertEqual(self.statuses(bad, bad_attempt), ("Processing", "Processing"))
		frappe.db.set_value("Payment Attempt", bad_attempt, "gateway", "payu")
		frappe.db.commit()

	def test_the_number_of_statements_grows_with_batches_and_not_with_invoices(self):
		payment_jobs.run_abandoned()  # records of other tests
		few = self.statements_for(2)
		many = self.statements_for(12)
		self.assertLessEqual(many, few, "ten more invoices needed more statements")

	def statements_for(self, invoices: int) -> int:
		for _number in range(invoices):
			self.left_invoice()
		count, sql = [0], frappe.db.sql

		def counted(*args, **kwargs):
			count[0] += 1
			return sql(*args, **kwargs)

		with patch.object(frappe.db, "sql", counted):
			payment_jobs.run_abandoned()
		return count[0]
