"""Refunds through PayU: queued is not refunded, and each is found again by our token."""

import unittest
from dataclasses import replace
from decimal import Decimal

from oropendola_payments.gateways.base import RefundOutcome
from oropendola_payments.gateways.errors import BadAnswer, GatewayRefused, NotSent
from oropendola_payments.gateways.payu.test_case import PayUCase


class TestRefunds(PayUCase):
	def setUp(self):
		super().setUp()
		self.come_back()
		(charge,) = self.simulator.captures("payu")
		self.request = self.make_refund(self.make_ref(), charge.payment_id, "500.00", "RF00000000000000001A")

	def test_an_accepted_refund_is_processing_until_payu_says_success(self):
		event = self.gateway.refund(self.request)
		self.assertIs(event.outcome, RefundOutcome.PROCESSING)
		self.assertIs(self.gateway.refund_status(self.request).outcome, RefundOutcome.PROCESSING)
		self.simulator.finish_refund("payu", self.request.key)
		done = self.gateway.refund_status(self.request)
		self.assertEqual((done.outcome, done.refund_id), (RefundOutcome.REFUNDED, event.refund_id))
		self.assertEqual((done.amount, done.currency, done.key), (Decimal("500.00"), "INR", self.request.key))

	def test_a_refund_that_fails_at_the_bank_is_failed(self):
		self.gateway.refund(self.request)
		self.simulator.finish_refund("payu", self.request.key, "failure")
		self.assertIs(self.gateway.refund_status(self.request).outcome, RefundOutcome.FAILED)

	def test_a_used_key_with_another_amount_returns_the_first_refund(self):
		self.gateway.refund(self.request)
		other = self.gateway.refund(replace(self.request, amount=Decimal("20.00")))
		self.assertEqual((other.amount, self.refunded()), (Decimal("500.00"), [50000]))

	def test_partial_refunds_add_up_to_the_captured_amount_at_most(self):
		"""R15."""
		self.gateway.refund(self.request)
		self.gateway.refund(replace(self.request, key="RF2", amount=Decimal("999.50")))
		with self.assertRaisesRegex(GatewayRefused, "Invalid amount"):
			self.gateway.refund(replace(self.request, key="RF3", amount=Decimal("0.01")))
		self.assertEqual(self.refunded(), [50000, 99950])

	def test_each_refund_has_its_own_state(self):
		"""R11: each refund of a payment has a token of its own."""
		other = replace(self.request, key="RF2", amount=Decimal("1.00"))
		self.gateway.refund(self.request)
		self.gateway.refund(other)
		self.simulator.finish_refund("payu", "RF2")
		self.assertIs(self.gateway.refund_status(self.request).outcome, RefundOutcome.PROCESSING)
		self.assertIs(self.gateway.refund_status(other).outcome, RefundOutcome.REFUNDED)

	def test_the_longest_refund_key_fits_into_payus_token(self):
		self.assertLessEqual(len(self.request.key), 23)
		self.gateway.refund(self.request)
		self.assertEqual(self.simulator.refunds("payu")[0].key, self.request.key)

	def test_error_codes_are_sorted_by_whether_a_repetition_is_safe(self):
		"""docs.payu.in/docs/error-codes-for-refund-initiation"""
		sorted_codes = {
			NotSent: (120, 267, 302, 214),
			BadAnswer: (106, 109, 227),
			GatewayRefused: (105, 111, 116, 117, 128, 130, 233, 234, 235, 255, 263, 999),
		}
		for kind, codes in sorted_codes.items():
			for code in codes:
				self.configure(refund_error=code)
				with self.subTest(code=code), self.assertRaises(kind) as caught:
					self.gateway.refund(self.request)
				self.assertIs(type(caught.exception), kind)
				self.assertEqual(caught.exception.gateway_code, str(code))

	def test_a_refund_that_payu_retries_tomorrow_is_processing(self):
		"""225 and 226: same-day captures and a short balance."""
		for code in (225, 226):
			self.configure(refund_error=code)
			with self.subTest(code=code):
				self.assertIs(self.gateway.refund(self.request).outcome, RefundOutcome.PROCESSING)


if __name__ == "__main__":
	unittest.main()
