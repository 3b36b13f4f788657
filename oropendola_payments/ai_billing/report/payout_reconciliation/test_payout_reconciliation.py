"""The report Payout Reconciliation."""

from datetime import timedelta

import frappe

from oropendola_payments.ai_billing.periods import today
from oropendola_payments.ai_billing.report.payout_reconciliation.payout_reconciliation import execute
from oropendola_payments.engine.payouts import fetch
from oropendola_payments.engine.settlement import manual_payment
from oropendola_payments.tests.support import payouts as support
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.factories import create_invoice, unique
from oropendola_payments.tests.support.journey import customer
from oropendola_payments.tests.support.simulated import simulator


class TestReport(TestCase):
	def setUp(self):
		super().setUp()
		self.filters = {"from_date": today(), "to_date": today(), "gateway": "razorpay"}

	def row(self) -> dict:
		rows = execute(self.filters)[1]
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

	def test_before_the_first_payout_everything_is_in_none(self):
		support.start_afresh("razorpay")
		self.addCleanup(support.start_afresh, "razorpay")
		before = self.row()
		support.refunded(support.paid("razorpay"), 100)
		after = self.row()
		self.assertEqual(round(after["open"] - before["open"], 2), 399.0)
		self.assertEqual(after["open"], round(after["captured"] - after["refunded"], 2))

	def test_what_is_in_no_payout_is_counted_over_a_period_of_any_length(self):
		support.start_afresh("razorpay")
		self.addCleanup(support.start_afresh, "razorpay")
		support.paid("razorpay")
		simulator().settle("razorpay")
		support.paid("razorpay")
		fetch.fetch("razorpay")
		long = {
			**self.filters,
			"from_date": today() - timedelta(days=20),
			"to_date": today() + timedelta(days=9),
		}
		found = {row["currency"]: row["open"] for row in execute(long)[1]}
		self.assertEqual(found["INR"], round(self.open_by_hand(), 2))

	def open_by_hand(self) -> float:
		return float(
			frappe.db.sql(
				"""SELECT SUM(c.amount) FROM `tabPayment Capture` c WHERE c.gateway = 'razorpay' AND c.currency = 'INR' AND c.captured_at >= %(since)s
				AND c.name NOT IN (SELECT l.capture FROM `tabPayment Payout Line` l WHERE l.kind = 'Capture' AND l.capture <> '')""",
				{"since": today() - timedelta(days=20)},
			)[0][0]
			or 0
		) - float(
			frappe.db.sql(
				"""SELECT SUM(r.amount) FROM `tabPayment Refund` r WHERE r.gateway = 'razorpay' AND r.currency = 'INR' AND r.completed_at >= %(since)s
				AND r.status = 'Refunded' AND r.name NOT IN
					(SELECT l.refund FROM `tabPayment Payout Line` l WHERE l.kind = 'Refund' AND l.refund <> '')""",
				{"since": today() - timedelta(days=20)},
			)[0][0]
			or 0
		)

	def test_payments_by_hand_are_in_no_payout_and_not_listed(self):
		invoice = create_invoice(customer())
		manual_payment.record_payment(invoice.name, invoice.total(), unique("transfer"), None, None)
		rows = execute({"from_date": today(), "to_date": today(), "gateway": "manual"})[1]
		self.assertEqual(rows, [])
