"""Parts in the books: what was paid of an invoice whose rest is given up is a sale, too."""

from decimal import Decimal
from functools import partial
from unittest.mock import patch

import frappe

from oropendola_payments.api import subscription as api
from oropendola_payments.engine.refunds import create
from oropendola_payments.integrations import dispatch
from oropendola_payments.tests.support.books import books_installed
from oropendola_payments.tests.support.parts import PARTS, PartsFlowCase


class TestClosedInvoices(PartsFlowCase):
	"""Days that the parts have bought stay bought."""

	def setUp(self):
		super().setUp()
		self.books = self.enterContext(books_installed())
		self.in_instalments()
		self.pay(PARTS[0])
		dispatch.post_invoice(self.invoice)

	def kinds(self) -> set[str]:
		return set(frappe.get_all("Payment Posting", {"invoice": self.invoice}, pluck="kind"))

	def close(self):
		self.succeed(api.cancel_subscription, subscription_id=self.subscription, at_period_end=0)
		self.assertEqual((self.doc().status, self.doc().covered_days > 0), ("Closed", True))

	def test_closing_books_the_sale_of_the_covered_days(self):
		"""B6."""
		self.assertEqual(self.kinds(), {"Payment"})
		with patch.object(frappe, "enqueue", partial(frappe.enqueue, now=True)):
			self.close()
		self.assertEqual(self.kinds(), {"Payment", "Invoice"})

	def test_the_sweep_finds_a_closed_invoice_whose_sale_was_not_planned(self):
		"""B6."""
		self.close()
		frappe.db.delete("Payment Posting", {"invoice": self.invoice, "kind": "Invoice"})
		frappe.db.commit()
		dispatch.run_postings()
		self.assertEqual(self.kinds(), {"Payment", "Invoice"})


class TestPartsThatWereRefunded(PartsFlowCase):
	def test_a_part_that_was_paid_again_is_no_credit_note_and_pays_nothing_twice(self):
		"""B6."""
		books = self.enterContext(books_installed())
		self.new_invoice(price=499, billing_interval="Month", part_payments=1)
		self.pay_by_transfer("200")
		create.create_refund(self.invoice, Decimal(50), "A mistake")
		dispatch.post_invoice(self.invoice)
		books.drift = Decimal("0.01")  # so that the sale is booked after its money
		self.addCleanup(setattr, books, "drift", Decimal(0))
		self.pay_by_transfer("438.82")
		dispatch.post_invoice(self.invoice)
		books.drift = Decimal(0)
		name = frappe.db.get_value("Payment Posting", {"invoice": self.invoice, "kind": "Invoice"})
		frappe.get_doc("Payment Posting", name).mark_as_waiting()
		frappe.db.commit()
		dispatch.post_invoice(self.invoice)
		rows = frappe.get_all("Payment Posting", {"invoice": self.invoice}, ["kind", "status"])
		self.assertEqual(
			sorted((row.kind, row.status) for row in rows),
			[("Invoice", "Done"), ("Payment", "Done"), ("Payment", "Done"), ("Refund", "Done")],
		)
		self.assertEqual(self.allocated(books), [Decimal("200"), Decimal("388.82")])

	def test_a_payment_after_the_booked_sale_pays_no_more_than_is_left_of_it(self):
		"""B6."""
		books = self.enterContext(books_installed())
		self.new_invoice(price=499, billing_interval="Month", part_payments=1)
		self.pay_by_transfer("500")
		create.create_refund(self.invoice, Decimal(400), "A mistake")
		self.pay_by_transfer("400")
		self.pay_by_transfer("88.82")
		dispatch.post_invoice(self.invoice)
		self.assertEqual(self.allocated(books), [Decimal("500"), Decimal("88.82")])
		rows = frappe.get_all("Payment Posting", {"invoice": self.invoice}, ["kind", "status"])
		self.assertEqual({row.status for row in rows}, {"Done"})

	def allocated(self, books) -> list[Decimal]:
		"""What the payments of the sale take off it, in their order."""
		sale = {"invoice": self.invoice, "kind": "Invoice", "status": "Done"}
		sold = frappe.db.get_value("Payment Posting", sale, "document_name")
		return [
			amount for row in books.payments.values() for document, amount in row["paid"] if document == sold
		]
