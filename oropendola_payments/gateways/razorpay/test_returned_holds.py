"""Payments that were authorized, never captured, and given back by Razorpay: nothing was taken and nothing refunded.

https://razorpay.com/docs/payments/refunds/auto-refunds
"""

import json
import unittest

from oropendola_payments.gateways.base import HOLD_RETURNED, Outcome, PaymentEvent, RefundEvent
from oropendola_payments.gateways.razorpay.test_case import RazorpayCase, webhook


class TestReturnedHolds(RazorpayCase):
	def setUp(self):
		super().setUp()
		self.configure(capture="manual")
		self.payment, self.held = self.pay()
		self.simulator.webhooks.clear()

	def give_back(self):
		self.provider.return_hold(self.held.payment_id)

	def another_payment(self, state: str) -> str:
		"""The id of a second payment of the same order."""
		ledger = self.provider.ledger
		payment_id = f"pay_Sim{ledger.next_number():013d}"
		ledger.add_charge(ledger.find_order(self.payment.order_id), payment_id, state)
		return payment_id

	def test_a_hold_that_was_given_back_is_no_payment_and_has_no_refund(self):
		"""P20: its state is `refunded`, but `captured` is false."""
		self.give_back()
		event = self.status(self.payment)
		self.assertEqual((event.outcome, event.error_code), (Outcome.FAILED, HOLD_RETURNED))
		self.assertEqual((self.held.outcome, event.details["status"]), (Outcome.AUTHORIZED, "refunded"))

	def test_it_says_nothing_about_another_payment_of_its_order(self):
		self.give_back()
		for state, outcome in (
			("pending", Outcome.PENDING),
			("authorized", Outcome.AUTHORIZED),
			("captured", Outcome.PAID),
		):
			with self.subTest(state):
				other = self.another_payment(state)
				events = self.gateway.status(self.payment)
				self.assertNotIn(Outcome.FAILED, [event.outcome for event in events])
				self.assertEqual((events[0].payment_id, events[0].outcome), (other, outcome))
				self.assertFalse([event for event in events if isinstance(event, RefundEvent)])

	def test_a_declined_payment_beside_it_does_not_keep_the_order_open(self):
		self.give_back()
		self.another_payment("failed")
		outcomes = [event.outcome for event in self.gateway.status(self.payment)]
		self.assertEqual(outcomes, [Outcome.PENDING, Outcome.FAILED])

	def test_its_refund_webhooks_report_the_payment_and_must_be_confirmed(self):
		self.give_back()
		notices = self.notices()
		self.assertEqual([n.event_type for n in notices], ["refund.created", "refund.processed"])
		for notice in notices:
			(event,) = notice.events
			self.assertIsInstance(event, PaymentEvent)
			self.assertEqual((event.outcome, notice.confirm), (Outcome.FAILED, True))
			self.assertEqual((notice.reference, notice.order_id), (self.reference, self.payment.order_id))

	def test_a_refund_with_our_key_is_never_taken_for_a_hold(self):
		refund = {"id": "rfnd_1", "payment_id": "pay_1", "amount": 100, "currency": "INR"}
		payment = {"entity": {"id": "pay_1", "status": "refunded", "captured": False}}
		entity = {**refund, "status": "processed", "notes": {"refund": "RF0001"}}
		body = {"event": "refund.processed", "payload": {"refund": {"entity": entity}, "payment": payment}}
		(event,) = self.gateway.receive(webhook(json.dumps(body).encode())).events
		self.assertEqual((type(event), event.key), (RefundEvent, "RF0001"))

	def test_a_hold_that_was_given_back_meanwhile_is_not_captured(self):
		self.give_back()
		event = self.gateway.capture(self.payment, self.held, "capture-1")
		self.assertEqual((event.outcome, self.charged()), (Outcome.FAILED, []))


if __name__ == "__main__":
	unittest.main()
