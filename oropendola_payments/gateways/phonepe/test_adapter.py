"""PhonePe's adapter against the simulated PhonePe: orders are created and queried."""

import unittest
from decimal import Decimal
from itertools import pairwise

from oropendola_payments.gateways.base import Outcome
from oropendola_payments.gateways.errors import (
	BadAnswer,
	CredentialsRefused,
	GatewayRefused,
	MaybeSent,
	SignatureError,
)
from oropendola_payments.gateways.phonepe.adapter import BOTH_FILLED, PhonePe
from oropendola_payments.gateways.phonepe.test_case import LEGACY, NEW, PhonePeCase, webhook


class TestCreateAndStatus(PhonePeCase):
	def test_a_paid_order_has_its_id_amount_and_currency(self):
		checkout = self.gateway.create(self.request("PAY1"))
		back = self.simulator.pay("phonepe", "PAY1", method="card")
		event = self.status_of("PAY1")
		self.assertEqual((checkout.next_action, checkout.order_id), ("redirect", event.order_id))
		self.assertEqual(
			(event.outcome, event.amount, event.currency), (Outcome.PAID, Decimal("1499.00"), "INR")
		)
		self.assertEqual((event.reference, event.payment_id), ("PAY1", checkout.order_id))
		self.assertEqual((back.method, back.url), ("GET", self.return_url("PAY1")))
		charge = self.simulator.captures("phonepe")[0]
		self.assertEqual((charge.payment_id, charge.amount_minor), (event.payment_id, 149900))

	def test_paise_are_exact(self):
		"""phonepe.md pitfall 2: rupees where paise are meant, and floats. R17: int(8.35 * 100) is 834."""
		self.gateway.create(self.request("PAY2", "8.35"))
		self.assertEqual(self.simulator.order("phonepe", "PAY2").amount_minor, 835)

	def test_another_currency_is_refused_before_anything_is_sent(self):
		"""R18: an unsupported currency must not become rupees with the same number."""
		with self.assertRaisesRegex(GatewayRefused, "rupees only"):
			self.gateway.create(self.request("PAY3", currency="USD"))
		self.assertIsNone(self.simulator.order("phonepe", "PAY3"))

	def test_a_partner_names_the_merchant_in_every_call(self):
		"""Partners who act for several merchants send X-MERCHANT-ID."""
		self.configure(acts_for="M22SHOP")
		with self.assertRaises(CredentialsRefused):
			self.gateway.create(self.request("PART1"))
		partner = self.make_gateway(account_id="M22SHOP")
		partner.create(self.request("PART2"))
		self.simulator.pay("phonepe", "PART2")
		event = partner.status(self.ref("PART2"))[0]
		partner.refund(self.refund_of("PART2", event.payment_id))
		self.assertEqual(partner.refund_status(self.refund_of("PART2", event.payment_id)).key, "RF1")

	def test_a_bare_403_is_about_keys_and_a_bare_400_is_a_bad_answer(self):
		"""phonepe.md pitfall 8: a key or app that is not enabled for production gives bare 400 and 401 answers."""
		for number, (status, error) in enumerate(((401, None), (403, CredentialsRefused), (400, BadAnswer))):
			self.fault("create", "error_500_before", status=status)
			if error is None:  # once, with a new token
				self.assertTrue(self.gateway.create(self.request(f"BARE{number}")).url)
				continue
			with self.assertRaises(error):
				self.gateway.create(self.request(f"BARE{number}"))

	def test_an_order_ends_after_half_an_hour(self):
		"""phonepe.md pitfall 5: expireAt counts milliseconds; expireAfter is 300 to 3600 seconds, the simulator refuses anything else."""
		before = self.simulator.clock.now()
		checkout = self.gateway.create(self.request("EXP1"))
		self.assertAlmostEqual((checkout.expires_at - before).total_seconds(), 1800, delta=5)

	def test_embedded_flow_offers_the_script_and_the_plain_address(self):
		checkout = self.gateway.create(self.request("PAY4", flow="embedded"))
		self.assertEqual((checkout.next_action, checkout.sdk.driver), ("sdk", "phonepe"))
		self.assertEqual(checkout.sdk.config["tokenUrl"], checkout.url)
		script = self.simulator.open(checkout.sdk.script.removeprefix(self.simulator.url))
		self.assertIn("PhonePeCheckout", script.text)

	def test_a_cancelled_visit_leaves_the_order_pending(self):
		self.gateway.create(self.request("PAY5"))
		self.simulator.pay("phonepe", "PAY5", outcome="cancel")
		self.assertEqual(self.status_of("PAY5").outcome, Outcome.PENDING)

	def test_a_failed_attempt_inside_an_open_order_is_not_a_failed_order(self):
		"""phonepe.md pitfall 4: only the root state decides."""
		self.configure(keeps_order_open=True)
		self.gateway.create(self.request("PAY6"))
		self.simulator.pay("phonepe", "PAY6", outcome="failure")
		self.assertEqual(self.status_of("PAY6").outcome, Outcome.PENDING)
		self.simulator.pay("phonepe", "PAY6")
		event = self.status_of("PAY6")
		self.assertEqual((event.outcome, event.details["attempts"]), (Outcome.PAID, 2))

	def test_a_failed_order_says_why(self):
		self.gateway.create(self.request("PAY7"))
		self.simulator.pay("phonepe", "PAY7", outcome="failure")
		event = self.status_of("PAY7")
		self.assertEqual((event.outcome, event.error_code), (Outcome.FAILED, "ZM"))

	def test_an_order_that_expired_unpaid_is_failed_and_a_late_success_is_seen(self):
		"""R5: a payment that was pending at expiry may still come through."""
		self.gateway.create(self.request("PAY8"))
		self.simulator.pay("phonepe", "PAY8", outcome="pending")
		self.simulator.finish("phonepe", "PAY8", "failure")
		self.assertEqual(self.status_of("PAY8").outcome, Outcome.FAILED)
		self.simulator.finish("phonepe", "PAY8", "success")
		self.assertEqual(self.status_of("PAY8").outcome, Outcome.PAID)

	def test_an_unknown_reference_is_not_found(self):
		self.assertEqual(self.status_of("NEVER").outcome, Outcome.NOT_FOUND)

	def test_the_amount_is_what_the_gateway_says(self):
		"""S2, R8: the engine can only compare when the adapter does not echo the request."""
		self.gateway.create(self.request("PAY9"))
		self.fault("pay", "wrong_amount", amount_minor=100)
		self.simulator.pay("phonepe", "PAY9")
		self.assertEqual(self.status_of("PAY9").amount, Decimal("1.00"))

	def test_a_time_out_while_creating_is_unknown_and_status_finds_the_order(self):
		self.fault("create", "timeout_after")
		with self.assertRaises(MaybeSent):
			self.gateway.create(self.request("PAY10"))
		self.assertEqual(self.status_of("PAY10").outcome, Outcome.PENDING)

	def test_a_repeated_create_is_unknown_and_not_refused(self):
		"""On 409 the order is looked up."""
		self.gateway.create(self.request("PAY11"))
		with self.assertRaises(MaybeSent):
			self.gateway.create(self.request("PAY11"))

	def test_a_server_error_while_creating_is_unknown(self):
		self.fault("create", "error_500_after")
		with self.assertRaises(MaybeSent):
			self.gateway.create(self.request("PAY12"))

	def test_garbage_is_a_bad_answer(self):
		self.fault("create", "garbage")
		with self.assertRaises(BadAnswer):
			self.gateway.create(self.request("PAY13"))

	def test_a_refused_order_is_final_and_carries_phonepes_reason(self):
		with self.assertRaisesRegex(GatewayRefused, "at least 100") as caught:
			self.gateway.create(self.request("PAY14", "0.50"))
		self.assertEqual(caught.exception.gateway_code, "BAD_REQUEST")


