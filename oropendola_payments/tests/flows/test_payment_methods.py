"""One name for a payment method at every gateway: in lists, answers and records."""

import frappe

from oropendola_payments.api import payment
from oropendola_payments.gateways.methods import METHODS
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.factories import as_user
from oropendola_payments.tests.support.journey import GATEWAYS, Journey


class TestPaymentMethods(TestCase):
	def test_every_gateway_records_and_answers_a_common_name(self):
		for gateway in GATEWAYS:
			journey = Journey(gateway)
			attempt = journey.start()
			journey.deliver_return(journey.customer_pays(attempt))
			journey.deliver_all()
			with self.subTest(gateway):
				self.assertEqual(journey.status(), "Paid")
				self.assertIn(journey.poll(attempt)["attempt"]["payment_method"], METHODS)
				self.assertIn(frappe.db.get_value("Payment Attempt", attempt, "payment_method"), METHODS)

	def test_the_list_of_gateways_names_each_method_once(self):
		journey = Journey("cashfree")
		with as_user(journey.user):
			rows = payment.get_available_gateways()["gateways"]
		for row in rows:
			with self.subTest(row["id"]):
				self.assertLessEqual(set(row["methods"]), set(METHODS))
				self.assertEqual(len(row["methods"]), len(set(row["methods"])))
		cashfree = next(row for row in rows if row["id"] == "cashfree")
		self.assertIn("upi_qr", cashfree["direct_methods"])

	def test_a_direct_method_is_requested_by_its_own_name_and_recorded_by_the_common_one(self):
		journey = Journey("cashfree")
		first = journey.initiate(method="upi_qr")
		again = journey.initiate(method="upi_qr")
		self.assertEqual(first["attempt"], again["attempt"])
		other = journey.initiate(method="upi_collect", upi_id="asha.example@okbank")
		self.assertNotEqual(first["attempt"], other["attempt"])
		fields = ["payment_method", "requested_method"]
		self.assertEqual(frappe.db.get_value("Payment Attempt", first["attempt"], fields), ("upi", "upi_qr"))
