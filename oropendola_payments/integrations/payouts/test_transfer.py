"""Payouts in the books: each once, whole, of the last report, and only when nothing about it is in question."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import frappe

from oropendola_payments.ai_billing.doctype.payment_event.payment_event import SITE_CHAIN
from oropendola_payments.engine.payouts import differences, reconcile
from oropendola_payments.engine.payouts.record import name_of, record_all, reopen
from oropendola_payments.engine.payouts.spool import Spool
from oropendola_payments.engine.settlement.settle import settle
from oropendola_payments.exceptions import Conflict
from oropendola_payments.gateways.payouts import LineKind, Payout, PayoutLine
from oropendola_payments.integrations import dispatch
from oropendola_payments.integrations.outbox import run
from oropendola_payments.tests.support import payouts as support
from oropendola_payments.tests.support.books import BooksInMemory, books_installed
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.factories import create_user, payment_settings, unique
from oropendola_payments.tests.support.gateway_events import paid
from oropendola_payments.tests.support.journey import Journey

GATEWAY = "razorpay"


class PayoutBookCase(TestCase):
	def setUp(self):
		support.start_afresh(GATEWAY)
		self.addCleanup(support.start_afresh, GATEWAY)
		frappe.db.delete("Payment Posting", {"kind": "Payout"})
		self.addCleanup(frappe.db.delete, "Payment Posting", {"kind": "Payout"})
		self.books = self.enterContext(books_installed())
		self.addCleanup(setattr, BooksInMemory, "down", "")
		self.payout = unique("setl")
		self.name = name_of(GATEWAY, self.payout)

	def take(self, amount="499", post=True) -> str:
		"""A payment of a customer, as the gateway names it."""
		journey = Journey(GATEWAY, user=create_user())
		settle(GATEWAY, paid(journey.start(), amount))
		if post:
			dispatch.post_invoice(journey.invoice)
		return journey.captures()[0].gateway_payment_id

	def line(self, minor: int, payment: str, kind=LineKind.CAPTURE, **values) -> PayoutLine:
		row = f"{payment}-{kind.value}"
		return PayoutLine(self.payout, kind, minor, "INR", row, payment_id=payment, fee_stated=True, **values)

	def entries(self, payment: str, amount: int = 48722) -> list:
		"""A payment of 499.00, of which the gateway keeps 9.98 and 1.80 of tax."""
		return [
			Payout(self.payout, "INR", amount, date(2026, 11, 3), "UTR1"),
			self.line(49900, payment),
			self.line(-998, payment, LineKind.FEE),
			self.line(-180, payment, LineKind.TAX),
		]

	def record(self, entries: list) -> None:
		with Spool() as spool:
			for entry in entries:
				spool.add(entry)
			reconcile.settle(record_all(GATEWAY, spool, "API", "Simulator"))
		frappe.db.commit()

	def post(self):
		dispatch.post_payout(self.name)
		return self.posting()

	def posting(self):
		return frappe.get_doc("Payment Posting", {"payout": self.name})

	def status(self) -> str:
		return self.post().status

	def transfers(self) -> list:
		return self.books.transfers(f"payout:{self.name}")

	def accept_differences(self):
		for name in frappe.get_all(
			"Payment Payout Difference", {"payout": self.name, "status": "Open"}, pluck="name"
		):
			differences.accept(name, "The gateway explained it.")


class TestTransfer(PayoutBookCase):
	def test_a_payout_moves_what_waited_to_the_bank_and_its_fees(self):
		"""B16."""
		payment = self.take()
		self.record(self.entries(payment))
		posting = self.post()
		self.assertEqual((posting.status, posting.document_type), ("Done", "Journal Entry"), posting.error)
		(transfer,) = self.transfers()
		self.assertEqual((transfer.amount, transfer.total), (Decimal("487.22"), Decimal("487.22")))
		self.assertEqual(list(transfer.payments.values()), [Decimal("499.00")])
		self.assertEqual(
			{what: amount for what, amount in transfer.others.items() if amount},
			{"Fee": Decimal("-9.98"), "Tax on Fee": Decimal("-1.80")},
		)
		self.assertEqual((transfer.reference, transfer.day), ("UTR1", date(2026, 11, 3)))

	def test_it_is_booked_once_and_is_in_the_audit_trail(self):
		"""B16."""
		self.record(self.entries(self.take()))
		for _time in range(2):
			self.post()
			dispatch.payout_recorded(frappe.get_doc("Payment Payout", self.name))
			dispatch.run_postings()
		self.assertEqual(len(self.transfers()), 1)
		trail = {"reference_name": self.posting().name, "event": "posted"}
		(event,) = frappe.get_all("Payment Event", trail, ["name", "to_status"])
		self.assertEqual((event.name.split("-")[0], event.to_status), (SITE_CHAIN, "Done"))

	def test_a_crash_after_booking_finds_what_was_booked(self):
		"""B16."""
		self.record(self.entries(self.take()))
		posting = self.post()
		frappe.db.set_value("Payment Posting", posting.name, "status", "Waiting")
		self.assertEqual((self.status(), len(self.transfers())), ("Done", 1))

	def test_a_payment_that_we_did_not_book_goes_to_an_account_of_its_own(self):
		"""B16: of it nothing waits in the account of the gateway."""
		self.record(self.entries(self.take(post=False)))
		self.assertEqual(self.status(), "Done")
		(transfer,) = self.transfers()
		self.assertEqual((transfer.payments, transfer.others["Not Booked"]), ({}, Decimal("499.00")))

	def test_a_payout_waits_for_the_booking_of_its_payments(self):
		BooksInMemory.down = "The books are being repaired."
		payment = self.take()
		BooksInMemory.down = ""
		self.record(self.entries(payment))
		posting = self.post()
		self.assertEqual((posting.status, self.transfers()), ("Waiting", []))

	def test_payouts_from_before_booking_was_switched_on_are_not_booked(self):
		self.record(self.entries(self.take()))
		with payment_settings(post_since="2030-01-01 00:00:00"):
			dispatch.post_payout(self.name)
			dispatch.run_postings()
		self.assertFalse(frappe.db.exists("Payment Posting", {"payout": self.name}))

	def test_books_of_an_app_that_knows_no_payouts_are_left_alone(self):
		self.record(self.entries(self.take()))
		method = BooksInMemory.book_payout
		self.addCleanup(setattr, BooksInMemory, "book_payout", method)
		del BooksInMemory.book_payout
		dispatch.post_payout(self.name)
		dispatch.run_postings()
		self.assertFalse(frappe.db.exists("Payment Posting", {"payout": self.name}))


class TestRefused(PayoutBookCase):
	def test_lines_that_do_not_add_up_are_not_booked_until_a_complete_report_comes(self):
		"""B17."""
		payment = self.take()
		self.record(self.entries(payment)[:-1])
		posting = self.post()
		self.assertEqual((posting.status, self.transfers()), ("Needs Attention", []))
		self.assertIn("do not add up", posting.error)
		self.record(self.entries(payment))
		dispatch.run_postings()
		self.assertEqual((self.posting().status, len(self.transfers())), ("Done", 1))

	def test_an_open_difference_keeps_a_payout_from_being_booked_until_it_is_accepted(self):
		"""B17: by itself, once somebody explained the last one."""
		self.record(self.entries(unique("pay")))
		posting = self.post()
		self.assertEqual((posting.status, self.transfers()), ("Needs Attention", []))
		self.assertIn("open differences: 1", posting.error)
		dispatch.run_postings()
		self.assertEqual(self.posting().status, "Needs Attention")
		self.accept_differences()
		dispatch.run_postings()
		self.assertEqual((self.posting().status, len(self.transfers())), ("Done", 1))

	def test_one_that_was_not_compared_yet_waits(self):
		"""B17: its differences are not known."""
		self.record(self.entries(self.take()))
		frappe.db.set_value("Payment Payout", self.name, "checked_on", None)
		posting = self.post()
		self.assertEqual((posting.status, posting.tries, self.transfers()), ("Waiting", 0, []))

	def test_sums_that_differ_from_the_lines_are_not_booked(self):
		"""B17: whoever changed the database."""
		self.record(self.entries(self.take()))
		line = frappe.db.get_value("Payment Payout Line", {"payout": self.name, "kind": "Capture"})
		frappe.db.set_value("Payment Payout Line", line, "amount", 498.99)
		posting = self.post()
		self.assertEqual((posting.status, self.transfers()), ("Needs Attention", []))
		self.assertIn("487.21", posting.error)

	def test_payments_in_another_currency_are_left_to_somebody(self):
		payment = self.take()
		lines = self.entries(payment)
		lines[1] = replace(lines[1], own_minor=600, own_currency="USD")
		self.record(lines)
		self.accept_differences()
		posting = self.post()
		self.assertEqual((posting.status, self.transfers()), ("Needs Attention", []))
		self.assertIn("another currency", posting.error)

	def test_a_refused_one_is_posted_again_or_closed_by_a_manager(self):
		self.record(self.entries(unique("pay")))
		name = self.post().name
		run.close(name, "Booked by hand.")
		self.accept_differences()
		dispatch.run_postings()
		self.assertEqual((self.posting().status, self.transfers()), ("Closed", []))


class TestCorrected(PayoutBookCase):
	def setUp(self):
		super().setUp()
		self.payment = self.take()
		self.record(self.entries(self.payment))
		self.post()

	def corrected(self) -> list:
		"""The gateway charged 1.00 more."""
		entries = self.entries(self.payment, amount=48622)
		entries[2] = replace(entries[2], minor=-1098)
		return entries

	def test_another_report_changes_nothing_in_the_books(self):
		"""B13."""
		self.record(self.corrected())
		dispatch.run_postings()
		(transfer,) = self.transfers()
		self.assertEqual(transfer.amount, Decimal("487.22"))

	def test_a_reopened_payout_is_booked_anew_by_its_next_report(self):
		"""B18."""
		self.record(self.corrected())
		reopen(self.name, "The gateway corrected its fee.")
		dispatch.run_postings()
		self.assertEqual(self.posting().status, "Done", "what is booked stays until there is a better report")
		self.record(self.corrected())
		self.post()
		(transfer,) = self.transfers()
		self.assertEqual((transfer.amount, transfer.others["Fee"]), (Decimal("486.22"), Decimal("-10.98")))
		self.assertEqual(support.differences(GATEWAY), [])

	def test_a_reopened_payout_with_the_same_report_stays_as_it_is_booked(self):
		"""B18."""
		name = self.posting().document_name
		reopen(self.name, "By mistake.")
		self.record(self.entries(self.payment))
		self.assertEqual((self.post().status, self.posting().document_name), ("Done", name))
		self.assertEqual(frappe.db.get_value("Payment Payout", self.name, "status"), "Balanced")

	def test_a_posting_that_was_closed_needs_attention_when_its_payout_is_corrected(self):
		"""B18: somebody has booked it by hand, and only they can correct that."""
		posting = self.posting()
		posting.mark_as_needing_attention("Cancelled.")
		posting.mark_as_closed("Booked by hand.")
		reopen(self.name, "The gateway corrected its fee.")
		self.record(self.corrected())
		dispatch.run_postings()
		self.assertEqual(self.posting().status, "Needs Attention")
		self.assertEqual(len(self.transfers()), 1)

	def test_only_a_balanced_payout_can_be_reopened_and_it_leaves_a_reason(self):
		"""B18."""
		reopen(self.name, "The gateway corrected its fee.")
		with self.assertRaises(Conflict):
			reopen(self.name, "Once more.")
		trail = {"reference_name": self.name, "event": "payout_reopened"}
		self.assertEqual(
			frappe.get_all("Payment Event", trail, pluck="note"), ["The gateway corrected its fee."]
		)
