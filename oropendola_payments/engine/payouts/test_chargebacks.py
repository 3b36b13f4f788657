"""Chargebacks in PayU's settlements: what is won again comes back, in the API and in the file."""

import unittest

from oropendola_payments.engine.payouts.rows import Reader, columns_of
from oropendola_payments.gateways.payouts import Payout, PayoutLine
from oropendola_payments.gateways.payu.payouts import FILE, lines_of

HEADINGS = [
	"Settlement ID",
	"Settlement Date",
	"Action",
	"PayU ID",
	"Transaction Amount",
	"Merchant Net Amount",
]


def from_api(action: str, net: str) -> int:
	entry = {"action": action, "payuId": "403993715", "transactionAmount": "499.00", "merchantNetAmount": net}
	return sum(line.minor for line in lines_of(Payout("S1"), entry))


def from_file(action: str, net: str) -> int:
	cells = ["S1", "29/11/2026", action, "403993715", "499.00", net]
	entries = Reader(columns_of(HEADINGS, FILE), FILE, {}, None).read((2, cells))
	return sum(entry.minor for entry in entries if isinstance(entry, PayoutLine))


class TestChargebacks(unittest.TestCase):
	def test_a_chargeback_takes_away_and_its_reversal_gives_back_whether_or_not_there_is_a_minus(self):
		for read in (from_api, from_file):
			with self.subTest(read.__name__):
				self.assertEqual([read("chargeback", net) for net in ("499.00", "-499.00")], [-49900, -49900])
				self.assertEqual(read("chargeback_reversal", "499.00"), 49900)
