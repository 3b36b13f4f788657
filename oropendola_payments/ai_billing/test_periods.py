"""Months follow the calendar: the original day returns after every short month."""

import calendar
from datetime import date, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from oropendola_payments.ai_billing.periods import add_interval
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.proofs import examples

DAYS = st.dates(min_value=date(2000, 1, 1), max_value=date(2100, 12, 31))


def months_of(day: date) -> int:
	return day.year * 12 + day.month


def last_day(day: date) -> int:
	return calendar.monthrange(day.year, day.month)[1]


class TestAddInterval(TestCase):
	def test_a_day_that_a_month_does_not_have_becomes_its_last_day(self):
		self.assertEqual(add_interval(date(2026, 1, 31), "Month", 1), date(2026, 2, 28))
		self.assertEqual(add_interval(date(2024, 1, 31), "Month", 1), date(2024, 2, 29))
		self.assertEqual(add_interval(date(2026, 3, 31), "Month", 1), date(2026, 4, 30))

	def test_the_29th_of_february_follows_the_leap_year_rule(self):
		self.assertEqual(add_interval(date(2024, 2, 29), "Year", 1), date(2025, 2, 28))
		self.assertEqual(add_interval(date(2024, 2, 29), "Year", 4), date(2028, 2, 29))
		self.assertEqual(add_interval(date(2096, 2, 29), "Year", 4), date(2100, 2, 28))

	def test_adding_months_crosses_the_end_of_the_year(self):
		self.assertEqual(add_interval(date(2026, 12, 15), "Month", 1), date(2027, 1, 15))
		self.assertEqual(add_interval(date(2026, 11, 30), "Month", 3), date(2027, 2, 28))

	def test_the_original_day_returns_after_a_short_month(self):
		day, seen = date(2026, 1, 31), []
		for _month in range(4):
			day = add_interval(day, "Month", 1, anchor_day=31)
			seen.append(day.isoformat())
		self.assertEqual(seen, ["2026-02-28", "2026-03-31", "2026-04-30", "2026-05-31"])

	def test_an_end_date_that_was_edited_keeps_its_own_day(self):
		self.assertEqual(add_interval(date(2026, 2, 10), "Month", 1, anchor_day=31), date(2026, 3, 10))

	@settings(max_examples=examples(300), deadline=None)
	@given(
		day=DAYS,
		count=st.integers(1, 60),
		interval=st.sampled_from(["Month", "Year"]),
		anchor=st.none() | st.integers(1, 31),
	)
	def test_the_result_is_always_the_given_number_of_months_later(self, day, count, interval, anchor):
		after = add_interval(day, interval, count, anchor)
		self.assertEqual(months_of(after) - months_of(day), count * (12 if interval == "Year" else 1))
		self.assertIn(after.day, {day.day, anchor, last_day(after)})

	@settings(max_examples=examples(300), deadline=None)
	@given(day=DAYS, periods=st.integers(1, 40))
	def test_many_short_renewals_end_on_the_same_day_as_one_long_one(self, day, periods):
		renewed = day
		for _period in range(periods):
			renewed = add_interval(renewed, "Month", 1, anchor_day=day.day)
		self.assertEqual(renewed, add_interval(day, "Month", periods))

	@settings(max_examples=examples(100), deadline=None)
	@given(day=DAYS, count=st.integers(1, 1000))
	def test_intervals_of_days_are_added_exactly(self, day, count):
		self.assertEqual(add_interval(day, "Day", count), day + timedelta(days=count))
