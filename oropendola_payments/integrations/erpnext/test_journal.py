"""Payouts on a site with ERPNext: from the simulated gateway to the General Ledger, corrected and refused."""

import unittest
from decimal import Decimal

import frappe

from oropendola_payments.engine.payouts import differences, fetch, reconcile
from oropendola_payments.engine.payouts.record import reopen
from oropendola_payments.integrations import dispatch
from oropendola_payments.integrations.erpnext import accounts, journal
from oropendola_payments.tests.support import erpnext_site as site
from oropendola_payments.tests.support import payouts as support
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.factories import create_user, payment_settings
from oropendola_payments.tests.support.simulated import simulator

GATEWAY = "razorpay"
BANK, FEES, TAX, LOST, ELSEWHERE = (
	"Payout Bank",
	"Gateway Fees",
	"Tax on Gateway Fees",
	"Lost Disputes",
	"Before",
)


@unittest.skipUnless(site.is_installed(), "ERPNext is not installed.")
class TestPayoutsOnERPNext(TestCase):
	def setUp(self):
		support.start_afresh(GATEWAY)
		frappe.db.delete("Payment Posting", {"kind": "Payout"})
		self.accounts = {
			BANK: site.ensure_account(BANK, "Bank", "Asset"),
			FEES: site.ensure_account(FEES, "", "Expense"),
			TAX: site.ensure_account(TAX, "Tax", "Asset"),
			LOST: site.ensure_account(LOST, "", "Expense"),
			ELSEWHERE: site.ensure_account(ELSEWHERE, "", "Liability"),
		}
		self.switch_on()
		dispatch.prepare()
		frappe.db.commit()
		self.clearing = accounts.clearing_account(GATEWAY, site.company(), "INR")

	def switch_on(self, **more):
		settings = {
			"accept_documents": 1,
			"post_to_erpnext": 1,
			"erpnext_company": site.company(),
			"post_since": "2020-01-01 00:00:00",
			"payout_bank_account": BANK,
			"payout_fee_account": FEES,
			"payout_tax_account": self.accounts[TAX],
			"payout_dispute_account": LOST,
			"payout_unbooked_account": ELSEWHERE,
		}
		self.enterContext(payment_settings(**{**settings, **more}))

	def paid_out(self, *, booked: bool = True, refund: Decimal | None = None):
		"""A payment that the simulated gateway took, and perhaps gave back in part, and then paid out."""
		journey = support.paid(GATEWAY, user=create_user())
		if refund:
			support.refunded(journey, refund)
		if booked:
			dispatch.post_invoice(journey.invoice)
		self.theirs = simulator().provider(GATEWAY).settle()
		fetch.fetch(GATEWAY)
		self.payout = frappe.get_all("Payment Payout", {"gateway": GATEWAY}, pluck="name")[0]
		return self.post()

	def post(self):
		frappe.db.commit()
		dispatch.post_payout(self.payout)
		return frappe.get_doc("Payment Posting", {"payout": self.payout})

	def booked(self, entry: str) -> dict[str, float]:
		rows = frappe.get_all("GL Entry", {"voucher_no": entry, "is_cancelled": 0}, pluck="account")
		return {account: site.ledger(account, voucher_no=entry) for account in set(rows)}

	def test_the_general_ledger_has_what_the_gateway_paid_out(self):
		"""B16."""
		posting = self.paid_out(refund=Decimal("99.50"))
		self.assertEqual(posting.status, "Done", posting.error)
		entry = frappe.get_doc("Journal Entry", posting.document_name)
		payout = frappe.get_doc("Payment Payout", self.payout)
		self.assertEqual(
			self.booked(entry.name),
			{
				self.accounts[BANK]: float(payout.amount),
				self.accounts[FEES]: -float(payout.fee_amount),
				self.accounts[TAX]: -float(payout.tax_amount),
				self.clearing: -399.5,
			},
		)
		self.assertEqual(
			(entry.voucher_type, entry.cheque_no),
			("Bank Entry", payout.bank_reference or payout.gateway_payout_id),
		)
		self.assertEqual((str(entry.posting_date), entry.docstatus), (str(payout.paid_on), 1))
		self.assertTrue(site.is_balanced())

	def test_it_is_booked_once(self):
		"""B16."""
		posting = self.paid_out()
		frappe.db.set_value("Payment Posting", posting.name, "status", "Waiting")
		again = self.post()
		self.assertEqual((again.status, again.document_name), ("Done", posting.document_name))
		self.assertEqual(frappe.db.count("Journal Entry", {"oropendola_source": posting.source_key}), 1)

	def test_what_was_never_booked_does_not_leave_the_clearing_account(self):
		"""B16."""
		posting = self.paid_out(booked=False)
		self.assertEqual(posting.status, "Done", posting.error)
		booked = self.booked(posting.document_name)
		self.assertEqual((booked.get(self.clearing), booked[self.accounts[ELSEWHERE]]), (None, -499))

	def test_an_account_that_is_missing_or_of_another_kind_is_named(self):
		"""B17."""
		site.ensure_account("Dollars at the Bank", "Bank", "Asset", currency="USD")
		group = frappe.db.get_value(
			"Account", {"company": site.company(), "is_group": 1, "root_type": "Asset"}, "account_name"
		)
		cases = {
			"": "Bank Account",
			"No Such Bank": "No Such Bank",
			"Dollars at the Bank": "USD",
			group: group,
		}
		self.switch_on(payout_bank_account="")
		posting = self.paid_out()
		for name, named in cases.items():
			with self.subTest(name), payment_settings(payout_bank_account=name):
				posting.reload().mark_as_waiting() if posting.reload().status == "Needs Attention" else None
				posting = self.post()
				self.assertEqual(posting.status, "Needs Attention")
				self.assertIn(named, posting.error)
		with payment_settings(payout_bank_account=BANK):
			posting.mark_as_waiting()
			self.assertEqual(self.post().status, "Done")

	def test_an_account_of_another_company_is_refused(self):
		"""B17."""
		company = site.ensure_another_company()
		other = site.ensure_account("Bank of the Other", "Bank", "Asset", of=company)
		self.switch_on(payout_bank_account=other)
		posting = self.paid_out()
		self.assertEqual(posting.status, "Needs Attention")
		self.assertIn(other, posting.error)

	def test_the_bank_account_of_the_gateway_comes_first(self):
		own = site.ensure_account("Bank of Razorpay", "Bank", "Asset")
		support.set_payouts(GATEWAY, payout_bank_account="Bank of Razorpay")
		self.addCleanup(support.set_payouts, GATEWAY, payout_bank_account=None)
		posting = self.paid_out()
		self.assertIn(own, self.booked(posting.document_name))

	def test_an_open_difference_keeps_it_out_of_the_books(self):
		"""B17."""
		self.paid_out_with_an_unknown_payment()
		posting = self.post()
		self.assertEqual(posting.status, "Needs Attention")
		for name in frappe.get_all(
			"Payment Payout Difference", {"payout": self.payout, "status": "Open"}, pluck="name"
		):
			differences.accept(name, "Another shop.")
		dispatch.run_postings()
		posting.reload()
		self.assertEqual(posting.status, "Done", posting.error)
		self.assertEqual(self.booked(posting.document_name)[self.accounts[ELSEWHERE]], -1)

	def paid_out_with_an_unknown_payment(self):
		self.payout = support.unknown_payout(GATEWAY)["Payment Payout"]
		frappe.db.commit()

	def test_a_corrected_payout_cancels_its_entry_and_is_booked_anew(self):
		"""B18."""
		posting = self.paid_out()
		first = posting.document_name
		reopen(self.payout, "The gateway corrected its fee.")
		line = frappe.db.get_value(
			"Payment Payout Line", {"payout": self.payout, "kind": "Fee"}, ["name", "amount"], as_dict=True
		)
		payout = frappe.get_doc("Payment Payout", self.payout)
		frappe.db.set_value("Payment Payout Line", line.name, "amount", line.amount - 1)
		payout.write(fee_amount=payout.fee_amount - 1, amount=payout.amount - 1, content_hash="another")
		payout.mark_as_balanced()
		reconcile.check(self.payout)
		posting = self.post()
		self.assertEqual(posting.status, "Done", posting.error)
		self.assertEqual(frappe.db.get_value("Journal Entry", first, "docstatus"), 2)
		self.assertNotEqual(posting.document_name, first)
		self.assertEqual(self.booked(posting.document_name)[self.accounts[BANK]], float(payout.amount))
		self.assertEqual(self.booked(first), {})
		self.assertTrue(site.is_balanced())

	def test_an_entry_that_somebody_cancelled_is_booked_again_when_it_is_posted_again(self):
		"""B16: a cancelled entry keeps no key."""
		posting = self.paid_out()
		frappe.get_doc("Journal Entry", posting.document_name).cancel()
		frappe.db.set_value("Payment Posting", posting.name, "status", "Waiting")
		again = self.post()
		self.assertEqual(again.status, "Done", again.error)
		self.assertNotEqual(again.document_name, posting.document_name)

	def test_india_compliance_gets_the_number_of_the_company(self):
		"""Without it that app refuses an entry with an account of GST."""
		with site.gst_fields(own="27AAACO1234A1Z5", addresses=("29AAACO1234A1Z5",)):
			posting = self.paid_out()
			self.assertEqual(posting.status, "Done", posting.error)
			number = frappe.db.get_value("Journal Entry", posting.document_name, "company_gstin")
			self.assertEqual(number, "27AAACO1234A1Z5")

	def test_the_only_number_among_the_addresses_is_the_companys(self):
		entry = frappe.new_doc("Journal Entry")
		self.assertEqual(journal._gst(entry, site.company()), {})
		for known, expected in (((), None), (("29AAACO1234A1Z5",), "29AAACO1234A1Z5"), (("a", "b"), None)):
			with self.subTest(known), site.gst_fields(own=None, addresses=known):
				entry = frappe.new_doc("Journal Entry")
				self.assertEqual(journal._gst(entry, site.company()), {"company_gstin": expected})
