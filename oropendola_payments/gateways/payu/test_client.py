"""PayU's adapter when the network, the keys or PayU itself fail."""

import unittest

from oropendola_payments.gateways.errors import BadAnswer, CredentialsRefused, MaybeSent, NotSent
from oropendola_payments.gateways.payu.adapter import PayU
from oropendola_payments.gateways.payu.test_case import WORKED_SALT, PayUCase


class TestSettings(PayUCase):
	def problems(self, mode="Live", **secrets) -> str:
		return " ".join(PayU.credential_problems(secrets, mode))

	def test_keys_that_cannot_be_right_are_named(self):
		"""payu.md pitfall 5: test keys in live mode and mixed-up fields."""
		self.assertIn("test key", self.problems(key_id="JPM7Fg", key_secret="s"))
		self.assertIn("simulator", self.problems("Test", key_id="SimPyU", key_secret="s"))
		self.assertIn("merchant ID", self.problems(key_id="8235901", key_secret="s"))
		self.assertIn("no spaces", self.problems(key_id="Qm7TzX", key_secret="a b"))
		self.assertIn("another field", self.problems(key_id="Qm7TzX", key_secret="Qm7TzX"))

	def test_plausible_keys_have_no_problems(self):
		self.assertEqual(self.problems(key_id="Qm7TzX", key_secret=WORKED_SALT), "")
		self.assertEqual(PayU.credential_problems(PayU.simulator_secrets, "Simulator"), [])

	def test_an_empty_or_masked_salt_is_refused(self):
		"""S6."""
		for salt in ("", "*" * 10):
			with self.subTest(salt=salt), self.assertRaisesRegex(CredentialsRefused, "Merchant Salt"):
				self.make_gateway(key_secret=salt).create(self.make_request())


class TestErrors(PayUCase):
	def test_an_answer_that_is_not_json_is_a_bad_answer(self):
		self.fault("status", "garbage")
		with self.assertRaises(BadAnswer):
			self.status()

	def test_a_time_out_is_unknown_and_a_refused_connection_is_not_sent(self):
		self.fault("status", "timeout_before")
		with self.assertRaises(MaybeSent):
			self.status()
		with self.assertRaises(NotSent):
			self.make_gateway(base_url="http://127.0.0.1:9/payu").status(self.make_ref())

	def test_the_connection_test_names_the_field_of_a_wrong_key(self):
		self.assertIn("accepts", self.gateway.test_connection())
		for secrets in ({"key_id": "Other1"}, {"key_secret": "not-the-salt"}):
			with self.subTest(secrets=secrets), self.assertRaisesRegex(CredentialsRefused, "Merchant Salt"):
				self.make_gateway(**secrets).test_connection()


if __name__ == "__main__":
	unittest.main()
