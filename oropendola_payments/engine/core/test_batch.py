from datetime import timedelta

import frappe
from frappe.utils import now_datetime

from oropendola_payments.engine.core import batch
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.journey import Journey


class TestBatches(TestCase):
	def worked_through(self, **filters) -> list[str]:
		seen = []
		batch.for_each("Payment Attempt", {"invoice": self.journey.invoice, **filters}, seen.append)
		return seen

	def setUp(self):
		self.journey = Journey("payu")
		self.attempt = self.journey.start()

	def set_next_check(self, moment):
		frappe.db.set_value("Payment Attempt", self.attempt, "next_check_at", moment)

	def test_only_due_records_are_processed(self):
		for moment, expected in (
			(now_datetime() - timedelta(days=9), 1),
			(now_datetime() + timedelta(days=9), 0),
		):
			self.set_next_check(moment)
			self.assertEqual(len(self.worked_through(next_check_at=("<=", now_datetime()))), expected)

	def test_a_record_without_a_due_time_is_never_processed(self):
		"""R23: an attempt that is paid or too old has no next check, which must not count as due."""
		self.set_next_check(None)
		self.assertEqual(self.worked_through(next_check_at=("<=", now_datetime())), [])

	def test_one_bad_record_does_not_stop_the_rest(self):
		"""R10: the sweep continues and logs the record that failed."""
		second, seen = self.journey.start(flow="embedded"), []

		def work(name: str):
			seen.append(name)
			if len(seen) == 1:
				raise ValueError("a bad record")

		batch.for_each("Payment Attempt", {"invoice": self.journey.invoice}, work)
		self.assertEqual(sorted(seen), sorted([self.attempt, second]))
		title = f"Payment Attempt {seen[0]} could not be processed"
		self.assertTrue(frappe.db.exists("Error Log", {"method": title}))

	def test_batches_neither_skip_nor_repeat_records(self):
		second, seen = self.journey.start(flow="embedded"), []
		whole, batch.BATCH = batch.BATCH, 1
		try:
			batch.for_each(
				"Payment Attempt",
				{"invoice": self.journey.invoice, "status": ("in", ("Created", "Processing"))},
				seen.append,
			)
		finally:
			batch.BATCH = whole
		self.assertEqual(seen, sorted([self.attempt, second]))
