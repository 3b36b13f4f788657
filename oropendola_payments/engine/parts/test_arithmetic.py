"""Parts add up to the whole: amounts, tax and days."""

import unittest

from hypothesis import given
from hypothesis import strategies as st

from oropendola_payments.engine.parts import arithmetic
from oropendola_payments.money import from_minor
from oropendola_payments.tests.support import proofs  # noqa: F401  sets how many examples property tests try

TOTALS = st.integers(min_value=0, max_value=10**12)


class TestNumericCases(unittest.TestCase):
	def test_three_equal_parts_give_the_extra_units_to_the_first(self):
		for total, currency, expected in (
			(1000_00, "INR", ["333.34", "333.33", "333.33"]),
			(1000, "JPY", ["334", "333", "333"]),
			(10_000, "KWD", ["3.334", "3.333", "3.333"]),
			(1001, "JPY", ["334", "334", "333"]),
		):
			with self.subTest(currency=currency, total=total):
				parts = arithmetic.split(total, 0, 3)
				self.assertEqual([str(from_minor(part, currency)) for part in parts], expected)

	def test_the_down_payment_takes_what_cannot_be_divided(self):
		self.assertEqual(arithmetic.split(11788_20, 4715_28, 3), [4715_28, 2357_64, 2357_64, 2357_64])
		self.assertEqual(arithmetic.split(100, 40, 7), [44, 8, 8, 8, 8, 8, 8, 8])

	def test_a_year_in_parts_is_covered_to_the_day(self):
		parts = [4715_28, 2357_64, 2357_64, 2357_64]
		self.assertEqual(arithmetic.days_of_parts(parts, 365), [146, 73, 73, 73])

	def test_less_than_a_part_covers_less_days(self):
		self.assertEqual(arithmetic.covered_days(365, 4715_28 + 2000_00, 11788_20), 207)

	def test_tax_is_shared_by_what_is_paid_so_far(self):
		parts = [4715_28, 2357_64, 2357_64, 2357_64]
		self.assertEqual(arithmetic.tax_shares(parts, 1798_20, 11788_20), [719_28, 359_64, 359_64, 359_64])

	def test_the_smallest_part_is_rounded_up(self):
		self.assertEqual(arithmetic.least_share(588_82, 20_000_000), 117_77)

	def test_nothing_to_pay_covers_everything(self):
		self.assertEqual(arithmetic.covered_days(30, 0, 0), 30)
		self.assertEqual(arithmetic.tax_shares([0, 0], 0, 0), [0, 0])


class TestProperties(unittest.TestCase):
	@given(TOTALS, st.integers(0, 95_000_000), st.integers(1, 36))
	def test_parts_add_up_to_the_total_and_differ_by_one_unit_at_most(self, total, percent, count):
		down = arithmetic.share_of(total, percent)
		parts = arithmetic.split(total, down, count)
		self.assertEqual(sum(parts), total)
		equal = parts[1:] if down else parts
		self.assertLessEqual(max(equal) - min(equal), 0 if down else 1)
		self.assertGreaterEqual(min(parts), 0)

	@given(st.lists(st.integers(1, 10**9), min_size=1, max_size=20), st.integers(0, 100))
	def test_tax_shares_add_up_to_the_tax(self, parts, percent):
		total = sum(parts)
		tax = total * percent // 200
		shares = arithmetic.tax_shares(parts, tax, total)
		self.assertEqual(sum(shares), tax)
		self.assertTrue(all(0 <= share <= part for share, part in zip(shares, parts, strict=True)))

	@given(st.lists(st.integers(1, 10**9), min_size=1, max_size=20), st.integers(1, 1100))
	def test_all_parts_together_buy_the_whole_period_and_never_a_day_more_than_is_paid(self, parts, days):
		bought = arithmetic.days_of_parts(parts, days)
		self.assertEqual(sum(bought), days)
		paid = covered = 0
		for part, more in zip(parts, bought, strict=True):
			paid, covered = paid + part, covered + more
			self.assertLessEqual(covered * sum(parts), days * paid)

	@given(st.lists(st.integers(0, 10**6), max_size=20), st.integers(0, 10**7))
	def test_a_payment_fills_the_parts_in_their_order(self, parts, paid):
		filled = arithmetic.paid_of_parts(parts, paid)
		self.assertEqual(sum(filled), min(paid, sum(parts)))
		unfinished = [n for n, (part, amount) in enumerate(zip(parts, filled, strict=True)) if amount < part]
		self.assertFalse(any(filled[unfinished[0] + 1 :]) if unfinished else False)
