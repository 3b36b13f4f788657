"""Opening a second payment closes the first order, where its gateway supports that."""

from unittest.mock import patch

import frappe

from oropendola_payments.ai_billing.known_gateways import adapter_class
from oropendola_payments.api import payment
from oropendola_payments.gateways.errors import MaybeSent
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.factories import as_user, enable_gateway
from oropendola_payments.tests.support.journey import GATEWAYS, Journey
from oropendola_payments.tests.support.simulated import open_pay_page

# A second gateway for the same currency.
SECOND = {"cashfree": "razorpay", "stripe": "paypal", "cashflows": "stripe"}
CLOSING = tuple(code for code in GATEWAYS if adapter_class(code).capabilities.cancel)


class TestSecondCheckout(TestCase):
	def second_way(self, journey) -> dict:
		"""The customer goes back and chooses another gateway."""
		other = SECOND[journey.gateway]
		enable_gateway(other)
		with as_user(journey.user):
			return payment.initiate_payment(invoice_id=journey.invoice, gateway=other)

	def test_the_first_order_is_closed_at_its_gateway(self):
		"""R16: the old session expires before a second one is opened."""
		for gateway in CLOSING:
			with self.subTest(gateway):
				journey = Journey(gateway)
				first = journey.start()
				answer = self.second_way(journey)
				self.assertTrue(answer["success"], answer)
				self.assertNotEqual(journey.sim.order(gateway, first).state, "open")

	def test_an_order_that_was_paid_meanwhile_stops_the_second_checkout(self):
		journey = Journey("cashfree")
		first = journey.start()
		journey.customer_pays(first)
		journey.take_webhooks()
		answer = self.second_way(journey)
		self.assertEqual((answer["success"], answer["error_code"]), (False, "conflict"))
		self.assertEqual((journey.status(), len(journey.captures())), ("Paid", 1))
		self.assertNotIn(
			"Created", frappe.get_all("Payment Attempt", {"invoice": journey.invoice}, pluck="status")
		)

	def test_a_gateway_that_is_down_does_not_block_the_second_checkout(self):
		journey = Journey("cashfree")
		journey.start()
		with patch.object(adapter_class("cashfree"), "cancel", side_effect=MaybeSent("No answer.")):
			answer = self.second_way(journey)
		self.assertTrue(answer["success"], answer)
		open_pay_page(answer)
