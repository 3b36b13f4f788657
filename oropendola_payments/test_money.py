"""The share of a price that unused days are worth, in whole minor units."""

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from oropendola_payments.money import unused_share
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.proofs import examples

PRICES = st.integers(0, 10**12)
DAYS = st.integers(1, 4000)


class TestUnusedShare(TestCase):
	def test_a_half_is_rounded_up(self):
		self.assertEqual(unused_share(499_00, 15, 30), 249_50)
		self.assertEqual(unused_share(499_00, 1, 30), 16_63)
		self.assertEqual(unused_share(1, 1, 2), 1)
		self.assertEqual(unused_share(800, 7, 31), 181)

	def test_all_days_are_worth_the_price_and_no_day_nothing(self):
		self.assertEqual((unused_share(999_00, 31, 31), unused_share(999_00, 0, 31)), (999_00, 0))

	def test_days_that_the_period_does_not_have_are_refused(self):
		for full, left, days in ((100, 31, 30), (100, -1, 30), (100, 0, 0), (-1, 1, 2)):
			with self.subTest(days=(left, days)), self.assertRaises(ValueError):
				unused_share(full, left, days)

	@settings(max_examples=examples(500), deadline=None)
	@given(PRICES, DAYS, st.data())
	def test_what_is_used_day_by_day_adds_up_to_the_price(self, full, days, data):
		cuts = sorted(data.draw(st.lists(st.integers(0, days), max_size=6)))
		values = [unused_share(full, days - day, days) for day in (0, *cuts, days)]
		self.assertEqual(sum(before - after for before, after in pairwise(values)), full)
		self.assertEqual(values, sorted(values, reverse=True))

	@settings(max_examples=examples(500), deadline=None)
	@given(PRICES, DAYS, st.data())
	def test_the_share_is_never_half_a_unit_away(self, full, days, data):
		left = data.draw(st.integers(0, days))
		self.assertLessEqual(abs(2 * (unused_share(full, left, days) * days - full * left)), days)

	@settings(max_examples=examples(300), deadline=None)
	@given(PRICES, PRICES, DAYS, st.data())
	def test_a_dearer_plan_is_never_worth_less(self, price, more, days, data):
		left = data.draw(st.integers(0, days))
		self.assertGreaterEqual(unused_share(price + more, left, days), unused_share(price, left, days))
