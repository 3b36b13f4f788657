"""Payouts are recorded once and whole, whatever crashes or runs at the same time."""

from dataclasses import replace
from datetime import date
from functools import partial
from unittest.mock import patch

import frappe

from oropendola_payments.engine.jobs import payout_jobs
from oropendola_payments.engine.notifications import hooks
from oropendola_payments.engine.payouts import reconcile
from oropendola_payments.engine.payouts.record import name_of, record_all
from oropendola_payments.engine.payouts.spool import Spool
from oropendola_payments.exceptions import BadRequest, NotAllowed
from oropendola_payments.gateways.payouts import LineKind, Payout, PayoutLine
from oropendola_payments.tests.support import payouts as support
from oropendola_payments.tests.support.another_app import THIS, another_app, hook_calls
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.crashes import count_crash_points, crashing
from oropendola_payments.tests.support.factories import unique
from oropendola_payments.tests.support.parallel import in_parallel
from oropendola_payments.tests.support.proofs import crash_points

GATEWAY = "razorpay"


def line(payout: str, minor: int, row: str, kind=LineKind.CAPTURE, **values) -> PayoutLine:
	values.setdefault("payment_id", row)
	return PayoutLine(payout, kind, minor, "INR", row, fee_stated=True, **values)


class PayoutCase(TestCase):
	def setUp(self):
		support.start_afresh(GATEWAY)
		self.addCleanup(support.start_afresh, GATEWAY)
		self.payout = unique("setl")

	def entries(self, amount: int = 500, lines=(300, 200)) -> list:
		rows = [line(self.payout, minor, f"{self.payout}-{number}") for number, minor in enumerate(lines)]
		return [Payout(self.payout, "INR", amount), *rows]

	def record(self, entries: list) -> str:
		with Spool() as spool:
			for entry in entries:
				spool.add(entry)
			outcomes = record_all(GATEWAY, spool, "API", "Simulator")
		reconcile.settle(outcomes)
		return outcomes[name_of(GATEWAY, self.payout)]

	def doc(self):
		return frappe.get_doc("Payment Payout", name_of(GATEWAY, self.payout))


