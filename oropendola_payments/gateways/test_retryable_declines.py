"""Which codes of a payment that is still open are a decline, after which its page takes another attempt."""

import unittest

from oropendola_payments.gateways import BUILT_IN, load

DECLINES = {
	"stripe": "insufficient_funds",
	"razorpay": "payment_failed",
	"cashfree": "TRANSACTION_DECLINED",
	"cashflows": "Declined",
	"paypal": "INSTRUMENT_DECLINED",
}
OTHER_CODES = {
	"payu": "E308",  # the bank may still say yes
	"phonepe": "PAYMENT_PENDING",
	"paypal": "ECHECK",  # the money takes some days
	"cashflows": "Cancelled",
}


class TestRetryableDeclines(unittest.TestCase):
	def test_only_a_decline_is_retryable(self):
		for codes, expected in ((DECLINES, True), (OTHER_CODES, False)):
			for gateway, code in codes.items():
				with self.subTest(gateway):
					self.assertIs(load(BUILT_IN[gateway]).is_retryable_decline(code), expected)


if __name__ == "__main__":
	unittest.main()
