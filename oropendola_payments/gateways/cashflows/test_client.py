"""Calls to Cashflows: refused keys suspend them, and only the Gateway API is used."""

import unittest
from decimal import Decimal

from oropendola_payments.gateways.base import PaymentRef
from oropendola_payments.gateways.cashflows.adapter import Cashflows
from oropendola_payments.gateways.cashflows.client import SIGNATURE_REFUSED
from oropendola_payments.gateways.cashflows.test_case import CashflowsCase
from oropendola_payments.gateways.cashflows.test_signature import DEMO_HASH
from oropendola_payments.gateways.errors import CredentialsRefused


class TestClient(CashflowsCase):
	def test_after_a_refused_signature_nothing_more_is_sent(self):
		"""P13. Repeated wrong signatures lock the account."""
		gateway = self.make_gateway(key_secret="obviously-fake-and-wrong")
		for _ in range(3):
			with self.assertRaises(CredentialsRefused) as refused:
				gateway.create(self.make_request())
			self.assertEqual(refused.exception.gateway_code, SIGNATURE_REFUSED)
			self.assertNotIn("obviously-fake", str(refused.exception))
		self.assertEqual((self.provider.wrong_hashes, len(self.network.sent)), (1, 1))
		with self.assertRaises(CredentialsRefused):
			gateway.status(PaymentRef("X", Decimal(1), "GBP", "1"))
		self.assertEqual(len(self.network.sent), 1)
		self.assertTrue(self.gateway.create(self.make_request()).order_id, "other keys are tried at once")

	def test_a_connection_test_ends_the_suspension(self):
		self.configure(key_secret="changed-in-the-portal")
		with self.assertRaisesRegex(CredentialsRefused, "Configuration ID and the API key"):
			self.gateway.test_connection()
		self.configure(key_secret=self.provider.defaults["key_secret"])
		self.assertIn("accepts", self.gateway.test_connection())
		self.assertTrue(self.gateway.create(self.make_request()).order_id)

	def test_impossible_credentials_are_named_before_any_call(self):
		problems = Cashflows.credential_problems({"key_id": "1 ", "key_secret": DEMO_HASH}, "Live")
		self.assertEqual(len(problems), 2)
		self.assertEqual(Cashflows.credential_problems(Cashflows.simulator_secrets, "Live"), [])
		self.assertEqual(len(Cashflows.credential_problems({"key_id": "x", "key_secret": "x"}, "Live")), 1)

	def test_only_the_gateway_api_is_called(self):
		"""cashflows.md pitfall 8: auth_id and auth_pass belong to the Remote Authentication API, PaymentIds to others."""
		payment = self.paid()
		self.gateway.status(payment)
		self.gateway.refund(self.make_refund(payment))
		for sent in self.network.sent:
			self.assertIn("/api/gateway/", sent.url)
			self.assertNotIn("auth_", f"{sent.url} {sent.body} {sent.headers}")
			self.assertTrue(sent.headers["ConfigurationId"] and len(sent.headers["Hash"]) == 128)


if __name__ == "__main__":
	unittest.main()
