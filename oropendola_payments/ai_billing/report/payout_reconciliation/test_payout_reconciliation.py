"""The report Payout Reconciliation."""

from oropendola_payments.ai_billing.periods import today
from oropendola_payments.ai_billing.report.payout_reconciliation.payout_reconciliation import execute
from oropendola_payments.engine.payouts import fetch
from oropendola_payments.tests.support import payouts as support
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.simulated import simulator


class TestReport(TestCase):
	def row(self) -> dict:
		filters = {"from_date": today(), "to_date": today(), "gateway": "razorpay"}
		rows = execute(filters)[1]
		return (
			rows[0]
			if rows
			else dict.fromkeys(("captured", "refunded", "open", "fees", "tax", "paid_out"), 0.0)
		)

	def test_it_says_what_was_taken_what_it_cost_and_what_is_still_open(self):
		support.start_afresh("razorpay")
		self.addCleanup(support.start_afresh, "razorpay")
		before = self.row()
		support.refunded(support.paid("razorpay"), 100)
		(payout,) = simulator().settle("razorpay")
		support.paid("razorpay")
		fetch.fetch("razorpay")
		after = self.row()
		grown = {name: round(after[name] - before[name], 2) for name in ("captured", "refunded", "open")}
		self.assertEqual(grown, {"captured": 998.0, "refunded": 100.0, "open": 499.0})
		self.assertEqual((after["fees"], after["tax"], after["settled"]), (9.98, 1.8, 499.0))
		self.assertEqual((after["payouts"], after["paid_out"]), (1, payout.minor / 100))
