"""PayPal's access token, and the keys behind it."""

import unittest
from decimal import Decimal

from oropendola_payments.gateways.base import Outcome, PaymentRef
from oropendola_payments.gateways.errors import CredentialsRefused, NotSent
from oropendola_payments.gateways.paypal.adapter import PayPal
from oropendola_payments.gateways.paypal.test_case import PayPalCase


class Forgetful(dict):
	"""PayPal's list of valid tokens when it accepts none of those it issued."""

	def get(self, key, default=None):
		return default


class TestToken(PayPalCase):
	def test_one_token_serves_many_calls(self):
		"""paypal.md pitfall 8: a token per request ends in 429."""
		self.open()
		before = dict(self.provider.access_tokens)
		self.gateway.status(PaymentRef(self.reference, Decimal(1), "USD", "5O"))
		self.assertEqual(self.provider.access_tokens, before)

	def test_a_token_that_died_is_renewed_once(self):
		"""On 401 fetch a new token once."""
		payment = self.open()
		old = next(iter(self.tokens.values()))
		self.provider.access_tokens.clear()
		self.assertEqual(self.status(payment).outcome, Outcome.PENDING)
		self.assertNotIn(old, self.tokens.values())

	def test_new_keys_never_use_the_token_of_the_old_ones(self):
		"""R25: settings changed elsewhere must count at once."""
		self.open()
		with self.assertRaisesRegex(CredentialsRefused, "Client ID and the Secret"):
			self.make_gateway(key_secret="another-obviously-fake").status(
				PaymentRef(self.reference, Decimal(1), "USD", "5O")
			)

	def test_a_refused_token_ends_in_refused_credentials(self):
		self.open()
		self.provider.access_tokens.clear()
		self.configure(key_secret="rotated-at-paypal")
		with self.assertRaises(CredentialsRefused):
			self.gateway.status(PaymentRef(self.reference, Decimal(1), "USD", "5O"))

	def test_tokens_that_are_always_refused_end_after_one_renewal(self):
		self.addCleanup(setattr, self.provider, "access_tokens", {})
		self.provider.access_tokens = Forgetful()
		with self.assertRaises(CredentialsRefused):
			self.open()
		self.assertEqual(len(self.provider.access_tokens), 2)

	def test_without_a_token_nothing_was_sent(self):
		for kind in ("timeout_after", "error_500_after", "garbage"):
			with self.subTest(kind), self.assertRaises(NotSent):
				self.fault("token", kind)
				self.gateway.create(self.make_request())

	def test_the_connection_test_names_what_is_wrong(self):
		"""paypal.md pitfall 9: a webhook id of the other environment makes every signature wrong."""
		self.assertIn("accepts the keys", self.gateway.test_connection())
		with self.assertRaisesRegex(CredentialsRefused, "Webhook ID"):
			self.make_gateway(webhook_id="0XX00000CD000000E").test_connection()
		with self.assertRaisesRegex(CredentialsRefused, "Client ID and the Secret"):
			self.make_gateway(key_id="wrong").test_connection()

	def test_impossible_credentials_are_named_before_any_call(self):
		secrets = {"key_id": "same", "key_secret": "same", "webhook_id": "https://shop.example.com/hook"}
		problems = PayPal.credential_problems(secrets, "Live")
		self.assertEqual(len(problems), 2)
		self.assertEqual(PayPal.credential_problems(PayPal.simulator_secrets, "Test"), [])
		self.assertIn("e-mail", PayPal.credential_problems({"key_id": "a@example.com"}, "Live")[0])

	def test_no_error_shows_a_secret(self):
		"""Secrets never reach an error text."""
		with self.assertRaises(CredentialsRefused) as refused:
			self.make_gateway(key_secret="do-not-show-me").test_connection()
		self.assertNotIn("do-not-show-me", str(refused.exception))


if __name__ == "__main__":
	unittest.main()
