"""Unused days that were kept as credit: our credit note is booked, once, and only if it is for exactly that credit."""

from decimal import Decimal

import frappe

from oropendola_payments.engine.documents.sweep import issue_all
from oropendola_payments.engine.documents.test_kept_as_credit import HALF, CreditCase
from oropendola_payments.engine.refunds import create
from oropendola_payments.integrations import dispatch
from oropendola_payments.tests.support.books import books_installed


class TestKeptAsCredit(CreditCase):
	def setUp(self):
		super().setUp()
		self.books = self.enterContext(books_installed())
		self.invoice = self.sell()
		dispatch.post_invoice(self.invoice)

	def post(self):
		due = {"invoice": self.invoice, "status": "Waiting"}
		frappe.db.set_value("Payment Posting", due, "next_try_at", "2020-01-01")
		frappe.db.commit()
		dispatch.run_postings()

	def notes(self) -> list:
		filters = {"invoice": self.invoice, "kind": "Credit Note"}
		fields = ["source_key", "status", "document_name"]
		return frappe.get_all("Payment Posting", filters, fields, order_by="creation, name")

	def test_our_credit_note_is_booked_against_its_sale_and_once(self):
		"""B6."""
		self.end()
		issue_all(self.invoice)
		for _run in range(2):
			self.post()
		((key, status, name),) = [tuple(row.values()) for row in self.notes()]
		self.assertEqual((key, status), (f"credited:{self.invoice}", "Done"))
		sale = self.books.sale(key)
		self.assertEqual(sale.total, HALF)
		self.assertEqual([tax.amount for tax in sale.taxes], [Decimal("44.96")] * 2)
		sold = frappe.db.get_value(
			"Payment Posting", {"source_key": f"invoice:{self.invoice}"}, "document_name"
		)
		self.assertEqual(self.books.sales[name]["against"], sold)

	def test_it_waits_for_our_credit_note(self):
		self.end()
		frappe.db.set_value("AI Invoice", self.invoice, "document_state", "Credit Due")
		self.post()
		self.assertEqual([row.status for row in self.notes()], ["Waiting"])

	def test_a_later_credit_note_is_booked_as_well(self):
		"""B6."""
		self.keep("100")
		self.post()
		self.keep("150")
		self.post()
		self.assertEqual(
			[(row.source_key, row.status) for row in self.notes()],
			[(f"credited:{self.invoice}", "Done"), (f"credited:{self.invoice}:2", "Done")],
		)
		self.assertEqual(self.books.sale(f"credited:{self.invoice}:2").total, 50)

	def test_a_note_for_more_than_is_credit_now_needs_attention(self):
		"""B6: the refund of such credit gets no note, so the books have to be corrected by somebody."""
		self.end()
		issue_all(self.invoice)
		create.create_refund(self.invoice, Decimal(40), "Asked for")
		issue_all(self.invoice)
		self.assertLess(frappe.db.get_value("AI Invoice", self.invoice, "amount_credited"), HALF)
		self.post()
		self.assertEqual({row.status for row in self.notes()}, {"Needs Attention"})

	def keep(self, amount: str):
		"""As if so much of the sale had become credit in all."""
		frappe.db.set_value(
			"AI Invoice", self.invoice, {"amount_credited": amount, "document_state": "Credit Due"}
		)
		frappe.db.commit()
		issue_all(self.invoice)
