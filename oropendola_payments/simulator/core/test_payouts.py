"""What a simulated gateway pays out."""

import csv
import io
import json

from oropendola_payments.simulator.test_case import SimulatorCase


class TestPayouts(SimulatorCase):
	def test_each_charge_and_refund_is_paid_out_once_less_its_fees(self):
		self.pay()
		(first,) = self.simulator.settle("payu")
		self.assertEqual(first.minor, 149950 - 2999 - 540)
		self.pay("A2")
		self.simulator.refund_from_dashboard("payu", "A1", 50000)
		(second,) = self.simulator.settle("payu")
		self.assertEqual(second.minor, 149950 - 2999 - 540 - 50000)
		self.assertEqual(self.simulator.settle("payu"), [])

	def test_a_failed_payment_and_a_refund_that_is_not_done_are_not_paid_out(self):
		self.pay(outcome="failure")
		self.pay("A2", outcome="pending")
		self.assertEqual(self.simulator.settle("payu"), [])

	def test_a_hold_that_was_given_back_is_not_paid_out(self):
		self.pay()
		self.simulator.settle("payu")
		ledger = self.simulator.provider("payu").ledger
		hold = ledger.add_charge(ledger.find_order_by_reference("A1"), "H1", "authorized")
		ledger.return_hold(hold, "r1")
		self.assertEqual((hold.state, hold.refunded_minor), ("voided", 149950))
		self.assertEqual(self.simulator.settle("payu"), [])

	def test_a_lost_dispute_is_taken_from_the_next_payout(self):
		self.pay()
		self.simulator.settle("payu")
		self.simulator.dispute("payu", "A1", "lost")
		(payout,) = self.simulator.settle("payu")
		self.assertEqual(payout.minor, -149950)

	def test_fees_can_be_configured(self):
		self.simulator.configure("payu", payout_fee=0)
		self.pay()
		self.assertEqual(self.simulator.settle("payu")[0].minor, 149950)

	def test_over_http_a_payout_is_made_and_its_report_downloaded(self):
		self.pay()
		(made,) = json.loads(self.call("/__settle", {"code": "payu"}))["payouts"]
		self.assertEqual(made["amount"], "1464.11")
		text = self.call(made["report"].removeprefix(self.simulator.url))
		(row,) = csv.DictReader(io.StringIO(text))
		self.assertEqual((row["Merchant Net Amount"], row["Merchant Transaction ID"]), ("1464.11", "A1"))
