"""Contradicting events about a refund: the newest counts, and where none is newer the gateway is queried."""

from datetime import datetime, timedelta, timezone

from oropendola_payments.engine.refunds import notices
from oropendola_payments.exceptions import Conflict
from oropendola_payments.gateways.base import RefundEvent, RefundOutcome
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.paid import paid_journey, status_of

NOON = datetime(2026, 1, 1, 12, tzinfo=timezone.utc)
LATER = NOON + timedelta(hours=1)


class TestEventOrder(TestCase):
	def setUp(self):
		self.journey = paid_journey("payu")
		self.refund = self.journey.refund(499)["refund"]

	def report(self, outcome: RefundOutcome, at: datetime | None = None):
		event = RefundEvent(outcome, key=self.refund, refund_id="131", occurred_at=at)
		notices.record_notice("payu", event)

	def stands(self, status: str, left: int):
		found = status_of(self.refund), self.journey.captures()[0].refundable()
		self.assertEqual(found, (status, left))

	def test_an_older_failure_does_not_free_the_balance(self):
		"""R35."""
		self.report(RefundOutcome.REFUNDED, LATER)
		self.report(RefundOutcome.FAILED, NOON)
		self.stands("Refunded", 0)
		self.assertEqual(self.journey.status(), "Refunded")

	def test_a_newer_failure_frees_the_balance(self):
		"""A bank may return the money days after the refund was done."""
		self.report(RefundOutcome.REFUNDED, NOON)
		self.report(RefundOutcome.FAILED, LATER)
		self.stands("Failed", 499)

	def test_an_older_success_does_not_override_a_newer_failure(self):
		self.report(RefundOutcome.FAILED, LATER)
		self.report(RefundOutcome.REFUNDED, NOON)
		self.stands("Failed", 499)

	def test_a_repeated_event_has_the_time_of_its_last_notice(self):
		self.report(RefundOutcome.REFUNDED, NOON)
		self.report(RefundOutcome.REFUNDED, LATER)
		self.report(RefundOutcome.FAILED, NOON + timedelta(minutes=1))
		self.stands("Refunded", 0)

	def test_events_without_times_are_resolved_by_a_status_query(self):
		"""R35."""
		self.journey.sim.finish_refund("payu", self.refund)
		self.report(RefundOutcome.REFUNDED)
		self.report(RefundOutcome.FAILED)
		self.stands("Refunded", 0)
		self.journey.sim.finish_refund("payu", self.refund, "failure")
		self.report(RefundOutcome.FAILED)
		self.stands("Failed", 499)

	def test_events_with_equal_times_are_resolved_by_a_status_query(self):
		self.journey.sim.finish_refund("payu", self.refund)
		self.report(RefundOutcome.FAILED, NOON)
		self.report(RefundOutcome.REFUNDED, NOON)
		self.stands("Refunded", 0)

	def test_an_unresolved_notice_waits_for_the_status_query(self):
		self.report(RefundOutcome.REFUNDED)
		with self.assertRaises(Conflict):
			self.report(RefundOutcome.FAILED)
		self.stands("Refunded", 0)
