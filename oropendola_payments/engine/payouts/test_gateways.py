"""What every simulated gateway pays out, from its API and from its file, line by line against our records."""

from collections import Counter
from decimal import Decimal

import frappe

from oropendola_payments.engine.payouts import fetch
from oropendola_payments.gateways import BUILT_IN
from oropendola_payments.money import to_minor
from oropendola_payments.tests.support import payouts as support
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.simulated import simulator

WITH_DISPUTES = ("payu", "razorpay", "stripe", "paypal", "cashfree")


class TestPayouts(TestCase):
	def pay_out(self, gateway: str):
		"""Two payments, a part of one refunded, one disputed and lost; then the gateway pays out."""
		support.start_afresh(gateway)
		self.addCleanup(support.start_afresh, gateway)
		self.refunded = support.refunded(support.paid(gateway), 100)
		self.disputed = support.paid(gateway)
		if gateway in WITH_DISPUTES:
			simulator().dispute(gateway, self.disputed.attempts()[0], "lost")
			self.disputed.deliver_all()
		(payout,) = simulator().settle(gateway)
		return payout

	def check_record(self, gateway: str, theirs):
		(payout,) = support.payouts(gateway)
		self.assertEqual((payout.status, payout.shortfall), ("Balanced", 0))
		exponent = 2 if payout.currency != "JPY" else 0
		self.assertEqual(to_minor(payout.amount, payout.currency, exponent), theirs.minor)
		rows = support.lines(payout.name)
		kinds = Counter(row.kind for row in rows)
		has_dispute = int(gateway in WITH_DISPUTES)
		self.assertEqual((kinds["Capture"], kinds["Refund"], kinds["Dispute"]), (2, 1, has_dispute))
		self.assertEqual(
			{row.capture for row in rows if row.kind == "Capture"},
			{self.refunded.captures()[0].name, self.disputed.captures()[0].name},
		)
		(refund,) = (row for row in rows if row.kind == "Refund")
		self.assertEqual(refund.refund, self.refunded.refunds()[0].name)
		disputes = [row.capture for row in rows if row.kind == "Dispute"]
		self.assertEqual(disputes, [self.disputed.captures()[0].name] * has_dispute)
		cost = sum(part.fee + part.tax for part in theirs.parts)
		ours = -(Decimal(str(payout.fee_amount)) + Decimal(str(payout.tax_amount)))
		self.assertEqual(to_minor(ours, payout.currency, exponent), cost)
		self.assertEqual(support.differences(gateway), [])
		return payout

	def test_what_an_api_reports_is_recorded_and_differs_in_nothing(self):
		for gateway in support.WITH_API:
			with self.subTest(gateway):
				theirs = self.pay_out(gateway)
				self.assertEqual(fetch.fetch(gateway)["new"], 1)
				payout = self.check_record(gateway, theirs)
				self.assertEqual((payout.source, payout.mode), ("API", "Simulator"))
				self.assertEqual(payout.bank_reference, theirs.bank_reference)
				self.assertEqual(fetch.fetch(gateway), {"unchanged": 1})
				self.assertEqual(frappe.db.count("Payment Payout", {"gateway": gateway}), 1)

	def test_what_a_file_reports_is_recorded_and_differs_in_nothing(self):
		for gateway in BUILT_IN:
			with self.subTest(gateway):
				theirs = self.pay_out(gateway)
				content, options = support.report(gateway, theirs), {}
				if gateway == "paypal":
					options["payout"] = support.one_payout(theirs)
				self.assertEqual(support.import_report(gateway, content, **options)["new"], 1)
				payout = self.check_record(gateway, theirs)
				self.assertEqual(payout.source, "File")
				again = support.import_report(gateway, content, **options)
				self.assertEqual((again["new"], again["unchanged"]), (0, 1))

	def test_the_file_of_a_payout_that_the_api_reported_changes_nothing(self):
		for gateway in support.WITH_API:
			with self.subTest(gateway):
				theirs = self.pay_out(gateway)
				fetch.fetch(gateway)
				options = {"payout": support.one_payout(theirs)} if gateway == "paypal" else {}
				answer = support.import_report(gateway, support.report(gateway, theirs), **options)
				self.assertEqual((answer["unchanged"], answer["different"]), (1, 0))
				self.assertEqual(support.differences(gateway), [])

	def test_no_data_of_a_payer_is_kept_of_a_file(self):
		"""B11: the reports of the simulator contain an email address, a phone number and a name."""
		for gateway in BUILT_IN:
			with self.subTest(gateway):
				theirs = self.pay_out(gateway)
				options = {"payout": support.one_payout(theirs)} if gateway == "paypal" else {}
				support.import_report(gateway, support.report(gateway, theirs), **options)
				kept = frappe.as_json([support.lines(p.name) for p in support.payouts(gateway)])
				for personal in ("payer@example.com", "9999999999", "A Payer"):
					self.assertNotIn(personal, kept)
