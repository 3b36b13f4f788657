"""Cashfree after the payment page: holds and captures, closing an order, giving money back."""

import unittest
from decimal import Decimal

from oropendola_payments.gateways.base import Outcome, RefundOutcome
from oropendola_payments.gateways.cashfree.client import json_of
from oropendola_payments.gateways.cashfree.mapping import payment_event
from oropendola_payments.gateways.cashfree.test_adapter import WithSimulator, ref, refund_of
from oropendola_payments.gateways.errors import GatewayRefused, MaybeSent


class TestHolds(WithSimulator):
	def setUp(self):
		super().setUp()
		self.configure(holds_only=True)
		self.open("HOLD1")
		self.simulator.pay("cashfree", "HOLD1")

	def test_a_success_that_is_not_captured_is_authorised_not_paid(self):
		"""cashfree.md section 4: SUCCESS with is_captured false is not paid."""
		event = self.status("HOLD1")
		self.assertEqual((event.outcome, event.amount), (Outcome.AUTHORIZED, Decimal("1499.00")))
		self.assertEqual(self.simulator.captures("cashfree"), [])

	def test_capture_takes_the_money_once(self):
		held = self.status("HOLD1")
		taken = self.gateway.capture(ref("HOLD1"), held, "CAP1")
		self.assertEqual((taken.outcome, taken.payment_id), (Outcome.PAID, held.payment_id))
		again = self.gateway.capture(ref("HOLD1"), held, "CAP2")
		self.assertEqual(again.payment_id, taken.payment_id)
		self.assertEqual(len(self.simulator.captures("cashfree")), 1)

	def test_a_capture_that_timed_out_is_answered_by_its_key(self):
		held = self.status("HOLD1")
		self.simulator.faults.add("cashfree", "capture", "timeout_after")
		with self.assertRaises(MaybeSent):
			self.gateway.capture(ref("HOLD1"), held, "CAP1")
		self.assertEqual(self.gateway.capture(ref("HOLD1"), held, "CAP1").outcome, Outcome.PAID)

	def test_captures_and_refunds_carry_their_idempotency_key(self):
		"""P10. cashfree.md section 8: a retry must bring the same key."""
		self.gateway.capture(ref("HOLD1"), self.status("HOLD1"), "CAP5")
		self.gateway.refund(refund_of("HOLD1", key="RF5"))
		self.assertTrue({"CAP5", "RF5"} <= set(self.simulator.providers["cashfree"].idempotent_responses))

	def test_the_captured_amount_counts_not_the_held_one(self):
		payment = {"payment_status": "SUCCESS", "is_captured": True, "cf_payment_id": "1"}
		payment |= {"payment_amount": 1499, "payment_currency": "INR"}
		payment["authorization"] = {"action": "CAPTURE", "status": "SUCCESS", "captured_amount": 999}
		self.assertEqual(payment_event(payment, "HOLD1").amount, Decimal("999"))

	def test_a_partial_capture_counts_what_was_captured(self):
		held = self.status("HOLD1")
		body = json_of({"action": "CAPTURE"}, amount="999.00")
		self.gateway._client.ask("POST", "/orders/HOLD1/authorization", key="CAP3", data=body)
		self.assertEqual(self.status("HOLD1").amount, Decimal("999.00"))
		self.assertEqual(held.outcome, Outcome.AUTHORIZED)

	def test_a_hold_that_was_released_is_failed(self):
		body = json_of({"action": "VOID"})
		self.gateway._client.ask("POST", "/orders/HOLD1/authorization", key="VOID1", data=body)
		self.assertEqual(self.status("HOLD1").outcome, Outcome.FAILED)
		with self.assertRaises(GatewayRefused):
			self.gateway.capture(ref("HOLD1"), self.status("HOLD1"), "CAP4")

	def test_a_capture_under_way_is_pending(self):
		payment = {
			"payment_status": "SUCCESS",
			"is_captured": False,
			"cf_payment_id": "1",
			"payment_amount": 5,
			"payment_currency": "INR",
			"authorization": {"action": "CAPTURE", "status": "PENDING"},
		}
		self.assertEqual(payment_event(payment, "HOLD1").outcome, Outcome.PENDING)


