"""What was sealed under an earlier encryption key of the site is lost, and nothing fails with it."""

import frappe

from oropendola_payments.ai_billing.sealed import seal, unseal
from oropendola_payments.engine.checkout.response import payment_response
from oropendola_payments.engine.gateway.registry import SiteTokens
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.encryption import another_encryption_key
from oropendola_payments.tests.support.journey import Journey
from oropendola_payments.tests.support.time_travel import make_due, sweep
from oropendola_payments.www import pay


class TestSealed(TestCase):
	def test_a_value_is_read_back_under_its_own_key_only(self):
		sealed = seal({"a": [1, None]})
		self.assertEqual(unseal(sealed), {"a": [1, None]})
		with another_encryption_key():
			self.assertIsNone(unseal(sealed))
		self.assertIsNone(unseal(None))

	def test_a_token_of_a_gateway_is_fetched_again(self):
		tokens = SiteTokens("test")
		tokens.set("name", "a token", 60)
		with another_encryption_key():
			self.assertIsNone(tokens.get("name"))
			tokens.set("name", "a new token", 60)
			self.assertEqual(tokens.get("name"), "a new token")

	def test_an_open_payment_is_still_found_at_its_gateway(self):
		for gateway in ("phonepe", "razorpay", "cashfree"):
			with self.subTest(gateway):
				journey = Journey(gateway)
				journey.customer_pays(journey.start())
				journey.take_webhooks()  # lost
				make_due(journey.invoice)
				with another_encryption_key():
					sweep(journey.invoice)
				self.assertEqual(journey.status(), "Paid")

	def test_the_answer_to_its_payer_leads_to_our_page(self):
		journey = Journey("payu")
		attempt = frappe.get_doc("Payment Attempt", journey.start())
		with another_encryption_key():
			answer = payment_response(attempt)
			self.assertEqual(pay.view_of(attempt, attempt.checkout()), "prepared")
		self.assertIn("/pay?attempt=", answer["payment_url"])
		self.assertNotIn("form", answer)
