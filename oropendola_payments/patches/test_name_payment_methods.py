"""Attempts of an older release get the common names of payment methods, and the patch can be repeated."""

import frappe

from oropendola_payments.patches import name_payment_methods
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.journey import Journey, customer


class TestNamedMethods(TestCase):
	def test_every_old_word_becomes_a_common_name(self):
		journey = Journey("payu", user=customer())
		attempt = journey.start()
		for old, ours, requested in (
			("credit_card", "card", None),
			("UPI_INTENT", "upi", None),
			("upi_qr", "upi", "upi_qr"),
			("netbanking", "netbanking", None),
			("something new", "other", None),
			(None, None, None),
		):
			values = {"payment_method": old, "requested_method": None}
			frappe.db.set_value("Payment Attempt", attempt, values)
			for _run in range(2):
				name_payment_methods.execute()
			stored = frappe.db.get_value("Payment Attempt", attempt, ["payment_method", "requested_method"])
			with self.subTest(old):
				self.assertEqual(stored, (ours, requested))
