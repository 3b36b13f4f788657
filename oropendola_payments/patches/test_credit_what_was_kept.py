import frappe
from frappe.utils import add_days, now_datetime

from oropendola_payments.engine.documents.sweep import issue_all
from oropendola_payments.integrations import dispatch
from oropendola_payments.patches import credit_what_was_kept
from oropendola_payments.tests.support.books import books_installed
from oropendola_payments.tests.support.tax_documents import DocumentCase, documents_of, paid_invoice, refund


class TestCreditWhatWasKept(DocumentCase):
	def test_credit_from_before_gets_the_note_that_is_missing_once(self):
		invoice, other = paid_invoice().name, paid_invoice().name
		for name in (invoice, other):
			issue_all(name)
		capture = frappe.db.get_value("Payment Capture", {"invoice": invoice})
		frappe.db.set_value("Payment Capture", capture, {"resolution": "Credit", "surplus": 300})
		frappe.db.commit()
		refund(other, 100)
		issue_all(other)
		for _run in range(2):
			credit_what_was_kept.execute()
			frappe.db.commit()
			issue_all(invoice)
			issue_all(other)
		self.assertEqual([row.total_amount for row in documents_of(invoice)], [588.82, 300])
		self.assertEqual([row.total_amount for row in documents_of(other)], [588.82, 100])

	def test_what_was_refunded_of_the_credit_has_its_note_already(self):
		invoice = paid_invoice().name
		issue_all(invoice)
		refund(invoice, 100)
		issue_all(invoice)
		capture = frappe.db.get_value("Payment Capture", {"invoice": invoice})
		frappe.db.set_value("Payment Capture", capture, {"resolution": "Credit", "surplus": 300})
		frappe.db.set_value("AI Invoice", invoice, "amount_credited", 0)
		frappe.db.commit()
		credit_what_was_kept.execute()
		frappe.db.commit()
		issue_all(invoice)
		self.assertEqual([row.total_amount for row in documents_of(invoice)], [588.82, 100, 200])

	def test_the_books_are_asked_for_the_note_of_a_sale_that_has_not_changed_for_long(self):
		self.enterContext(books_installed())
		invoice = paid_invoice().name
		dispatch.run_postings()
		frappe.db.set_value("Payment Capture", {"invoice": invoice}, {"resolution": "Credit", "surplus": 300})
		long_ago = {"modified": add_days(now_datetime(), -60)}
		frappe.db.set_value("AI Invoice", invoice, long_ago, update_modified=False)
		credit_what_was_kept.execute()
		frappe.db.commit()
		dispatch.run_postings()
		self.assertTrue(frappe.db.exists("Payment Posting", {"source_key": f"credited:{invoice}"}))
