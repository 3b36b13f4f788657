"""Razorpay's fee credits: https://razorpay.com/docs/payment-gateway/dashboard-guide/credits"""

import unittest

from oropendola_payments.gateways.payouts import LineKind
from oropendola_payments.gateways.razorpay.payouts import lines_of


class TestFeeCredits(unittest.TestCase):
	def lines(self, credit: int) -> list[tuple[LineKind, int]]:
		entry = {
			"entity_id": "pay_DEXrnipqTmWVGE",
			"type": "payment",
			"debit": 0,
			"credit": credit,
			"amount": 50000,
			"currency": "INR",
			"fee": 1476,
			"tax": 226,
			"settlement_id": "setl_DGlQ1Rj8os78Ec",
			"created_at": 1796000000,
		}
		return [(line.kind, line.minor) for line in lines_of(entry)]

	def test_a_payment_that_is_settled_in_full_cost_nothing_here(self):
		self.assertEqual(self.lines(50000), [(LineKind.CAPTURE, 50000)])

	def test_otherwise_fee_and_tax_are_what_the_credit_lacks(self):
		expected = [(LineKind.CAPTURE, 50000), (LineKind.FEE, -1250), (LineKind.TAX, -226)]
		self.assertEqual(self.lines(48524), expected)
