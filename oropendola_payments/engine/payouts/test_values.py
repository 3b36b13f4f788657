"""Amounts and dates of reports."""

import unittest
from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from oropendola_payments.engine.payouts.values import Unreadable, read_amount, read_date
from oropendola_payments.tests.support import proofs  # noqa: F401  sets how many examples property tests try

AMOUNTS = {
	"1,234.50": 123450,
	"1.234,50": 123450,
	"1,23,456.78": 12345678,
	"1 234,50": 123450,
	"1\u00a0234,50": 123450,
	"1'234.50": 123450,
	"₹ 499.00": 49900,
	"INR 499": 49900,
	"Rs. 499.5": 49950,
	"$1,234": 123400,
	"(12.00)": -1200,
	"12.00-": -1200,
	"−12.00": -1200,
	"0.18000": 18,
	"1,234,567": 123456700,
	"12,5": 1250,
	"0,18000": 18,
	"0,500": 50,
	"1.234.567": 123456700,
	".5": 50,
	"0": 0,
	"": None,
	"-": None,
}
NO_AMOUNTS = (
	*("abc", "1.2.3,4,5", "1,23,4", "12,34.5", "NaN", "1e5", "Infinity"),
	*("12..5", "--5", "9" * 20, "=1+1", "1.23.45"),
)


class TestAmounts(unittest.TestCase):
	def test_amounts_are_read_as_people_and_programs_write_them(self):
		for text, minor in AMOUNTS.items():
			with self.subTest(text):
				self.assertEqual(read_amount(text, 2), minor)

	def test_what_is_no_amount_is_refused(self):
		for text in NO_AMOUNTS:
			with self.subTest(text), self.assertRaises(Unreadable):
				read_amount(text, 2)

	def test_an_amount_that_can_be_read_in_two_ways_is_refused_until_the_mapping_says_how(self):
		with self.assertRaises(Unreadable):
			read_amount("1,234", 3)
		for text in ("1.234", "¥ 12.345", "-123.456", "(1.234)"):
			with self.subTest(text), self.assertRaises(Unreadable):
				read_amount(text, 0)
		with self.assertRaises(Unreadable):
			read_amount("1.234", 2, minor_units=True)
		self.assertEqual(read_amount("1.234", 0, "Point"), 1)
		self.assertEqual((read_amount("0.500", 0), read_amount("1234.000", 0)), (1, 1234))
		self.assertEqual(read_amount("1,234", 3, "Comma"), 1234)
		self.assertEqual(read_amount("1,234", 3, "Point"), 1234000)
		self.assertEqual(read_amount("1.234", 0, "Comma"), 1234)

	def test_decimals_follow_the_currency(self):
		self.assertEqual((read_amount("500", 0), read_amount("5.125", 3)), (500, 5125))
		self.assertEqual(read_amount("49900", 2, minor_units=True), 49900)

	def test_half_a_minor_unit_is_rounded_away_from_nothing(self):
		self.assertEqual(
			(read_amount("0.005", 2), read_amount("-0.005", 2), read_amount("0.0049", 2)), (1, -1, 0)
		)

	@given(st.integers(-(10**12), 10**12))
	def test_every_amount_is_read_back_in_both_notations(self, minor):
		english = f"{minor / 100:,.2f}" if abs(minor) < 10**12 else f"{minor // 100}.{minor % 100:02d}"
		german = english.translate(str.maketrans(",.", ".,"))
		self.assertEqual(read_amount(english, 2), minor)
		self.assertEqual(read_amount(german, 2, "Comma"), minor)


class TestDates(unittest.TestCase):
	def test_dates_are_read_as_reports_write_them(self):
		expected = date(2026, 11, 29)
		for text in (
			"2026-11-29",
			"2026-11-29 15:03:13",
			"2026-11-29T15:03:13+05:30",
			"29/11/2026",
			"29-11-2026 10:00",
			"29 Nov 2026",
			"29-Nov-2026",
			"1795946400",
		):
			with self.subTest(text):
				self.assertEqual(read_date(text), expected)
		self.assertEqual(read_date("11/29/2026"), expected)
		self.assertIsNone(read_date(" "))

	def test_a_day_that_can_be_two_days_is_refused_until_the_mapping_says_how(self):
		with self.assertRaises(Unreadable):
			read_date("03/04/2026")
		self.assertEqual(read_date("03/04/2026", "Day first"), date(2026, 4, 3))
		self.assertEqual(read_date("03/04/2026", "Month first"), date(2026, 3, 4))
		self.assertEqual(read_date("04/04/2026"), date(2026, 4, 4))

	def test_what_is_no_date_is_refused(self):
		for text in ("yesterday", "31/02/2026", "2026-13-01", "29/11/26", "0", "1899-01-01"):
			with self.subTest(text), self.assertRaises(Unreadable):
				read_date(text)
