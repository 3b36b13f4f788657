"""Every gateway's own words for payment methods become ours."""

import unittest

from oropendola_payments.gateways.cashflows import mapping as cashflows
from oropendola_payments.gateways.cashfree import mapping as cashfree
from oropendola_payments.gateways.methods import METHODS, OTHER, common_method
from oropendola_payments.gateways.payu import mapping as payu
from oropendola_payments.gateways.phonepe import mapping as phonepe
from oropendola_payments.gateways.razorpay import mapping as razorpay
from oropendola_payments.gateways.stripe import mapping as stripe

WORDS = {
	cashfree: {"credit_card": "card", "upi": "upi", "net_banking": "netbanking", "credit_card_emi": "emi", "pay_later": "paylater"},
	phonepe: {"UPI_INTENT": "upi", "UPI_QR": "upi", "CARD": "card", "NET_BANKING": "netbanking", "TOKEN": "card"},
	razorpay: {"card": "card", "netbanking": "netbanking", "cardless_emi": "emi", "bank_transfer": "bank", "paylater": "paylater"},
	payu: {"CC": "card", "DC": "card", "NB": "netbanking", "UPI": "upi", "CASH": "wallet", "EMI": "emi"},
	stripe: {"card": "card", "link": "wallet", "us_bank_account": "bank", "klarna": "paylater", "paypal": "paypal"},
	cashflows: {"Card": "card", "CreditCard": "card", "DebitCard": "card", "PayPal": "paypal"},
}  # fmt: skip


class TestCommonMethod(unittest.TestCase):
	def test_each_gateways_words_become_common_names(self):
		for mapping, words in WORDS.items():
			for word, ours in words.items():
				with self.subTest(mapping.__name__, word=word):
					self.assertEqual(common_method(word, mapping.METHODS), ours)

	def test_every_word_in_a_table_becomes_a_common_name(self):
		for mapping in WORDS:
			self.assertLessEqual(set(mapping.METHODS.values()), set(METHODS), mapping.__name__)
			self.assertEqual([word for word in mapping.METHODS if word != word.lower()], [])

	def test_an_unknown_word_is_another_method_and_none_is_none(self):
		self.assertEqual(common_method("teleport"), OTHER)
		for nothing in (None, ""):
			self.assertIsNone(common_method(nothing))
