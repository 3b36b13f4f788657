"""Refunds through PhonePe: each is made once, and found again by our key."""

import unittest
from decimal import Decimal

from oropendola_payments.gateways.base import RefundOutcome
from oropendola_payments.gateways.errors import GatewayRefused
from oropendola_payments.gateways.phonepe.adapter import PhonePe
from oropendola_payments.gateways.phonepe.test_case import PhonePeCase


class TestRefunds(PhonePeCase):
	def test_a_refund_is_processing_first_and_refunded_later(self):
		payment_id = self.paid("REF1")
		first = self.gateway.refund(self.refund_of("REF1", payment_id, "500.00"))
		self.assertEqual((first.outcome, first.amount), (RefundOutcome.PROCESSING, Decimal("500.00")))
		self.simulator.finish_refund("phonepe", "RF1")
		later = self.gateway.refund_status(self.refund_of("REF1", payment_id, "500.00"))
		self.assertEqual((later.outcome, later.refund_id), (RefundOutcome.REFUNDED, first.refund_id))

	def test_a_second_refund_while_one_is_pending_is_refused(self):
		"""The engine knows it from `one_refund_at_a_time`."""
		payment_id = self.paid("REF5")
		self.gateway.refund(self.refund_of("REF5", payment_id, "10.00", "RF1"))
		with self.assertRaisesRegex(GatewayRefused, "pending"):
			self.gateway.refund(self.refund_of("REF5", payment_id, "10.00", "RF2"))
		self.assertTrue(PhonePe.capabilities.one_refund_at_a_time)

	def test_more_than_was_paid_is_refused(self):
		payment_id = self.paid("REF6")
		with self.assertRaises(GatewayRefused) as caught:
			self.gateway.refund(self.refund_of("REF6", payment_id, "1500.00"))
		self.assertEqual(caught.exception.gateway_code, "EXCESS_REFUND_AMOUNT")


if __name__ == "__main__":
	unittest.main()
