"""Refunds through PayPal: each is made once, and found again by our key."""

import unittest
from dataclasses import replace

from oropendola_payments.gateways.base import RefundOutcome
from oropendola_payments.gateways.errors import BadAnswer, GatewayRefused, MaybeSent
from oropendola_payments.gateways.paypal.test_case import PayPalCase


class TestRefunds(PayPalCase):
	def test_a_refund_without_an_answer_is_found_with_and_without_its_order(self):
		"""R13, R14: a time-out is unknown, and the refund's own id was never learned."""
		payment, event = self.captured()
		request = self.make_refund(payment, event)
		self.assertEqual(self.gateway.refund_status(request).outcome, RefundOutcome.NOT_FOUND)
		self.fault("refund", "timeout_after")
		with self.assertRaises(MaybeSent):
			self.gateway.refund(request)
		for known in (request, replace(request, payment=replace(payment, order_id=None))):
			found = self.gateway.refund_status(known)
			self.assertEqual((found.outcome, found.key), (RefundOutcome.REFUNDED, "RF0001"))
			self.assertEqual(found.payment_id, event.payment_id)

	def test_a_pending_refund_is_found_by_its_id(self):
		self.configure(refund_state="pending")
		payment, event = self.captured()
		request = self.make_refund(payment, event)
		made = self.gateway.refund(request)
		self.assertEqual(made.outcome, RefundOutcome.PROCESSING)
		self.simulator.finish_refund("paypal", "RF0001", "failure")
		ended = self.gateway.refund_status(replace(request, refund_id=made.refund_id))
		self.assertEqual(ended.outcome, RefundOutcome.FAILED)
		gone = self.gateway.refund_status(replace(request, refund_id="1JU0"))
		self.assertEqual(gone.outcome, RefundOutcome.NOT_FOUND)

	def test_more_than_was_taken_is_refused(self):
		payment, event = self.captured()
		with self.assertRaises(GatewayRefused) as refused:
			self.gateway.refund(self.make_refund(payment, event, amount="600.00"))
		self.assertEqual(refused.exception.gateway_code, "REFUND_AMOUNT_EXCEEDED")

	def test_an_earlier_full_refund_is_found_only_under_its_own_key(self):
		"""CAPTURE_FULLY_REFUNDED means look; only our own refund counts as ours."""
		payment, event = self.captured()
		full = self.make_refund(payment, event, amount="499.50")
		made = self.gateway.refund(full)
		self.provider.ledger.refunds[0].fields["request_id"] = "forgotten after 45 days"
		self.assertEqual(self.gateway.refund(full).refund_id, made.refund_id)
		with self.assertRaises(GatewayRefused) as refused:
			self.gateway.refund(replace(full, key="RF0002"))
		self.assertEqual(refused.exception.gateway_code, "CAPTURE_FULLY_REFUNDED")

	def test_a_refund_that_paypal_knows_but_does_not_show_is_a_bad_answer(self):
		"""R13: the invoice id is the refund's own, so an earlier try of this very refund arrived."""
		payment, event = self.captured()
		request = self.make_refund(payment, event)
		self.gateway.refund(request)
		self.provider.ledger.refunds[0].fields.update(request_id="forgotten after 45 days", tags={})
		with self.assertRaises(BadAnswer) as unclear:
			self.gateway.refund(request)
		self.assertEqual(unclear.exception.gateway_code, "DUPLICATE_INVOICE_ID")

	def test_another_currency_is_refused(self):
		payment, event = self.captured()
		with self.assertRaises(GatewayRefused) as refused:
			self.gateway.refund(replace(self.make_refund(payment, event), currency="EUR"))
		self.assertEqual(refused.exception.gateway_code, "REFUND_CAPTURE_CURRENCY_MISMATCH")


if __name__ == "__main__":
	unittest.main()
