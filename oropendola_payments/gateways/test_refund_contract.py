"""What the engine relies on when money is refunded, for all adapters against the simulator."""

import unittest
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from decimal import Decimal

from oropendola_payments.gateways.base import Gateway, Outcome, PaymentEvent, RefundOutcome, RefundRequest
from oropendola_payments.gateways.errors import CredentialsRefused, GatewayRefused, MaybeSent
from oropendola_payments.tests.support.contract_case import (
	AMOUNT,
	AMOUNT_MINOR,
	ContractCase,
	over_every_adapter,
)

# PhonePe's status answer has no refunds, and there is no list of them: each is queried by its own number.
REPORTS_NO_REFUNDS = ("phonepe",)
MADE = (RefundOutcome.REFUNDED, RefundOutcome.PROCESSING)


class TestEveryRefund(ContractCase):
	def paid_refund(self, cls: type[Gateway], amount: Decimal = AMOUNT) -> tuple[Gateway, RefundRequest]:
		"""An adapter with a payment that was captured, and a refund of it that was not sent yet."""
		adapter, request = self.build(cls), self.request(cls.code)
		return adapter, self.refund_request(request, *self.paid(adapter, request), amount)

	def refunded(self, code: str) -> list[int]:
		return [refund.amount_minor for refund in self.simulator.refunds(code)]

	def an_hour_later(self, adapter: Gateway, wanted: RefundRequest) -> list:
		"""The status when the payment is old enough to have refunds."""
		created_at = datetime.now(timezone.utc) - timedelta(hours=1)
		return adapter.status(replace(wanted.payment, created_at=created_at))

	@over_every_adapter
	def test_the_same_refund_twice_sends_the_money_once(self, code, cls):
		adapter, wanted = self.paid_refund(cls, Decimal("100"))
		first, second = adapter.refund(wanted), adapter.refund(wanted)
		self.assertEqual((first.refund_id, self.refunded(code)), (second.refund_id, [10000]))

	@over_every_adapter
	def test_a_refund_without_an_answer_is_found_by_our_key_and_not_sent_again(self, code, cls):
		"""R13, R14."""
		adapter, wanted = self.paid_refund(cls)
		self.simulator.faults.add(code, "refund", "timeout_after")
		with self.assertRaises(MaybeSent):
			adapter.refund(wanted)
		self.assertIn(adapter.refund_status(wanted).outcome, MADE)
		self.assertIn(adapter.refund(wanted).outcome, MADE)
		self.assertEqual(self.refunded(code), [AMOUNT_MINOR])

	@over_every_adapter
	def test_a_refund_that_never_arrived_is_not_found_and_can_be_sent_again(self, code, cls):
		adapter, wanted = self.paid_refund(cls)
		self.simulator.faults.add(code, "refund", "timeout_before")
		with self.assertRaises(MaybeSent):
			adapter.refund(wanted)
		self.assertEqual(adapter.refund_status(wanted).outcome, RefundOutcome.NOT_FOUND)
		self.assertIn(adapter.refund(wanted).outcome, MADE)
		self.assertEqual(self.refunded(code), [AMOUNT_MINOR])

	@over_every_adapter
	def test_a_refund_that_was_never_made_is_not_found(self, code, cls):
		adapter, wanted = self.paid_refund(cls)
		self.assertEqual(adapter.refund_status(wanted).outcome, RefundOutcome.NOT_FOUND)

	@over_every_adapter
	def test_the_end_of_a_refund_is_reported(self, code, cls):
		for ending, outcome in (("success", RefundOutcome.REFUNDED), ("failure", RefundOutcome.FAILED)):
			self.simulator.reset()
			adapter, wanted = self.paid_refund(cls)
			made = adapter.refund(wanted)
			self.simulator.finish_refund(code, wanted.key, ending)
			known = replace(wanted, refund_id=made.refund_id)
			self.assertEqual(
				[adapter.refund_status(one).outcome for one in (wanted, known)], [outcome] * 2, ending
			)

	@over_every_adapter
	def test_more_than_was_captured_is_not_refunded(self, code, cls):
		"""R15."""
		adapter, wanted = self.paid_refund(cls, AMOUNT + Decimal("0.01"))
		with self.assertRaises(GatewayRefused):
			adapter.refund(wanted)
		self.assertEqual(self.refunded(code), [])

	@over_every_adapter
	def test_a_refund_with_wrong_keys_is_refused_for_its_keys(self, code, cls):
		_adapter, wanted = self.paid_refund(cls)
		with self.assertRaises(CredentialsRefused):
			self.build(cls, key_secret="sk_test_obviously_wrong").refund(wanted)
		self.assertEqual(self.refunded(code), [])

	@over_every_adapter
	def test_a_refund_from_the_dashboard_is_reported_behind_the_payment(self, code, cls):
		adapter, wanted = self.paid_refund(cls)
		self.simulator.refund_from_dashboard(code, wanted.payment.reference, 12345)
		payment, *refunds = self.an_hour_later(adapter, wanted)
		self.assertEqual(
			(payment.outcome, payment.payment_id, payment.amount), (Outcome.PAID, wanted.payment_id, AMOUNT)
		)
		found = [(r.outcome, r.payment_id, r.amount, r.currency) for r in refunds]
		expected = (RefundOutcome.REFUNDED, wanted.payment_id, Decimal("123.45"), wanted.currency)
		self.assertEqual(found, [] if code in REPORTS_NO_REFUNDS else [expected])
		self.assertTrue(all(refund.refund_id for refund in refunds))

	@over_every_adapter
	def test_a_refund_of_ours_is_reported_behind_the_payment_with_our_key(self, code, cls):
		adapter, wanted = self.paid_refund(cls)
		adapter.refund(wanted)
		keys = [refund.key for refund in self.an_hour_later(adapter, wanted)[1:]]
		self.assertEqual(keys, [] if code in REPORTS_NO_REFUNDS else [wanted.key])

	@over_every_adapter
	def test_a_fully_refunded_payment_is_still_reported_paid(self, code, cls):
		adapter, wanted = self.paid_refund(cls)
		adapter.refund(wanted)
		self.simulator.finish_refund(code, wanted.key)
		payment = self.an_hour_later(adapter, wanted)[0]
		self.assertIsInstance(payment, PaymentEvent)
		self.assertEqual((payment.outcome, payment.amount), (Outcome.PAID, AMOUNT))


if __name__ == "__main__":
	unittest.main()
