"""Disputes of one payment are tracked one by one, and it is refundable again only when all are won."""

from datetime import datetime, timedelta, timezone

from oropendola_payments.engine.settlement import disputes
from oropendola_payments.engine.settlement.settle import settle
from oropendola_payments.exceptions import Conflict
from oropendola_payments.gateways.base import DisputeEvent
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.factories import enable_gateway
from oropendola_payments.tests.support.gateway_events import paid
from oropendola_payments.tests.support.journey import Journey
from oropendola_payments.tests.support.simulated import deliver

START = datetime(2026, 1, 1, tzinfo=timezone.utc)


class TestDisputes(TestCase):
	def setUp(self):
		self.journey = Journey("payu")
		settle("payu", paid(self.journey.start()))
		self.payment_id = self.journey.captures()[0].gateway_payment_id

	def notice(self, state: str, day: int | None = None, dispute_id: str | None = None) -> str:
		"""The dispute status of the payment after this notice."""
		at = None if day is None else START + timedelta(days=day)
		event = DisputeEvent(state, payment_id=self.payment_id, occurred_at=at, dispute_id=dispute_id)
		disputes.record("payu", event)
		return self.journey.captures()[0].dispute_state

	def test_a_second_dispute_after_a_won_one_is_recorded(self):
		self.notice("open", 0, "d1")
		self.notice("won", 1, "d1")
		self.assertEqual(self.notice("open", 2, "d2"), "Open")
		self.assertIsNone(self.journey.refund(100), "the customer would get the money twice")

	def test_a_second_dispute_is_recorded_without_times_and_ids(self):
		for first, second in (((None, "d1"), (None, "d2")), ((0, None), (1, None))):
			with self.subTest(second):
				self.setUp()
				self.notice("won", *first)
				self.assertEqual(self.notice("open", *second), "Open")

	def test_the_end_of_one_dispute_does_not_hide_another(self):
		self.notice("open", 0, "d1")
		self.notice("open", 1, "d2")
		self.assertEqual(self.notice("won", 2, "d1"), "Open")
		self.assertEqual(self.notice("lost", 3, "d2"), "Lost")
		self.assertEqual(self.notice("won", 4, "d3"), "Lost")

	def test_a_lost_dispute_can_later_be_won(self):
		"""Representment: the bank gives the money back to the merchant."""
		self.notice("lost", 1, "d1")
		self.assertEqual(self.notice("won", 2, "d1"), "Won")
		self.assertIsNotNone(self.journey.refund(100))

	def test_an_older_message_changes_nothing(self):
		self.notice("lost", 2, "d1")
		for state, day in (("open", 1), ("won", 0)):
			self.assertEqual(self.notice(state, day, "d1"), "Lost")

	def test_a_closed_dispute_is_not_reopened_by_an_undated_opening(self):
		for state in ("won", "lost"):
			self.notice(state, None, state)
			self.notice("open", None, state)
		self.assertEqual(self.journey.captures()[0].dispute_state, "Lost")

	def test_each_dispute_is_in_the_audit_trail_once_and_flags_the_invoice(self):
		for dispute in ("d1", "d2"):
			for _time in range(2):
				self.notice("open", 0, dispute)
		self.assertEqual(self.journey.events().count("dispute_open"), 2)
		self.assertTrue(self.journey.doc().needs_review)

	def test_a_notice_from_the_account_of_another_mode_changes_nothing(self):
		enable_gateway("payu", mode="Test", key_id="Qm7TzX", key_secret="s3LtDemo9Kx2-test")
		self.addCleanup(enable_gateway, "payu", key_id="", key_secret="")
		with self.assertRaises(Conflict):
			self.notice("lost", 0, "d1")
		self.assertFalse(self.journey.captures()[0].dispute_state)


class TestAdaptersNameTheDispute(TestCase):
	def test_adapters_distinguish_two_disputes_of_one_payment(self):
		for gateway in ("payu", "razorpay", "stripe", "cashfree"):
			with self.subTest(gateway):
				journey = Journey(gateway)
				attempt = journey.start()
				journey.deliver_return(journey.customer_pays(attempt))
				journey.deliver_all()
				for _dispute in range(2):
					journey.sim.dispute(gateway, attempt, "open")
					for message in journey.take_webhooks():
						deliver(message)
				self.assertEqual(journey.events().count("dispute_open"), 2)
