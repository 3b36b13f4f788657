"""Numbers: consecutive without gaps, at most 16 characters, dates that never fall, a new series each financial year."""

from datetime import date, datetime, timedelta, timezone

import frappe

from oropendola_payments.engine.documents.numbering import (
	NUMBER,
	SERIES,
	Numberer,
	financial_year,
	with_numbers,
)
from oropendola_payments.engine.documents.types import Held
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.factories import unique
from oropendola_payments.tests.support.parallel import in_parallel
from oropendola_payments.tests.support.tax_documents import unused_prefix

BEFORE_MIDNIGHT = datetime(2027, 3, 31, 18, 29, 59, tzinfo=timezone.utc)  # 23:59:59 in India
MIDNIGHT = BEFORE_MIDNIGHT + timedelta(seconds=1)


class Crash(Exception):
	pass


class TestFinancialYear(TestCase):
	def test_it_starts_on_1_april_in_india_and_on_1_january_elsewhere(self):
		for day, india, elsewhere in (
			("2026-11-29", "2627", "2026"),
			("2027-03-31", "2627", "2027"),
			("2027-04-01", "2728", "2027"),
			("2027-01-01", "2627", "2027"),
			("2099-12-31", "9900", "2099"),
		):
			with self.subTest(day):
				self.assertEqual(financial_year(date.fromisoformat(day), "IN"), india)
				self.assertEqual(financial_year(date.fromisoformat(day), "DE"), elsewhere)


class NumberCase(TestCase):
	def setUp(self):
		self.numberer = Numberer(unique("registration"), "IN", unused_prefix())
		# Numbers without documents would look like gaps to whoever checks the invariants later.
		self.addCleanup(self.remove, self.numberer.prefix)

	@staticmethod
	def remove(prefix: str):
		frappe.db.delete(SERIES, {"name": ("like", f"{prefix}%")})
		frappe.db.commit()

	def next(self, kind: str = "Invoice", at: datetime | None = None) -> str:
		return with_numbers(self.numberer, (kind,), lambda stamps: stamps[kind].number, at)

	def stamp(self, at: datetime):
		return with_numbers(self.numberer, ("Invoice",), lambda stamps: stamps["Invoice"], at)

	def series(self, year: str, kind: str = "INV"):
		return frappe.get_doc(SERIES, f"{self.numberer.prefix}{kind}{year}")


class TestNumbers(NumberCase):
	def test_numbers_start_at_one_and_count_on(self):
		self.assertEqual([self.next()[-6:] for _round in range(3)], ["000001", "000002", "000003"])

	def test_a_number_has_at_most_16_allowed_characters(self):
		for kind in ("Invoice", "Credit Note"):
			self.assertRegex(self.next(kind), NUMBER)
			self.assertLessEqual(len(self.next(kind)), 16)

	def test_each_kind_has_its_own_series(self):
		self.next()
		self.assertEqual(self.next("Credit Note")[-6:], "000001")

	def test_work_that_needs_no_number_uses_none(self):
		self.next()
		self.assertIsNone(with_numbers(self.numberer, ("Invoice",), lambda stamps: None))
		self.assertEqual(self.next()[-6:], "000002")

	def test_a_failure_gives_the_number_back(self):
		def fail(stamps):
			raise Crash

		self.next()
		with self.assertRaises(Crash):
			with_numbers(self.numberer, ("Invoice",), fail)
		self.assertEqual(self.next()[-6:], "000002")

	def test_a_series_with_the_prefix_of_another_registration_is_not_used(self):
		self.next()
		stranger = Numberer(unique("stranger"), "IN", self.numberer.prefix)
		with self.assertRaises(Held) as refused:
			with_numbers(stranger, ("Invoice",), lambda stamps: stamps)
		self.assertIn("belongs to another registration", str(refused.exception))

	def test_a_number_that_would_be_too_long_is_refused(self):
		series = self.next()[:-7]
		frappe.db.set_value(SERIES, series, "last_number", 2_000_000_000)
		frappe.db.commit()
		with self.assertRaises(Held):
			self.next()


class TestYearChange(NumberCase):
	def test_the_series_changes_at_midnight_of_the_seller(self):
		"""R40."""
		before, after = self.stamp(BEFORE_MIDNIGHT), self.stamp(MIDNIGHT)
		self.assertEqual((before.financial_year, str(before.day)), ("2627", "2027-03-31"))
		self.assertEqual((after.financial_year, str(after.day)), ("2728", "2027-04-01"))
		self.assertEqual((before.number[-6:], after.number[-6:]), ("000001", "000001"))

	def test_dates_do_not_fall_when_the_clock_goes_back(self):
		late = self.stamp(MIDNIGHT + timedelta(days=9))
		early = self.stamp(MIDNIGHT)
		self.assertEqual((early.day, early.number_in_series), (late.day, 2))

	def test_a_registration_elsewhere_counts_by_calendar_year(self):
		abroad = Numberer(self.numberer.registration, "DE", self.numberer.prefix)
		number = with_numbers(abroad, ("Invoice",), lambda stamps: stamps["Invoice"].number, MIDNIGHT)
		self.assertEqual(number, f"{self.numberer.prefix}INV2027-000001")


class TestManyAtOnce(NumberCase):
	def test_fifty_at_once_with_failures_leave_no_gap_and_no_duplicate(self):
		def issue(number: int):
			def work(stamps):
				if number % 5 == 0:
					raise Crash
				return stamps["Invoice"]

			return with_numbers(self.numberer, ("Invoice",), work)

		results = in_parallel(50, issue)
		issued = [result for result in results if not isinstance(result, Exception)]
		self.assertEqual({type(result) for result in results if isinstance(result, Exception)}, {Crash})
		self.assertEqual(sorted(stamp.number_in_series for stamp in issued), [*range(1, 41)])
		self.assertEqual(self.series(issued[0].financial_year).last_number, 40)

	def test_two_series_locked_in_any_order_do_not_wait_for_each_other(self):
		kinds = (("Invoice", "Credit Note"), ("Credit Note", "Invoice"))
		results = in_parallel(
			20, lambda number: with_numbers(self.numberer, kinds[number % 2], lambda stamps: stamps)
		)
		for kind in kinds[0]:
			self.assertEqual(sorted(row[kind].number_in_series for row in results), [*range(1, 21)])
