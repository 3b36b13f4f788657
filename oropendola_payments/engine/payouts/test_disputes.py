"""Payouts say what became of a disputed payment, also when the gateway's messages about the dispute were lost."""

from datetime import datetime, timedelta, timezone

import frappe
from frappe.utils import now_datetime

from oropendola_payments.engine.jobs import payout_jobs
from oropendola_payments.engine.monitoring import alert_rules
from oropendola_payments.engine.payouts import differences, fetch, reconcile
from oropendola_payments.engine.payouts.test_record import GATEWAY, PayoutCase, line
from oropendola_payments.engine.settlement import disputes
from oropendola_payments.gateways.base import DisputeEvent
from oropendola_payments.gateways.payouts import LineKind, PayoutLine
from oropendola_payments.tests.support import payouts as support
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.simulated import deliver, simulator

KIND = "Dispute Not Recorded"
WITH_DISPUTES = ("stripe", "razorpay", "cashfree", "payu", "paypal")


class TestLostMessages(TestCase):
	def test_a_lost_dispute_whose_message_was_lost_is_found_in_the_payout(self):
		"""R36, B12: a refund now would be the second time that the money leaves."""
		for gateway in WITH_DISPUTES:
			with self.subTest(gateway):
				support.start_afresh(gateway)
				self.addCleanup(support.start_afresh, gateway)
				support.paid(gateway)  # so that the payout is not negative
				support.paid(gateway)
				journey = support.paid(gateway)
				capture = journey.captures()[0]
				simulator().dispute(gateway, journey.attempts()[0], "lost")
				messages = journey.take_webhooks()
				simulator().settle(gateway)
				fetch.fetch(gateway)
				reconcile.check_due()
				taken = -float(capture.amount)
				self.assertEqual(support.differences(gateway), [(KIND, capture.gateway_payment_id, taken)])
				self.assertEqual(journey.captures()[0].dispute_state, "Open")
				self.assertIsNone(journey.refund())
				self.assertIn(capture.gateway_payment_id, journey.doc().review_reason)
				self.assertIn("dispute_in_payout", journey.events())
				(alert,) = [f for f in alert_rules.payouts() if f"dispute-{capture.name}" in f.records]
				self.assertEqual(alert.kind, "Payout Differences")
				for message in messages:
					deliver(message)
				payout_jobs.run_payouts()
				self.assertEqual(support.differences(gateway), [])
				self.assertEqual(journey.captures()[0].dispute_state, "Lost")


