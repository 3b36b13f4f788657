"""Tax rows of Sales Invoices: the rate where ERPNext comes to our amount by it however it rounds, else the amount itself."""

import unittest
from datetime import date
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from oropendola_payments.integrations.erpnext.invoices import _charge
from oropendola_payments.integrations.erpnext.types import Buyer, Sale, Tax
from oropendola_payments.money import quantize
from oropendola_payments.tests.support import proofs  # noqa: F401  sets how many examples property tests try


def charge(net: str, rate: str, amount: str, sign: int = 1, currency: str = "INR") -> dict:
	tax = Tax("IGST", Decimal(rate), Decimal(amount))
	sale = Sale(
		"invoice:X",
		Buyer("a@example.com", "A"),
		"",
		"Plan",
		"",
		Decimal(net),
		(tax,),
		currency,
		date(2026, 11, 29),
	)
	return _charge(tax, sale, sign)


class TestTaxRows(unittest.TestCase):
	def test_the_rate_is_named_where_it_gives_our_amount(self):
		"""B6: India Compliance refuses a tax of GST without a rate."""
		self.assertEqual(charge("499", "18", "89.82"), {"charge_type": "On Net Total", "rate": 18.0})
		self.assertEqual(charge("980", "10", "98", currency="JPY")["rate"], 10.0)

	def test_an_amount_that_the_rate_does_not_give_is_booked_as_it_is(self):
		"""B6."""
		self.assertEqual(charge("28.24", "18", "5.10"), {"charge_type": "Actual", "tax_amount": 5.1})
		self.assertEqual(charge("28.24", "18", "5.10", sign=-1)["tax_amount"], -5.1)

	def test_half_a_paisa_is_not_left_to_the_rounding_of_the_site(self):
		"""B6."""
		for amount in ("111.10", "111.11"):
			self.assertEqual(charge("1234.50", "9", amount)["charge_type"], "Actual")

	def test_a_rate_that_erpnext_would_cut_is_not_named(self):
		self.assertEqual(charge("100", "8.8125", "8.81")["charge_type"], "Actual")

	@given(st.integers(1, 10**9), st.sampled_from(("0", "5", "9", "12", "18", "7.7", "6.625", "20")))
	def test_a_named_rate_gives_our_amount_however_it_is_rounded(self, paise, rate):
		net, rate = Decimal(paise) / 100, Decimal(rate)
		amount = quantize(net * rate / 100, "INR")
		if charge(str(net), str(rate), str(amount))["charge_type"] == "On Net Total":
			for rounding in ("ROUND_HALF_UP", "ROUND_HALF_EVEN", "ROUND_HALF_DOWN"):
				self.assertEqual((net * rate / 100).quantize(Decimal("0.01"), rounding), amount)
