import frappe

from oropendola_payments.engine.documents.sweep import issue_all
from oropendola_payments.patches import credit_what_was_kept
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