class TestCancel(WithSimulator):
	def test_an_open_order_is_closed_for_good(self):
		self.open("CAN1")
		self.assertEqual(self.gateway.cancel(ref("CAN1")).outcome, Outcome.CANCELLED)
		self.assertEqual(self.status("CAN1").outcome, Outcome.CANCELLED)

	def test_an_order_with_an_open_attempt_is_only_ending(self):
		"""cashfree.md section 6: TERMINATION_REQUESTED is not final, the attempt may still succeed."""
		self.open("CAN2")
		self.simulator.pay("cashfree", "CAN2", outcome="pending")
		self.assertEqual(self.gateway.cancel(ref("CAN2")).outcome, Outcome.PENDING)
		self.simulator.finish("cashfree", "CAN2")
		self.assertEqual(self.status("CAN2").outcome, Outcome.PAID)

	def test_a_paid_order_answers_that_it_is_paid(self):
		payment_id = self.paid("CAN3")
		event = self.gateway.cancel(ref("CAN3"))
		self.assertEqual((event.outcome, event.payment_id), (Outcome.PAID, payment_id))

	def test_an_unknown_order_is_not_found(self):
		self.assertEqual(self.gateway.cancel(ref("NEVER")).outcome, Outcome.NOT_FOUND)


class TestRefunds(WithSimulator):
	def test_a_refund_is_pending_first_and_refunded_later(self):
		payment_id = self.paid("REF1")
		first = self.gateway.refund(refund_of("REF1", payment_id, "500.00"))
		self.assertEqual((first.outcome, first.payment_id), (RefundOutcome.PROCESSING, payment_id))
		self.simulator.finish_refund("cashfree", "RF1")
		later = self.gateway.refund_status(refund_of("REF1", payment_id, "500.00"))
		self.assertEqual((later.outcome, later.amount), (RefundOutcome.REFUNDED, Decimal("500.00")))
		self.assertEqual((later.key, later.refund_id), ("RF1", first.refund_id))

	def test_an_instant_refund_is_asked_for_as_such(self):
		payment_id = self.paid("REF2")
		done = self.gateway.refund(refund_of("REF2", payment_id, speed="instant"))
		self.assertEqual(done.outcome, RefundOutcome.REFUNDED)

	def test_a_refund_that_timed_out_is_made_once_and_found_by_our_key(self):
		"""R13, R14."""
		payment_id = self.paid("REF3")
		self.simulator.faults.add("cashfree", "refund", "timeout_after")
		with self.assertRaises(MaybeSent):
			self.gateway.refund(refund_of("REF3", payment_id))
		self.assertEqual(self.gateway.refund(refund_of("REF3", payment_id)).outcome, RefundOutcome.PROCESSING)
		self.assertEqual(len(self.simulator.refunds("cashfree")), 1)

	def test_a_refund_id_that_exists_already_is_looked_up(self):
		payment_id = self.paid("REF4")
		self.gateway.refund(refund_of("REF4", payment_id))
		self.simulator.finish_refund("cashfree", "RF1", "failure")
		again = self.gateway.refund(refund_of("REF4", payment_id, reason="Another text"))
		self.assertEqual(again.outcome, RefundOutcome.FAILED)

	def test_too_much_is_refused_and_an_unknown_refund_not_found(self):
		payment_id = self.paid("REF5")
		with self.assertRaises(GatewayRefused) as caught:
			self.gateway.refund(refund_of("REF5", payment_id, "1499.01"))
		self.assertEqual(caught.exception.gateway_code, "refund_amount_invalid")
		self.assertEqual(self.gateway.refund_status(refund_of("REF5")).outcome, RefundOutcome.NOT_FOUND)

	def test_partial_refunds_are_added_up_by_the_gateway(self):
		payment_id = self.paid("REF6")
		for key in ("RF1", "RF2"):
			self.gateway.refund(refund_of("REF6", payment_id, "700.00", key))
		with self.assertRaises(GatewayRefused):
			self.gateway.refund(refund_of("REF6", payment_id, "700.00", "RF3"))


if __name__ == "__main__":
	unittest.main()