class TestRecord(PayoutCase):
	def test_a_payout_is_balanced_to_the_last_unit_or_says_by_how_much_it_is_not(self):
		"""B12."""
		self.record(self.entries())
		self.assertEqual((self.doc().status, float(self.doc().shortfall)), ("Balanced", 0))
		self.payout = unique("setl")
		self.record(self.entries(amount=501))
		self.assertEqual((self.doc().status, float(self.doc().shortfall)), ("Needs Attention", 0.01))
		self.assertIn(("Does Not Add Up", self.payout, -0.01), support.differences(GATEWAY))

	def test_a_payout_without_lines_is_not_balanced(self):
		self.record([Payout(self.payout, "INR", 0)])
		self.assertEqual(self.doc().status, "Needs Attention")

	def test_a_complete_report_corrects_one_that_did_not_add_up(self):
		self.assertEqual(self.record(self.entries(lines=(300,))), "new")
		self.assertEqual(self.record(self.entries()), "corrected")
		self.assertEqual((self.doc().status, self.doc().line_count), ("Balanced", 2))
		self.assertNotIn("Does Not Add Up", {kind for kind, *_rest in support.differences(GATEWAY)})

	def test_a_file_without_the_transfers_amount_does_not_replace_the_amount_that_was_reported(self):
		"""B12: what is missing to the reported amount stays missing."""
		self.record([Payout(self.payout, "INR", 500, date(2026, 11, 3), "UTR1"), *self.entries()[1:2]])
		self.assertEqual(self.record(self.entries(amount=None, lines=(300, 150))), "corrected")
		doc = self.doc()
		self.assertEqual((doc.status, doc.amount_is_reported), ("Needs Attention", 1))
		self.assertEqual((float(doc.amount), float(doc.shortfall)), (5.0, 0.5))
		self.assertEqual((doc.paid_on, doc.bank_reference), (date(2026, 11, 3), "UTR1"))
		self.assertIn(("Does Not Add Up", self.payout, -0.5), support.differences(GATEWAY))
		self.assertEqual(self.record(self.entries(amount=None, lines=(300, 150))), "unchanged")
		self.assertEqual(self.record(self.entries(amount=None)), "corrected")
		self.assertEqual((self.doc().status, float(self.doc().amount)), ("Balanced", 5.0))
		self.assertEqual(self.record(self.entries()), "unchanged")

	def test_a_payout_that_is_known_before_its_lines_gets_their_currency(self):
		self.record([Payout(self.payout, None, 500)])
		lines = [replace(entry, currency="JPY") for entry in self.entries()[1:]]
		self.assertEqual(self.record(lines), "corrected")
		doc = self.doc()
		self.assertEqual((doc.status, doc.currency, float(doc.amount)), ("Balanced", "JPY", 500))
		self.assertEqual({row.currency for row in support.lines(doc.name)}, {"JPY"})

	def test_lines_in_another_currency_than_the_reported_amount_are_another_report(self):
		self.record(self.entries(amount=501))
		lines = [replace(entry, currency="USD") for entry in self.entries()[1:]]
		self.assertEqual(self.record(lines), "different")
		self.assertEqual((self.doc().currency, float(self.doc().amount)), ("INR", 5.01))

	def test_a_balanced_payout_does_not_change_any_more(self):
		"""B13: books rest on it. What a later report says is a difference, until the first one comes again."""
		self.record(self.entries())
		before = self.doc().as_dict()
		self.assertEqual(self.record(self.entries(amount=400, lines=(400,))), "different")
		self.assertEqual(self.doc().as_dict(), before)
		kinds = {kind for kind, *_rest in support.differences(GATEWAY)}
		self.assertIn("Reported Differently", kinds)
		self.assertEqual(self.record(self.entries()), "unchanged")
		kinds = {kind for kind, *_rest in support.differences(GATEWAY)}
		self.assertNotIn("Reported Differently", kinds)

	def test_nobody_edits_or_deletes_a_payout_or_its_lines(self):
		"""B13."""
		self.record(self.entries())
		doc = self.doc()
		doc.amount = 1
		with self.assertRaises(NotAllowed):
			doc.save(ignore_permissions=True)
		with self.assertRaises(NotAllowed):
			frappe.delete_doc("Payment Payout", doc.name, ignore_permissions=True, force=True)
		row = frappe.get_doc("Payment Payout Line", {"payout": doc.name})
		row.amount = 1
		with self.assertRaises(NotAllowed):
			row.save(ignore_permissions=True)

	def test_a_report_that_contradicts_itself_is_refused(self):
		for entries in (
			[*self.entries(), Payout(self.payout, "INR", 501)],
			[*self.entries(), line(self.payout, 999, f"{self.payout}-0")],
			[*self.entries(), PayoutLine(self.payout, LineKind.FEE, -1, "USD", "fee")],
		):
			with self.assertRaises(BadRequest):
				self.record(entries)
		self.assertFalse(support.payouts(GATEWAY))

	def test_an_entry_that_an_api_repeats_on_the_next_page_counts_once(self):
		self.record([*self.entries(), *self.entries()[1:]])
		self.assertEqual((self.doc().status, self.doc().line_count), ("Balanced", 2))

	def test_ids_of_any_form_have_a_record_of_their_own(self):
		names = {name_of(GATEWAY, text) for text in ("a", "A", "a/b", "a b", "é", "x" * 200, "x" * 201)}
		self.assertEqual(len(names), 7)
		self.assertTrue(all(len(name) <= 110 for name in names))

	def test_other_apps_hear_of_a_balanced_payout_and_of_no_other(self):
		with another_app(payment_payout_recorded=[f"{THIS}.payout_recorded"]):
			for amount in (500, 501):
				self.payout = unique("setl")
				self.record(self.entries(amount=amount))
				frappe.db.set_value("Payment Payout", self.doc().name, "told_on", None)
				hook_calls.clear()
				hooks.payout_recorded(self.doc().name)
				self.assertEqual(hook_calls, [("payout_recorded", self.doc().name)] * (amount == 500))

	def test_other_apps_hear_once_of_a_payout_whose_hook_was_lost_in_an_outage_of_the_queue(self):
		with another_app(payment_payout_recorded=[f"{THIS}.payout_recorded"]):
			with patch.object(frappe, "enqueue", side_effect=ConnectionError("Redis is down")):
				self.record(self.entries())
				self.record(self.entries())
			told = ("payout_recorded", self.doc().name)
			self.assertEqual((hook_calls, self.doc().told_on), ([], None))
			changed = self.doc().modified
			with patch.object(frappe, "enqueue", partial(frappe.enqueue, now=True)):
				payout_jobs.run_payouts()
				self.assertIn(told, hook_calls)
				payout_jobs.run_payouts()
			self.assertEqual(hook_calls.count(told), 1)
			self.assertTrue(self.doc().told_on)
			self.assertEqual(self.doc().modified, changed)


class TestCrashes(PayoutCase):
	def test_after_a_crash_at_any_statement_the_next_import_completes_it_once(self):
		"""B10."""
		points = count_crash_points(lambda: self.record(self.entries(amount=501)))
		for point in crash_points(points, 4):
			support.start_afresh(GATEWAY)
			with crashing(point):
				self.record(self.entries(amount=501))
			rows = support.payouts(GATEWAY)
			self.assertIn(
				[(row.status, row.line_count) for row in rows], ([], [("Needs Attention", 2)]), point
			)
			self.assertIn(self.record(self.entries(amount=501)), ("new", "unchanged"))
			(row,) = support.payouts(GATEWAY)
			self.assertEqual(len(support.lines(row.name)), 2, point)
			kinds = sorted(kind for kind, *_rest in support.differences(GATEWAY))
			self.assertEqual(kinds, ["Does Not Add Up", "Unknown", "Unknown"], point)


class TestRaces(PayoutCase):
	def test_parallel_imports_of_one_payout_record_it_once(self):
		"""B10."""
		outcomes = in_parallel(4, lambda _number: self.record(self.entries()))
		self.assertEqual(sorted(map(str, outcomes)), ["new", "unchanged", "unchanged", "unchanged"])
		self.assertEqual(frappe.db.count("Payment Payout", {"gateway": GATEWAY}), 1)
		self.assertEqual(frappe.db.count("Payment Payout Line", {"gateway": GATEWAY}), 2)
		self.assertEqual(len(support.differences(GATEWAY)), 2)
