"""Sales whose tax document was issued again: what the books have is never mixed with what the new document says."""

from unittest.mock import patch

import frappe

from oropendola_payments.engine.documents.credit_notes import issue_for_refund
from oropendola_payments.engine.documents.issue import issue_for_invoice
from oropendola_payments.engine.documents.reissue import reissue
from oropendola_payments.engine.tax import profile
from oropendola_payments.integrations import dispatch
from oropendola_payments.integrations.erpnext.types import Booked, Sale
from oropendola_payments.tests.support.books import BooksInMemory, books_installed
from oropendola_payments.tests.support.tax_documents import DocumentCase, paid_invoice, refund


class TestReissued(DocumentCase):
	def setUp(self):
		super().setUp()
		self.books = self.enterContext(books_installed())
		self.addCleanup(setattr, BooksInMemory, "down", "")
		self.invoice = paid_invoice()
		issue_for_invoice(self.invoice.name)

	def post(self):
		due = {"invoice": self.invoice.name, "status": "Waiting"}
		frappe.db.set_value("Payment Posting", due, "next_try_at", "2020-01-01")
		frappe.db.commit()
		dispatch.post_invoice(self.invoice.name)

	def refund(self, amount: str):
		issue_for_refund(refund(self.invoice.name, amount))

	def reissue(self):
		profile.save(self.invoice.user, {"state": "Goa"})
		reissue(self.invoice.name, "The customer sent the right state")

	def statuses(self) -> dict[str, str]:
		rows = frappe.get_all("Payment Posting", {"invoice": self.invoice.name}, ["kind", "status"])
		return {row.kind: row.status for row in rows}

	def test_a_document_for_the_rest_after_a_refund_is_not_booked_as_the_whole_sale(self):
		"""B6."""
		self.books.down = "The books are being repaired."
		self.refund("100")
		self.reissue()
		self.books.down = ""
		self.post()
		self.assertEqual(self.statuses()["Invoice"], "Needs Attention")

	def test_one_that_was_issued_again_before_it_was_booked_is_booked_as_it_is_now(self):
		self.books.down = "The books are being repaired."
		self.post()
		self.reissue()
		self.books.down = ""
		self.post()
		sale = self.books.sale(f"invoice:{self.invoice.name}")
		self.assertEqual([tax.label for tax in sale.taxes], ["IGST"])
		self.refund("100")
		self.post()
		self.assertEqual(set(self.statuses().values()), {"Done"})

	def test_one_that_is_issued_again_while_it_is_being_booked_is_booked_as_it_is_then(self):
		"""B6."""

		def book_sale(books: BooksInMemory, sale: Sale) -> Booked:
			frappe.db.set_value("AI Invoice", self.invoice.name, "tax_document", None)  # of a reissue
			return self.books.book_sale(books, sale)

		with patch.object(
			dispatch, "_books", return_value=type("Slow", (BooksInMemory,), {"book_sale": book_sale})()
		):
			self.post()
		self.assertEqual(self.statuses()["Invoice"], "Waiting")
		BooksInMemory.sales.clear()  # as the rollback of real books
		self.post()
		self.assertEqual(self.statuses()["Invoice"], "Done")

	def test_a_note_of_the_new_document_is_not_booked_against_the_sale_of_the_old_one(self):
		"""B6."""
		self.post()
		self.reissue()
		self.refund("100")
		self.post()
		self.assertEqual(self.statuses()["Credit Note"], "Needs Attention")
