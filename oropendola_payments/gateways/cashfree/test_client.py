"""Cashfree's adapter when the network, the keys or Cashfree itself fail."""

import unittest

from oropendola_payments.gateways.base import Outcome
from oropendola_payments.gateways.cashfree.adapter import Cashfree
from oropendola_payments.gateways.cashfree.client import is_unknown
from oropendola_payments.gateways.cashfree.test_case import CashfreeCase
from oropendola_payments.gateways.errors import (
	BadAnswer,
	CredentialsRefused,
	GatewayRefused,
	MaybeSent,
	NotSent,
)


class TestErrors(CashfreeCase):
	def test_a_create_without_an_answer_is_repeated_without_a_second_order(self):
		"""The same idempotency key answers the first result."""
		self.stop_the_clock()
		self.fault("create", "timeout_after")
		with self.assertRaises(MaybeSent):
			self.create("TR1")
		first = self.simulator.order("cashfree", "TR1")
		again = self.create("TR1")
		self.assertEqual(again.order_id, first.order_id)
		self.assertEqual(self.status_of("TR1").outcome, Outcome.PENDING)

	def test_a_create_that_is_repeated_later_finds_its_order(self):
		"""R9: the order ends half an hour after each call, so the repetition is another request under the same key."""
		self.fault("create", "timeout_after")
		with self.assertRaises(MaybeSent):
			self.create("TR9")
		self.later(minutes=2)
		self.assertEqual(self.create("TR9").order_id, self.simulator.order("cashfree", "TR9").order_id)

	def test_an_existing_order_is_reused_when_it_is_the_same(self):
		"""A repeat gives 409 order_already_exists; the session of the first order still works."""
		first = self.create("TR2")
		again = self.create("TR2", idempotency_key="another-key")
		self.assertEqual(again.sdk.config, first.sdk.config)

	def test_an_existing_order_of_another_amount_is_not_reused(self):
		"""S2: otherwise a cheap order could stand in for a dear one."""
		self.create("TR3", amount="1.00")
		with self.assertRaises(MaybeSent):
			self.create("TR3", idempotency_key="another-key")

	def test_a_paid_order_is_not_opened_again(self):
		self.paid("TR4")
		with self.assertRaises(MaybeSent):
			self.create("TR4", idempotency_key="another-key")

	def test_errors_are_sorted_by_whether_a_repetition_is_safe(self):
		cases = {"error_500_before": MaybeSent, "timeout_before": MaybeSent, "garbage": BadAnswer}
		for number, (kind, error) in enumerate(cases.items()):
			self.fault("create", kind)
			with self.subTest(kind), self.assertRaises(error):
				self.create(f"TR5{number}")
		self.fault("create", "error_500_before", status=429)
		with self.assertRaises(NotSent):
			self.create("TR6")
		with self.assertRaises(NotSent):
			self.make_gateway(base_url="http://127.0.0.1:9").create(self.request("TR7"))

	def test_a_refusal_carries_cashfrees_reason(self):
		with self.assertRaisesRegex(GatewayRefused, "at least 1") as caught:
			self.create("TR8", amount="0.50")
		self.assertEqual(caught.exception.gateway_code, "order_invalid")

	def test_wrong_keys_are_refused_and_the_fields_are_named(self):
		gateway = self.make_gateway(key_secret="cfsk_ma_test_wrong")
		with self.assertRaisesRegex(CredentialsRefused, "Client ID and Client Secret") as caught:
			gateway.test_connection()
		self.assertNotIn("cfsk_ma_test_wrong", str(caught.exception))
		self.assertIn("accepts", self.gateway.test_connection())

	def test_a_404_of_a_wrong_address_is_not_an_unknown_order(self):
		"""Otherwise a wrong test address would look like payments that were never made."""
		with self.assertRaises(BadAnswer):
			self.make_gateway(base_url=f"{self.simulator.url}/nobody").status(self.ref("TR9"))
		self.assertFalse(is_unknown(404, {"code": "path_invalid"}))
		self.assertTrue(is_unknown(404, {"code": "order_not_found"}))


class TestSettings(CashfreeCase):
	def test_keys_of_the_other_mode_are_named(self):
		test = {"key_id": "TEST123", "key_secret": "cfsk_ma_test_demo"}
		live = {"key_id": "123", "key_secret": "cfsk_ma_prod_demo"}
		self.assertIn("sandbox", Cashfree.credential_problems(test, "Live")[0])
		self.assertIn("production", Cashfree.credential_problems(live, "Test")[0])
		for name, value in test.items():
			self.assertEqual(len(Cashfree.credential_problems({name: value}, "Live")), 1)
		self.assertEqual(Cashfree.credential_problems(test, "Test"), [])
		self.assertEqual(Cashfree.credential_problems(live, "Live"), [])

	def test_an_unreadable_public_key_is_named(self):
		self.assertIn("Public Key", Cashfree.credential_problems({"public_key": "abc"}, "Test")[0])

	def test_live_and_sandbox_have_their_own_addresses_and_pages(self):
		live = self.make_gateway("Live")
		self.assertEqual(live.host(), "https://api.cashfree.com")
		order = {"payment_session_id": "s", "cf_order_id": 7}
		self.assertEqual(live._hosted(order).sdk.config["mode"], "production")
		self.assertEqual(live._hosted(order).sdk.script, "https://sdk.cashfree.com/js/v3/cashfree.js")


if __name__ == "__main__":
	unittest.main()
