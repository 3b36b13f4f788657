"""Refunds through PayU: queued is not refunded, and a lost answer never gives the money back twice."""

from dataclasses import replace
from decimal import Decimal

from oropendola_payments.gateways.base import RefundOutcome, RefundRequest
from oropendola_payments.gateways.errors import BadAnswer, GatewayRefused, MaybeSent, NotSent
from oropendola_payments.gateways.payu.test_adapter import SimulatorCase, payment_ref


class TestRefunds(SimulatorCase):
	def setUp(self):
		super().setUp()
		self.pay()
		(charge,) = self.simulator.captures("payu")
		self.request = RefundRequest(
			payment_ref(), charge.payment_id, Decimal("500.00"), "INR", "RF00000000000000001A"
		)

	def given_back(self) -> list[int]:
		return [refund.amount_minor for refund in self.simulator.refunds("payu")]

	def test_an_accepted_refund_is_processing_until_payu_says_success(self):
		event = self.payu.refund(self.request)
		self.assertIs(event.outcome, RefundOutcome.PROCESSING)
		self.assertIs(self.payu.refund_status(self.request).outcome, RefundOutcome.PROCESSING)
		self.simulator.finish_refund("payu", self.request.key)
		done = self.payu.refund_status(self.request)
		self.assertEqual((done.outcome, done.refund_id), (RefundOutcome.REFUNDED, event.refund_id))
		self.assertEqual((done.amount, done.currency, done.key), (Decimal("500.00"), "INR", self.request.key))

	def test_a_refund_that_fails_at_the_bank_is_failed(self):
		self.payu.refund(self.request)
		self.simulator.finish_refund("payu", self.request.key, "failure")
		self.assertIs(self.payu.refund_status(self.request).outcome, RefundOutcome.FAILED)

	def test_a_refund_whose_answer_was_lost_is_found_by_its_key(self):
		"""R13, R14."""
		self.fault("refund", "timeout_after")
		with self.assertRaises(MaybeSent):
			self.payu.refund(self.request)
		found = self.payu.refund_status(self.request)
		self.assertEqual((found.outcome, found.amount), (RefundOutcome.PROCESSING, Decimal("500.00")))

	def test_trying_again_with_the_same_key_gives_back_once(self):
		self.fault("refund", "error_500_after")
		with self.assertRaises(MaybeSent):
			self.payu.refund(self.request)
		again = self.payu.refund(self.request)
		self.assertEqual(again.outcome, RefundOutcome.PROCESSING)
		self.assertEqual(self.given_back(), [50000])

	def test_a_used_key_with_another_amount_answers_the_first_refund(self):
		self.payu.refund(self.request)
		other = self.payu.refund(replace(self.request, amount=Decimal("20.00")))
		self.assertEqual((other.amount, self.given_back()), (Decimal("500.00"), [50000]))

	def test_a_refund_that_never_arrived_is_not_found(self):
		self.fault("refund", "timeout_before")
		with self.assertRaises(MaybeSent):
			self.payu.refund(self.request)
		self.assertIs(self.payu.refund_status(self.request).outcome, RefundOutcome.NOT_FOUND)

	def test_two_partial_refunds_are_two_and_more_than_the_rest_is_refused(self):
		"""R15."""
		self.payu.refund(self.request)
		self.payu.refund(replace(self.request, key="RF2", amount=Decimal("999.50")))
		with self.assertRaisesRegex(GatewayRefused, "Invalid amount"):
			self.payu.refund(replace(self.request, key="RF3", amount=Decimal("0.01")))
		self.assertEqual(self.given_back(), [50000, 99950])

	def test_each_refund_has_its_own_state(self):
		"""R11: two refunds of one payment are told apart by their token."""
		other = replace(self.request, key="RF2", amount=Decimal("1.00"))
		self.payu.refund(self.request)
		self.payu.refund(other)
		self.simulator.finish_refund("payu", "RF2")
		self.assertIs(self.payu.refund_status(self.request).outcome, RefundOutcome.PROCESSING)
		self.assertIs(self.payu.refund_status(other).outcome, RefundOutcome.REFUNDED)

	def test_the_longest_key_of_ours_fits_into_payus_token(self):
		self.assertLessEqual(len(self.request.key), 23)
		self.payu.refund(self.request)
		self.assertEqual(self.simulator.refunds("payu")[0].key, self.request.key)

	def test_error_codes_are_sorted_by_whether_a_repetition_is_safe(self):
		"""docs.payu.in/docs/error-codes-for-refund-initiation"""
		self.addCleanup(self.simulator.configure, "payu", refund_error=0)
		sorted_codes = {
			NotSent: (120, 267, 302, 214),
			BadAnswer: (106, 109, 227),
			GatewayRefused: (105, 111, 116, 117, 128, 130, 233, 234, 235, 255, 263, 999),
		}
		for kind, codes in sorted_codes.items():
			for code in codes:
				self.simulator.configure("payu", refund_error=code)
				with self.subTest(code=code), self.assertRaises(kind) as caught:
					self.payu.refund(self.request)
				self.assertIs(type(caught.exception), kind)
				self.assertEqual(caught.exception.gateway_code, str(code))

	def test_a_refund_that_payu_looks_at_tomorrow_is_processing(self):
		"""225 and 226: same-day captures and a short balance."""
		self.addCleanup(self.simulator.configure, "payu", refund_error=0)
		for code in (225, 226):
			self.simulator.configure("payu", refund_error=code)
			with self.subTest(code=code):
				self.assertIs(self.payu.refund(self.request).outcome, RefundOutcome.PROCESSING)
