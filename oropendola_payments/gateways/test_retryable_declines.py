"""Which codes of a payment that is still open are a no of the bank, after which its page takes another try."""

import unittest

from oropendola_payments.gateways import BUILT_IN, load

IS_A_NO = {
	"stripe": "insufficient_funds",
	"razorpay": "payment_failed",
	"cashfree": "TRANSACTION_DECLINED",
	"cashflows": "Declined",
	"paypal": "INSTRUMENT_DECLINED",
}
IS_ON_ITS_WAY = {
	"payu": "E308",  # the bank may still say yes
	"phonepe": "PAYMENT_PENDING",
	"paypal": "ECHECK",  # the money takes some days
	"cashflows": "Cancelled",
}


class TestAnotherTry(unittest.TestCase):
	def test_a_no_is_told_from_a_payment_that_is_on_its_way(self):
		for codes, expected in ((IS_A_NO, True), (IS_ON_ITS_WAY, False)):
			for gateway, code in codes.items():
				with self.subTest(gateway):
					self.assertIs(load(BUILT_IN[gateway]).is_retryable_decline(code), expected)
