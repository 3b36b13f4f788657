"""Refunds through Cashfree: each is made once, and found again by our key."""

import unittest
from dataclasses import replace
from decimal import Decimal

from oropendola_payments.gateways.base import RefundOutcome
from oropendola_payments.gateways.cashfree.test_case import CashfreeCase
from oropendola_payments.gateways.errors import GatewayRefused, MaybeSent


class TestRefunds(CashfreeCase):
	def test_a_refund_is_processing_first_and_refunded_later(self):
		payment_id = self.paid("REF1")
		first = self.gateway.refund(self.refund_of("REF1", payment_id, "500.00"))
		self.assertEqual((first.outcome, first.payment_id), (RefundOutcome.PROCESSING, payment_id))
		self.simulator.finish_refund("cashfree", "RF1")
		later = self.gateway.refund_status(self.refund_of("REF1", payment_id, "500.00"))
		self.assertEqual((later.outcome, later.amount), (RefundOutcome.REFUNDED, Decimal("500.00")))
		self.assertEqual((later.key, later.refund_id), ("RF1", first.refund_id))

	def test_an_instant_refund_is_requested_as_such(self):
		payment_id = self.paid("REF2")
		done = self.gateway.refund(self.refund_of("REF2", payment_id, speed="instant"))
		self.assertEqual(done.outcome, RefundOutcome.REFUNDED)

	def test_an_existing_refund_is_looked_up(self):
		payment_id = self.paid("REF4")
		self.gateway.refund(self.refund_of("REF4", payment_id))
		self.simulator.finish_refund("cashfree", "RF1", "failure")
		again = self.gateway.refund(self.refund_of("REF4", payment_id, reason="Another text"))
		self.assertEqual(again.outcome, RefundOutcome.FAILED)

	def test_a_stored_server_error_does_not_block_the_refund(self):
		"""P21. Cashfree may answer every repeat of a key with the failure of the first request."""
		wanted = self.refund_of("REF7", self.paid("REF7"), "500.00")
		self.configure(stored_failures=1)
		with self.assertRaises(MaybeSent):
			self.gateway.refund(wanted)
		again = replace(wanted, sent_before=True)
		self.assertEqual(self.gateway.refund(again).outcome, RefundOutcome.PROCESSING)
		self.gateway.refund(again)
		self.assertEqual(self.refunded(), [50000])

	def test_a_stored_error_of_the_second_key_blocks_it_for_an_hour_at_most(self):
		wanted = self.refund_of("REF8", self.paid("REF8"), sent_before=True)
		self.configure(stored_failures=2)
		for _try in range(2):
			with self.assertRaises(MaybeSent):
				self.gateway.refund(wanted)
		self.later(hours=1)
		self.assertEqual(self.gateway.refund(wanted).outcome, RefundOutcome.PROCESSING)
		self.assertEqual(len(self.refunded()), 1)

	def test_the_first_request_is_never_repeated_at_once(self):
		"""Its failure may be the answer of a proxy, while Cashfree is still making the refund."""
		wanted = self.refund_of("REF9", self.paid("REF9"))
		self.fault("refund", "error_500_before", status=504)
		with self.assertRaises(MaybeSent):
			self.gateway.refund(wanted)
		self.assertEqual((self.refunded(), [key for key in self.keys() if "RF1" in key]), ([], []))

	def test_a_refund_without_an_answer_is_repeated_under_its_own_key_only(self):
		wanted = self.refund_of("REF10", self.paid("REF10"), sent_before=True)
		self.fault("refund", "timeout_before")
		with self.assertRaises(MaybeSent):
			self.gateway.refund(wanted)
		self.assertEqual([key for key in self.keys() if "RF1" in key], [])

	def keys(self) -> list[str]:
		"""The idempotency keys that Cashfree has seen."""
		return list(self.provider.idempotent_responses)

	def test_more_than_was_captured_is_refused_and_an_unknown_refund_not_found(self):
		payment_id = self.paid("REF5")
		with self.assertRaises(GatewayRefused) as caught:
			self.gateway.refund(self.refund_of("REF5", payment_id, "1499.01"))
		self.assertEqual(caught.exception.gateway_code, "refund_amount_invalid")
		self.assertEqual(self.gateway.refund_status(self.refund_of("REF5")).outcome, RefundOutcome.NOT_FOUND)

	def test_partial_refunds_add_up_to_the_captured_amount_at_most(self):
		payment_id = self.paid("REF6")
		for key in ("RF1", "RF2"):
			self.gateway.refund(self.refund_of("REF6", payment_id, "700.00", key))
		with self.assertRaises(GatewayRefused):
			self.gateway.refund(self.refund_of("REF6", payment_id, "700.00", "RF3"))


if __name__ == "__main__":
	unittest.main()
