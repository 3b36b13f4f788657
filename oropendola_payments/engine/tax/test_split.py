"""Net and tax lines, for all amounts, rates and currencies."""

from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from oropendola_payments.engine.tax.split import split
from oropendola_payments.money import from_minor, quantize
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.proofs import examples

CURRENCIES = ("JPY", "INR", "KWD")  # 0, 2 and 3 decimals
PRICES = st.integers(0, 10**12)
RATES = st.lists(st.decimals(0, 30, places=2), max_size=3)


def two_halves(price: str, inclusive: bool) -> tuple[str, list[str]]:
	net, taxes = split(Decimal(price), "INR", [Decimal(9), Decimal(9)], inclusive)
	return str(net), [str(tax) for tax in taxes]


class TestSplit(TestCase):
	def test_each_half_is_rounded_by_itself(self):
		self.assertEqual(two_halves("499.00", False), ("499.00", ["44.91", "44.91"]))
		self.assertEqual(two_halves("50.50", False), ("50.50", ["4.55", "4.55"]))

	def test_the_halves_of_an_inclusive_price_are_equal(self):
		self.assertEqual(two_halves("499.00", True), ("422.88", ["38.06", "38.06"]))
		self.assertEqual(two_halves("100.00", True), ("84.74", ["7.63", "7.63"]))

	def test_one_head_of_an_inclusive_price_takes_the_exact_share(self):
		for price, net, tax in (("499.00", "422.88", "76.12"), ("100.00", "84.75", "15.25")):
			self.assertEqual(
				split(Decimal(price), "INR", [Decimal(18)], True), (Decimal(net), [Decimal(tax)])
			)

	def test_an_exact_half_is_rounded_up(self):
		self.assertEqual(split(Decimal("9.99"), "GBP", [Decimal(20)], True)[1], [Decimal("1.67")])

	def test_a_rate_of_zero_leaves_the_price(self):
		for inclusive in (False, True):
			self.assertEqual(
				split(Decimal("49.00"), "USD", [Decimal(0)], inclusive), (Decimal("49.00"), [Decimal(0)])
			)

	@settings(max_examples=examples(300), deadline=None)
	@given(PRICES, RATES, st.sampled_from(CURRENCIES), st.booleans())
	def test_net_and_lines_sum_to_the_price_and_are_never_negative(self, minor, rates, currency, inclusive):
		price = from_minor(minor, currency)
		net, taxes = split(price, currency, rates, inclusive)
		self.assertEqual(net + sum(taxes) if inclusive else net, price)
		self.assertGreaterEqual(min([net, *taxes]), 0)
		self.assertEqual([quantize(amount, currency) for amount in (net, *taxes)], [net, *taxes])

	@settings(max_examples=examples(300), deadline=None)
	@given(PRICES, st.decimals(0, 50, places=2), st.sampled_from(CURRENCIES), st.booleans())
	def test_two_halves_are_always_equal(self, minor, rate, currency, inclusive):
		_net, (first, second) = split(from_minor(minor, currency), currency, [rate, rate], inclusive)
		self.assertEqual(first, second)
