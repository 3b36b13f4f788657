"""Cashfree's attempts and orders as our events."""

import unittest
from decimal import Decimal

from oropendola_payments.gateways.base import Outcome
from oropendola_payments.gateways.cashfree.mapping import id_of, payment_event, unpaid_event
from oropendola_payments.gateways.parsing import parse_object


class TestStates(unittest.TestCase):
	def test_an_order_that_ended_with_an_attempt_in_progress_is_pending(self):
		"""R6: the attempt may still take the money."""
		for order_status in ("EXPIRED", "TERMINATED"):
			for attempt, outcome in (("PENDING", Outcome.PENDING), ("NEW_WORD", Outcome.PENDING)):
				attempts = [{"payment_status": "FAILED"}, {"payment_status": attempt}]
				self.assertEqual(
					unpaid_event({"order_status": order_status}, attempts, "PAY17", None).outcome, outcome
				)
			ended = unpaid_event(
				{"order_status": order_status}, [{"payment_status": "FAILED"}], "PAY17", None
			)
			self.assertIn(ended.outcome, (Outcome.EXPIRED, Outcome.CANCELLED))

	def test_a_service_charge_is_not_part_of_the_amount(self):
		"""Its fields say that it was added on top of the order's amount."""
		payment = {"payment_status": "SUCCESS", "cf_payment_id": "1", "payment_currency": "INR"}
		amounts = {"order_amount": Decimal("1499.00"), "payment_amount": Decimal("1520.50")}
		surcharge = {
			"payment_surcharge_service_charge": Decimal("18.22"),
			"payment_surcharge_service_tax": Decimal("3.28"),
		}
		charged = payment_event({**payment, **amounts, "payment_surcharge": surcharge}, "PAY16")
		self.assertEqual((charged.amount, charged.may_include_fee), (Decimal("1499.00"), False))
		less = {**amounts, "payment_amount": Decimal("1400.00")}
		self.assertEqual(payment_event({**payment, **less}, "PAY16").amount, Decimal("1400.00"))

	def test_more_than_the_order_without_a_service_charge_is_recorded_as_it_came_and_marked(self):
		payment = {"payment_status": "SUCCESS", "cf_payment_id": "1", "payment_currency": "INR"}
		amounts = {"order_amount": Decimal("499.00"), "payment_amount": Decimal("599.00")}
		for surcharge in (
			None,
			{},
			{"payment_surcharge_service_charge": 0},
			{"payment_surcharge_service_charge": "x"},
		):
			event = payment_event({**payment, **amounts, "payment_surcharge": surcharge}, "PAY16")
			self.assertEqual((event.amount, event.may_include_fee), (Decimal("599.00"), True), surcharge)

	def test_what_a_service_charge_does_not_explain_is_a_surplus(self):
		payment = {"payment_status": "SUCCESS", "cf_payment_id": "1", "payment_currency": "INR"}
		amounts = {"order_amount": Decimal("499.00"), "payment_amount": Decimal("599.00")}
		surcharge = {"payment_surcharge_service_charge": Decimal("10.00")}
		event = payment_event({**payment, **amounts, "payment_surcharge": surcharge}, "PAY16")
		self.assertEqual((event.amount, event.may_include_fee), (Decimal("589.00"), False))

	def test_an_unknown_state_is_never_paid(self):
		for status in ("SUCCEEDED", "success", None, 1, ["SUCCESS"], "FLAGGED"):
			payment = {
				"payment_status": status,
				"cf_payment_id": "1",
				"payment_amount": 1,
				"payment_currency": "INR",
			}
			self.assertEqual(payment_event(payment, "PAY12").outcome, Outcome.PENDING)

	def test_a_success_without_id_amount_or_currency_is_not_paid(self):
		whole = {
			"payment_status": "SUCCESS",
			"cf_payment_id": 5,
			"payment_amount": "2.50",
			"payment_currency": "inr",
		}
		self.assertEqual(payment_event(whole, "PAY13").amount, Decimal("2.50"))
		for name in ("cf_payment_id", "payment_amount", "payment_currency"):
			broken = {**whole, name: True}
			self.assertEqual(payment_event(broken, "PAY13").outcome, Outcome.PENDING)

	def test_ids_are_text_whatever_they_come_as(self):
		"""cashfree.md pitfall 7: string ids handled as numbers; before 2023-08-01 and in disputes they are numbers."""
		for number in (1453002795, "1453002795"):
			self.assertEqual(id_of(number), "1453002795")
		for nonsense in (None, True, 1.5, [], {}, ""):
			self.assertIsNone(id_of(nonsense))

	def test_numbers_in_sentences_are_masked(self):
		payment = parse_object(b'{"payment_message":"customer 9876543210 dropped"}', "Cashfree")
		self.assertEqual(payment_event(payment, "X").reason, "customer … dropped")

	def test_the_captured_amount_counts_not_the_held_one(self):
		payment = {"payment_status": "SUCCESS", "is_captured": True, "cf_payment_id": "1"}
		payment |= {"payment_amount": 1499, "payment_currency": "INR"}
		payment["authorization"] = {"action": "CAPTURE", "status": "SUCCESS", "captured_amount": 999}
		self.assertEqual(payment_event(payment, "HOLD1").amount, Decimal("999"))

	def test_a_capture_in_progress_is_pending(self):
		payment = {
			"payment_status": "SUCCESS",
			"is_captured": False,
			"cf_payment_id": "1",
			"payment_amount": 5,
			"payment_currency": "INR",
			"authorization": {"action": "CAPTURE", "status": "PENDING"},
		}
		self.assertEqual(payment_event(payment, "HOLD1").outcome, Outcome.PENDING)


if __name__ == "__main__":
	unittest.main()