class TestWhatPayoutsSay(PayoutCase):
	def setUp(self):
		super().setUp()
		self.journey, self.messages = support.paid(GATEWAY), 0
		self.capture = self.journey.captures()[0]
		self.pay_out(line("", 49900, self.capture.gateway_payment_id))

	def pay_out(self, one: PayoutLine):
		self.payout = f"setl-{frappe.generate_hash(length=10)}"
		values = {"payout_id": self.payout}
		self.record([PayoutLine(**{**one.__dict__, **values})])

	def dispute(self, minor: int):
		row = frappe.generate_hash(length=10)
		self.pay_out(PayoutLine("", LineKind.DISPUTE, minor, "INR", row, self.capture.gateway_payment_id))

	def told(self, state: str):
		"""A message about the dispute arrives, newer than the one before."""
		self.messages += 1
		at = datetime(2026, 1, self.messages, tzinfo=timezone.utc)
		values = {"payment_id": self.capture.gateway_payment_id, "dispute_id": "disp_1", "occurred_at": at}
		disputes.record(GATEWAY, DisputeEvent(state, **values))

	def found(self) -> tuple:
		return support.differences(GATEWAY), self.journey.captures()[0].dispute_state

	def kinds(self) -> list:
		return [kind for kind, *_rest in self.found()[0]]

	def test_a_dispute_that_messages_told_of_differs_in_nothing(self):
		self.told("lost")
		self.dispute(-49900)
		self.assertEqual(self.found(), ([], "Lost"))

	def test_money_that_a_later_payout_gives_back_can_be_refunded_again(self):
		self.dispute(-49900)
		self.assertEqual((self.kinds(), self.journey.captures()[0].dispute_state), ([KIND], "Open"))
		self.dispute(49900)
		self.assertEqual(self.found(), ([], ""))
		self.assertIn("dispute_in_payout_gone", self.journey.events())
		self.assertIsNotNone(self.journey.refund(100))

	def test_what_was_taken_back_before_disputes_were_compared_is_found_by_the_daily_job(self):
		self.dispute(-49900)
		frappe.db.delete("Payment Payout Difference", {"gateway": GATEWAY})
		frappe.db.set_value("Payment Capture", self.capture.name, {"disputes": None, "dispute_state": None})
		frappe.db.commit()
		payout_jobs.run_payouts()
		self.assertEqual((self.kinds(), self.journey.captures()[0].dispute_state), ([KIND], "Open"))

	def test_a_part_that_was_taken_back_counts_too(self):
		self.dispute(-1)
		self.assertEqual((self.kinds(), self.journey.captures()[0].dispute_state), ([KIND], "Open"))

	def test_what_was_taken_back_in_the_currency_of_the_payout_counts_too(self):
		"""Not every report says what it was in the currency in which the customer paid."""
		for minor, state in ((-560, "Open"), (560, "")):
			row = frappe.generate_hash(length=10)
			self.pay_out(PayoutLine("", LineKind.DISPUTE, minor, "USD", row, self.capture.gateway_payment_id))
			found = [one for one in self.found()[0] if one[0] == KIND]
			expected = [(KIND, self.capture.gateway_payment_id, -499.0)] if state else []
			self.assertEqual((found, self.journey.captures()[0].dispute_state), (expected, state))

	def test_accepting_it_does_not_make_a_refund_possible(self):
		self.dispute(-49900)
		differences.accept(f"dispute-{self.capture.name}", "The dispute is real.")
		payout_jobs.run_payouts()
		self.assertEqual(self.found(), ([], "Open"))
		self.assertIsNone(self.journey.refund())

	def test_the_first_message_decides_from_then_on(self):
		self.dispute(-49900)
		self.told("won")
		self.assertEqual(self.journey.captures()[0].dispute_state, "Won", "without waiting for the job")
		reconcile.recheck(GATEWAY)
		self.assertEqual(self.found(), ([], "Won"))

	def test_money_that_was_given_back_while_it_counts_as_disputed_is_a_difference(self):
		self.told("lost")
		self.dispute(-49900)
		self.dispute(49900)
		self.assertEqual(self.found(), ([(KIND, self.capture.gateway_payment_id, 499.0)], "Lost"))
		self.told("won")
		reconcile.recheck(GATEWAY)
		self.assertEqual(self.found(), ([], "Won"))

	def test_money_of_a_dispute_that_was_won_is_missed_after_the_days_of_its_gateway(self):
		self.told("open")
		self.dispute(-49900)
		self.told("won")
		payout_jobs.run_payouts()
		self.assertEqual(self.found(), ([], "Won"))
		support.set_payouts(GATEWAY, payouts_since=now_datetime().date() - timedelta(days=60))
		long_ago = now_datetime() - timedelta(days=8)
		for doctype, filters in (
			("Payment Capture", self.capture.name),
			("Payment Payout Line", {"capture": self.capture.name}),
		):
			earlier = {"modified": long_ago, "creation": long_ago - timedelta(days=1)}
			frappe.db.set_value(doctype, filters, earlier, update_modified=False)
		frappe.db.commit()
		payout_jobs.run_payouts()
		self.assertIn(KIND, self.kinds())
		self.assertEqual(self.journey.captures()[0].dispute_state, "Won")
		self.dispute(49900)
		self.assertNotIn(KIND, self.kinds())
