"""Answers carry the gateway's own references, under the names that its documentation uses."""

import frappe

from oropendola_payments.engine.checkout.response import payment_response
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.journey import GATEWAYS, Journey


class TestReferences(TestCase):
	def answer(self, journey: Journey, name: str) -> dict:
		return payment_response(frappe.get_doc("Payment Attempt", name))

	def test_the_reference_of_the_order_is_answered_once_known(self):
		for gateway in GATEWAYS:
			with self.subTest(gateway):
				journey = Journey(gateway)
				answer = journey.initiate()
				stored = frappe.db.get_value("Payment Attempt", answer["attempt"], "gateway_order_id")
				self.assertEqual(answer["gateway_order_id"], stored or None)
				self.assertIsNone(answer["gateway_payment_id"])

	def test_cashflows_is_answered_in_its_own_names(self):
		journey = Journey("cashflows")
		answer = journey.initiate()
		self.assertEqual(answer["payment_job_reference"], answer["gateway_order_id"])
		self.assertEqual(answer["action_url"], answer["payment_url"])
		self.assertNotIn("payment_reference", answer)
		journey.deliver_return(journey.customer_pays(answer["attempt"]))
		paid = self.answer(journey, answer["attempt"])
		self.assertTrue(paid["gateway_payment_id"])
		self.assertEqual(paid["payment_reference"], paid["gateway_payment_id"])

	def test_phonepe_is_answered_with_its_checkout_url(self):
		answer = Journey("phonepe").initiate()
		self.assertTrue(answer["checkout_url"].startswith("http"), answer)