class TestSettings(PhonePeCase):
	def test_two_products_are_never_mixed(self):
		"""phonepe.md pitfall 7: client id, client secret and salt key on one screen describe two products."""
		both = {**NEW, **LEGACY}
		self.assertIn(BOTH_FILLED, PhonePe.credential_problems(both, "Test"))
		with self.assertRaises(CredentialsRefused):
			self.make_gateway(**LEGACY).create(self.request("MIX1"))
		with self.assertRaises(SignatureError):
			self.make_gateway(**LEGACY).receive(webhook(b"{}"))

	def test_missing_credentials_are_those_of_the_product_in_use(self):
		self.assertEqual(PhonePe.missing_credentials({}), ["Client ID", "Client Secret", "Client Version"])
		self.assertEqual(PhonePe.missing_credentials({"legacy_id": "M"}), ["Salt Key", "Salt Index"])
		self.assertEqual(PhonePe.missing_credentials(LEGACY), [])
		self.assertEqual(PhonePe.missing_credentials(NEW), [])

	def test_impossible_credentials_are_named(self):
		self.assertEqual(PhonePe.credential_problems(NEW, "Test"), [])
		self.assertIn("Client Version", PhonePe.credential_problems({**NEW, "key_version": "v1"}, "Test")[0])
		self.assertIn(
			"Webhook Password", PhonePe.credential_problems({**NEW, "webhook_secret": ""}, "Test")[0]
		)
		legacy = {**LEGACY, "legacy_id": "PGTESTPAYUAT"}
		self.assertIn("test merchant", PhonePe.credential_problems(legacy, "Live")[0])

	def test_live_addresses_differ_for_token_and_payments(self):
		"""phonepe.md pitfall 1: the payments prefix on the token address answers 401."""
		gateway = self.make_gateway("Live")
		self.assertEqual(gateway.host("token"), "https://api.phonepe.com/apis/identity-manager")
		self.assertEqual(gateway.host("api"), "https://api.phonepe.com/apis/pg")
		self.assertEqual(gateway.host("legacy"), "https://api.phonepe.com/apis/hermes")

	def test_polling_follows_the_schedule_phonepe_demands(self):
		"""PhonePe prescribes 20 to 25 s, every 3 s for 30 s, 6 s for 60 s, 10 s for 60 s, 30 s for 60 s, each minute."""
		queries, age = [], 0
		while age < 400:
			age += PhonePe.poll_seconds(age)
			queries.append(age)
		self.assertTrue(20 <= queries[0] <= 25)
		waits = [later - earlier for earlier, later in pairwise(queries)]
		self.assertEqual(waits[:10], [3] * 10)
		self.assertEqual(waits[10:20], [6] * 10)
		self.assertEqual(waits[20:26], [10] * 6)
		self.assertEqual(waits[26:28], [30] * 2)
		self.assertEqual(set(waits[28:]), {60})


if __name__ == "__main__":
	unittest.main()
