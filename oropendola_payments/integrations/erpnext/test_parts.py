"""Parts in the books: what was paid of an invoice whose rest is given up is a sale, too."""

from functools import partial
from unittest.mock import patch

import frappe

from oropendola_payments.api import subscription as api
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
