"""A refund that is said to be done and to have failed: the newest fact holds, and where none is newer the gateway is asked."""

from datetime import datetime, timedelta, timezone

from oropendola_payments.engine.refunds import notices
from oropendola_payments.exceptions import Conflict
from oropendola_payments.gateways.base import RefundEvent, RefundOutcome
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.paid import paid_journey, status_of

NOON = datetime(2026, 1, 1, 12, tzinfo=timezone.utc)
LATER = NOON + timedelta(hours=1)


class TestTheNewestFactHolds(TestCase):
	def setUp(self):
		self.journey = paid_journey("payu")
		self.refund = self.journey.refund(499)["refund"]

	def told(self, outcome: RefundOutcome, at: datetime | None = None):
		event = RefundEvent(outcome, key=self.refund, refund_id="131", occurred_at=at)
		notices.record_notice("payu", event)

	def stands(self, status: str, left: int):
		found = status_of(self.refund), self.journey.captures()[0].refundable()
		self.assertEqual(found, (status, left))

	def test_an_older_failure_frees_nothing(self):
		self.told(RefundOutcome.REFUNDED, LATER)
		self.told(RefundOutcome.FAILED, NOON)
		self.stands("Refunded", 0)
		self.assertEqual(self.journey.status(), "Refunded")

	def test_a_newer_failure_frees_the_balance(self):
		"""A bank may send the money back days after the refund was done."""
		self.told(RefundOutcome.REFUNDED, NOON)
		self.told(RefundOutcome.FAILED, LATER)
		self.stands("Failed", 499)

	def test_an_older_success_does_not_hide_that_the_money_came_back(self):
		self.told(RefundOutcome.FAILED, LATER)
		self.told(RefundOutcome.REFUNDED, NOON)
		self.stands("Failed", 499)

	def test_a_repeated_fact_is_as_new_as_its_last_message(self):
		self.told(RefundOutcome.REFUNDED, NOON)
		self.told(RefundOutcome.REFUNDED, LATER)
		self.told(RefundOutcome.FAILED, NOON + timedelta(minutes=1))
		self.stands("Refunded", 0)

	def test_without_times_the_gateway_is_asked(self):
		self.journey.sim.finish_refund("payu", self.refund)
		self.told(RefundOutcome.REFUNDED)
		self.told(RefundOutcome.FAILED)
		self.stands("Refunded", 0)
		self.journey.sim.finish_refund("payu", self.refund, "failure")
		self.told(RefundOutcome.FAILED)
		self.stands("Failed", 499)

	def test_at_the_same_moment_the_gateway_is_asked(self):
		self.journey.sim.finish_refund("payu", self.refund)
		self.told(RefundOutcome.FAILED, NOON)
		self.told(RefundOutcome.REFUNDED, NOON)
		self.stands("Refunded", 0)

	def test_while_the_gateway_does_not_say_the_message_waits(self):
		self.told(RefundOutcome.REFUNDED)
		with self.assertRaises(Conflict):
			self.told(RefundOutcome.FAILED)
		self.stands("Refunded", 0)
