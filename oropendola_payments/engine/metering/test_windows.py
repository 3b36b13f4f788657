"""A window ends when the site's clock or the subscription's own dates say so."""

from datetime import date, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from oropendola_payments.ai_billing.periods import midnight
from oropendola_payments.engine.entitlements.windows import ENDS, Term, end_of_window, span_of
from oropendola_payments.tests.support.case import TestCase

MONTHLY = Term(date(2026, 1, 31), None, "Month", 1)
NOW = datetime(2026, 11, 29, 13, 45, 30, 5)


class TestEnds(TestCase):
	def test_minutes_hours_days_and_weeks_follow_the_clock(self):
		for window, end in (
			("Minute", datetime(2026, 11, 29, 13, 46)),
			("Hour", datetime(2026, 11, 29, 14)),
			("Day", datetime(2026, 11, 30)),
			("Week", datetime(2026, 11, 30)),  # a Sunday
		):
			self.assertEqual(end_of_window(window, NOW, MONTHLY), end, window)

	def test_a_month_begins_on_the_day_of_the_subscription(self):
		for now, end in (
			(datetime(2026, 2, 27), datetime(2026, 2, 28)),
			(datetime(2026, 2, 28), datetime(2026, 3, 31)),
			(datetime(2026, 3, 30, 23, 59), datetime(2026, 3, 31)),
			(datetime(2026, 3, 31), datetime(2026, 4, 30)),
			(datetime(2027, 1, 31), datetime(2027, 2, 28)),
		):
			self.assertEqual(end_of_window("Month", now, MONTHLY), end, now)

	def test_a_period_is_the_plans_interval_also_when_renewals_were_bought_ahead(self):
		ahead = Term(date(2026, 11, 15), date(2027, 2, 15), "Month", 1)
		self.assertEqual(end_of_window("Period", NOW, ahead), datetime(2026, 12, 15))
		yearly = Term(date(2025, 3, 1), date(2027, 3, 1), "Year", 1)
		self.assertEqual(end_of_window("Period", NOW, yearly), datetime(2027, 3, 1))
		weekly = Term(date(2026, 11, 20), date(2026, 12, 4), "Day", 7)
		self.assertEqual(end_of_window("Period", NOW, weekly), datetime(2026, 12, 4))

	def test_a_period_ends_with_the_subscription(self):
		cut = Term(date(2026, 11, 15), date(2026, 12, 1), "Month", 1)
		self.assertEqual(end_of_window("Period", NOW, cut), datetime(2026, 12, 1))

	@settings(deadline=None)
	@given(
		st.sampled_from(sorted(ENDS)),
		st.datetimes(datetime(2026, 1, 1), datetime(2030, 12, 31)),
		st.dates(date(2024, 1, 1), date(2026, 1, 1)),
		st.sampled_from((("Day", 1), ("Day", 10), ("Month", 1), ("Month", 3), ("Year", 1))),
	)
	def test_a_window_ends_after_now_and_the_moment_before_its_end_is_in_it(
		self, window, now, start, interval
	):
		term = Term(start, None, *interval)
		end = end_of_window(window, now, term)
		self.assertGreater(end, now)
		self.assertEqual(end_of_window(window, end - datetime.resolution, term), end)

	@settings(deadline=None)
	@given(
		st.sampled_from(("Week", "Month")),
		st.dates(date(2026, 1, 1), date(2030, 12, 31)),
		st.dates(date(2024, 1, 1), date(2026, 1, 1)),
	)
	def test_the_days_of_a_window_are_those_that_end_together(self, window, on, start):
		term = Term(start, None, "Month", 1)
		span = span_of(window, on, term)
		self.assertTrue(span.begins_on <= on < span.ends_on)
		self.assertEqual(span.days, (span.ends_on - span.begins_on).days)
		self.assertEqual(end_of_window(window, midnight(span.begins_on), term), span.ends_at)
		if span.begins_on > start:
			self.assertEqual(
				end_of_window(window, midnight(span.begins_on) - datetime.resolution, term).date(),
				span.begins_on,
			)

	def test_a_month_before_the_first_day_ends_with_it(self):
		"""A first period that was paid ahead of a trial's end."""
		span = span_of("Month", date(2026, 11, 30), Term(date(2026, 12, 7), None, "Month", 1))
		self.assertEqual(
			(span.begins_on, span.ends_on, span.days), (date(2026, 11, 30), date(2026, 12, 7), 7)
		)
