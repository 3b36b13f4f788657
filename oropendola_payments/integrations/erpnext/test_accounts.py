"""Accounts of several companies at one gateway: each one's money stays in its own books, from the request to the payout."""

import unittest
from urllib.parse import urlsplit

import frappe

from oropendola_payments.engine.payouts import fetch
from oropendola_payments.exceptions import BadRequest
from oropendola_payments.integrations import dispatch
from oropendola_payments.integrations.erpnext import accounts
from oropendola_payments.tests.support import erpnext_site as site
from oropendola_payments.tests.support import payouts as support
from oropendola_payments.tests.support.accounts import COMPANY, SETTINGS, another_account
from oropendola_payments.tests.support.external import ExternalCase
from oropendola_payments.tests.support.factories import (
	create_user,
	enable_gateway,
	forget_counters,
	payment_settings,
)
from oropendola_payments.tests.support.journey import Journey
from oropendola_payments.tests.support.links import LinkCase, start
from oropendola_payments.tests.support.outbox import mails_stay_queued
from oropendola_payments.tests.support.pages import page
from oropendola_payments.tests.support.simulated import simulator

FIRST, SECOND = "razorpay", "razorpay_acme"
BANK, FEES, TAX = "Payout Bank", "Gateway Fees", "Tax on Gateway Fees"


class TestCompanies(ExternalCase):
	def test_the_account_of_another_company_is_refused_for_a_document(self):
		"""B19."""
		with another_account() as account, another_account(suffix="other", company="Other") as other:
			# A settings record has a company too, so it is a document to pay.
			document = {"reference_doctype": SETTINGS, "reference_docname": account.name, "amount": 10.0}
			self.assertIn("/p/", account.get_payment_url(**self.details(**document)))
			self.assertIn("/p/", self.settings.get_payment_url(**self.details(**document)))
			with self.assertRaises(BadRequest):
				other.get_payment_url(**self.details(**document))

	def test_the_payer_sees_the_company_that_gets_the_money(self):
		with another_account(self.gateway, api_base_url=f"{self.sim.url}/{self.gateway}_acme") as account:
			self.settings = account
			self.document = create_user()
			self.ask(499.0)
			self.assertIn(f"<dd>{COMPANY}</dd>", page(self.path).text)

	def test_an_account_that_sells_plans_is_the_sellers(self):
		"""B19."""
		enable_gateway(FIRST, documents_only=1)
		self.addCleanup(enable_gateway, FIRST, documents_only=0)
		with payment_settings(erpnext_company="The Seller"):
			with self.assertRaises(BadRequest), another_account(documents_only=0):
				pass
			frappe.db.rollback()
			for values in ({"company": "The Seller"}, {"company": None}, {"enabled": 0}):
				with another_account(**{"documents_only": 0, **values}):
					pass
			with another_account(company=COMPANY):
				pass


@unittest.skipUnless(site.is_installed(), "ERPNext is not installed.")
class TestCompaniesOnERPNext(LinkCase):
	gateway = SECOND

	def setUp(self):
		self.sim = simulator()
		self.enterContext(mails_stay_queued())
		forget_counters()
		self.company = site.ensure_another_company()
		for account, kind, root in ((BANK, "Bank", "Asset"), (FEES, "", "Expense"), (TAX, "Tax", "Asset")):
			site.ensure_account(account, kind, root, of=self.company)
		payouts = {"payout_bank_account": BANK, "payout_fee_account": FEES, "payout_tax_account": TAX}
		self.enterContext(site.switched_on(**payouts))
		self.account = self.enterContext(
			another_account(company=self.company, api_base_url=f"{self.sim.url}/{SECOND}")
		)
		dispatch.prepare()
		frappe.db.commit()

	def request(self):
		request = site.create_payment_request(site.create_sales_invoice(of=self.company), SECOND)
		self.path = urlsplit(request.payment_url).path
		return request, frappe.db.get_value("AI Invoice", {"external_name": request.name})

	def posted(self, **filters):
		return frappe.get_doc("Payment Posting", filters)

	def test_money_stays_in_the_books_of_the_company_whose_account_it_is(self):
		"""B19."""
		support.start_afresh(SECOND)
		self.enable(SECOND)
		request, invoice = self.request()
		self.pay_at_gateway(start(self.path, SECOND))
		dispatch.post_invoice(invoice)
		posting = self.posted(invoice=invoice)
		self.assertEqual((request.reload().status, posting.status), ("Paid", "Done"), posting.error)
		entry = frappe.get_doc("Payment Entry", posting.document_name)
		clearing = accounts.clearing_account(SECOND, self.company, "INR")
		self.assertEqual((entry.company, entry.paid_to), (self.company, clearing))
		self.sim.settle(SECOND)
		fetch.fetch(SECOND)
		payout = frappe.get_all("Payment Payout", {"gateway": SECOND}, pluck="name")[0]
		dispatch.post_payout(payout)
		posting = self.posted(payout=payout)
		self.assertEqual(posting.status, "Done", posting.error)
		self.assertEqual(frappe.db.get_value("Journal Entry", posting.document_name, "company"), self.company)
		self.assertEqual(site.ledger(clearing, voucher_no=posting.document_name), -499)

	def test_a_company_has_no_payment_gateway_account_of_another_one(self):
		"""B19."""
		filters = {"payment_gateway": accounts.label_of(SECOND)}
		companies = set(frappe.get_all("Payment Gateway Account", filters, pluck="company"))
		self.assertEqual(companies, {self.company})

	def test_a_request_of_another_company_cannot_name_the_account(self):
		"""B19: not even if somebody makes a Payment Gateway Account for it by hand."""
		accounts.ensure_gateway_account(SECOND, site.company())
		self.addCleanup(
			frappe.db.delete, "Payment Gateway Account", {"payment_gateway": accounts.label_of(SECOND)}
		)
		with self.assertRaises(BadRequest):
			site.create_payment_request(site.create_sales_invoice(), SECOND)
		frappe.db.rollback()

	def test_money_for_a_company_that_has_left_the_account_needs_attention(self):
		"""B19."""
		_request, invoice = self.request()
		attempt = start(self.path, SECOND)
		self.enable(SECOND, company=site.company())
		self.pay_at_gateway(attempt)
		dispatch.post_invoice(invoice)
		posting = self.posted(invoice=invoice)
		self.assertEqual((posting.status, posting.document_name), ("Needs Attention", None))
		self.assertIn(self.company, posting.error)

	def test_money_of_plans_in_the_account_of_another_company_needs_attention(self):
		"""B19: the Company of Payment Settings was changed."""
		enable_gateway(FIRST, enabled=0)
		self.addCleanup(enable_gateway, FIRST, enabled=1)
		self.addCleanup(enable_gateway, SECOND, enabled=0, company=None)
		with payment_settings(erpnext_company=self.company):
			self.enable(SECOND, documents_only=0)
			journey = Journey(SECOND, user=create_user())
		journey.deliver_return(journey.customer_pays(journey.start()))
		dispatch.post_invoice(journey.invoice)
		posting = self.posted(invoice=journey.invoice, kind="Payment")
		self.assertEqual((journey.status(), posting.status), ("Paid", "Needs Attention"), posting.error)
		self.assertIn(self.company, posting.error)
