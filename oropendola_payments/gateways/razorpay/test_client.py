"""Razorpay's adapter when the network, the keys or Razorpay itself fail."""

import contextlib
import io
import unittest
from decimal import Decimal

from oropendola_payments.gateways.base import Outcome, PaymentRef
from oropendola_payments.gateways.errors import (
	BadAnswer,
	CredentialsRefused,
	MaybeSent,
	NotSent,
	NotSupported,
)
from oropendola_payments.gateways.http import HttpClient
from oropendola_payments.gateways.razorpay.adapter import Razorpay
from oropendola_payments.gateways.razorpay.test_case import RazorpayCase


class TestErrors(RazorpayCase):
	def test_a_create_call_that_timed_out_is_found_again_by_our_reference(self):
		"""R9 and R13's cousin: the order exists although we never learned its id."""
		self.fault("create", "timeout_after")
		with self.assertRaises(MaybeSent):
			self.gateway.create(self.make_request())
		payment = PaymentRef(self.reference, Decimal("1499.50"), "INR")
		(event,) = self.gateway.status(payment)
		order = self.simulator.order("razorpay", self.reference)
		self.assertEqual((event.outcome, event.order_id), (Outcome.PENDING, order.order_id))

	def test_a_create_call_that_never_arrived_leaves_nothing(self):
		self.fault("create", "timeout_before")
		with self.assertRaises(MaybeSent):
			self.gateway.create(self.make_request())
		(event,) = self.gateway.status(PaymentRef(self.reference, Decimal("1499.50"), "INR"))
		self.assertEqual(event.outcome, Outcome.NOT_FOUND)

	def test_errors_are_sorted_by_whether_a_repetition_is_safe(self):
		"""Each fault hits once: an SDK that repeats by itself would succeed and raise nothing."""
		cases = (
			("error_500_before", {}, MaybeSent),
			("error_500_before", {"status": 429}, NotSent),
			("error_500_before", {"status": 409}, MaybeSent),
			("error_500_after", {"status": 502}, MaybeSent),
			("error_500_before", {"status": 302}, BadAnswer),
			("garbage", {}, BadAnswer),
		)
		for kind, values, error in cases:
			with self.subTest(kind, **values):
				self.fault("create", kind, **values)
				with self.assertRaises(error):
					self.gateway.create(self.make_request())

	def test_a_refused_connection_is_not_sent(self):
		gateway = self.make_gateway(base_url="http://127.0.0.1:1/razorpay")
		with self.assertRaises(NotSent):
			gateway.create(self.make_request())

	def test_the_sdk_prints_nothing_when_the_connection_breaks(self):
		self.fault("create", "timeout_before")
		with contextlib.redirect_stdout(io.StringIO()) as printed, self.assertRaises(MaybeSent):
			self.gateway.create(self.make_request())
		self.assertEqual(printed.getvalue(), "")

	def test_every_call_of_the_sdk_has_time_outs(self):
		"""The SDK itself has none (measured, razorpay 2.0.1)."""
		payment, event = self.pay()
		self.gateway.refund(self.make_refund(payment, event))
		self.assertEqual(set(self.network.timeouts), {HttpClient().timeout})
		self.assertGreaterEqual(len(self.network.timeouts), 4)

	def test_wrong_keys_are_refused_in_words_that_name_the_fields(self):
		gateway = self.make_gateway(key_secret="obviously-wrong")
		with self.assertRaisesRegex(CredentialsRefused, "Key Id and Key Secret") as caught:
			gateway.test_connection()
		self.assertNotIn("obviously-wrong", str(caught.exception))

	def test_the_connection_test_accepts_the_keys(self):
		self.assertIn("accepts", self.gateway.test_connection())

	def test_keys_of_the_wrong_mode_or_shape_are_named(self):
		test, live = "rzp_test_Abc123", "rzp_live_Abc123"
		for mode, key, problems in (
			("Test", test, 0),
			("Live", live, 0),
			("Simulator", test, 0),
			("Live", test, 1),
			("Test", live, 1),
			("Simulator", live, 1),
			("Test", "Abc123", 1),
		):
			with self.subTest(mode, key=key):
				self.assertEqual(len(Razorpay.credential_problems({"key_id": key}, mode)), problems)

	def test_the_key_secret_is_not_accepted_as_webhook_secret(self):
		"""razorpay.md pitfall 2, razorpay-node issue 380."""
		secrets = {"key_secret": "same", "webhook_secret": "same"}
		self.assertIn("Webhook Secret", Razorpay.credential_problems(secrets, "Test")[0])

	def test_an_open_order_cannot_be_closed(self):
		"""razorpay-node issue 426: orders never expire."""
		self.assertFalse(Razorpay.capabilities.cancel)
		with self.assertRaises(NotSupported):
			self.gateway.cancel(self.open())


if __name__ == "__main__":
	unittest.main()
