"""PhonePe's access token, and the keys behind it."""

import unittest

from oropendola_payments.gateways.base import Outcome
from oropendola_payments.gateways.errors import CredentialsRefused, NotSent
from oropendola_payments.gateways.phonepe.test_case import PhonePeCase


class TestToken(PhonePeCase):
	def test_one_token_serves_many_calls_and_many_workers(self):
		self.gateway.create(self.request("TOK1"))
		self.fault("token", "error_500_before", times=None)
		self.make_gateway().status(self.ref("TOK1"))
		self.assertEqual(len(self.tokens), 1)

	def test_it_is_renewed_some_minutes_before_it_expires(self):
		"""phonepe.md pitfall 5: expires_at of a token counts seconds and drives the cache; renew 3 to 5 minutes before."""
		self.gateway.create(self.request("TOK2"))
		self.assertAlmostEqual(self.tokens.seconds[0], 3600 - 240, delta=5)

	def test_a_short_lived_token_is_kept_for_half_its_life(self):
		self.configure(token_seconds=60)
		self.gateway.create(self.request("TOK3"))
		self.assertAlmostEqual(self.tokens.seconds[0], 30, delta=2)

	def test_a_refused_token_is_renewed_once_and_the_call_repeated(self):
		self.gateway.create(self.request("TOK4"))
		key = next(iter(self.tokens))
		self.tokens[key] = "expired-token"
		self.assertEqual(self.status_of("TOK4").outcome, Outcome.PENDING)
		self.assertNotEqual(self.tokens[key], "expired-token")

	def test_a_token_that_is_refused_twice_means_refused_credentials(self):
		self.configure(token_seconds=-10)
		with self.assertRaises(CredentialsRefused):
			self.gateway.status(self.ref("TOK5"))

	def test_without_a_token_nothing_was_sent(self):
		"""A time-out of the token call cannot have opened an order, so the customer may try again."""
		for kind in ("timeout_after", "error_500_before", "garbage"):
			self.fault("token", kind)
			with self.subTest(kind), self.assertRaises(NotSent):
				self.gateway.create(self.request(f"TOK6{kind[0]}"))

	def test_new_keys_never_use_the_token_of_the_old_ones(self):
		"""R25: other workers may still hold a token of keys that were replaced."""
		self.gateway.create(self.request("TOK7"))
		other = self.make_gateway(key_secret="another-secret")
		with self.assertRaisesRegex(CredentialsRefused, "Client Secret"):
			other.status(self.ref("TOK7"))

	def test_the_connection_test_fetches_a_new_token(self):
		self.assertIn("accepts", self.gateway.test_connection())
		self.configure(client_secret="changed-at-phonepe")
		with self.assertRaisesRegex(CredentialsRefused, "Client Version"):
			self.gateway.test_connection()

	def test_a_refused_connection_is_not_sent(self):
		with self.assertRaises(NotSent):
			self.make_gateway(base_url="http://127.0.0.1:9").create(self.request("TOK8"))

	def test_no_error_shows_a_secret(self):
		"""S16: secrets never appear in errors."""
		with self.assertRaises(CredentialsRefused) as caught:
			self.make_gateway(key_secret="very-secret-value").test_connection()
		self.assertNotIn("very-secret-value", str(caught.exception))


if __name__ == "__main__":
	unittest.main()
