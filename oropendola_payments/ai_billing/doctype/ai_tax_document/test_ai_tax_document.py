"""Nobody can write, change, rename or delete a tax document or its series, Administrator included."""

import frappe

from oropendola_payments.engine.documents.issue import issue_for_invoice
from oropendola_payments.exceptions import DocumentIsFrozen
from oropendola_payments.tests.support.factories import as_user
from oropendola_payments.tests.support.tax_documents import DocumentCase, paid_invoice


class TestFrozen(DocumentCase):
	def setUp(self):
		super().setUp()
		self.number = issue_for_invoice(paid_invoice().name)
		self.enterContext(as_user("Administrator"))
		self.document = frappe.get_doc("AI Tax Document", self.number)
		self.series = frappe.get_doc("AI Tax Document Series", self.document.series)

	def test_a_document_cannot_be_changed(self):
		"""S57."""
		for field, value in (
			("total_amount", 1),
			("buyer_name", "Somebody"),
			("content", "{}"),
			("pdf_hash", "0"),
		):
			with self.assertRaises(DocumentIsFrozen):
				frappe.get_doc("AI Tax Document", self.number).update({field: value}).save(
					ignore_permissions=True
				)

	def test_a_document_cannot_be_deleted(self):
		"""S57."""
		with self.assertRaises(DocumentIsFrozen):
			frappe.delete_doc("AI Tax Document", self.number, ignore_permissions=True, force=True)

	def test_a_document_cannot_be_renamed(self):
		with self.assertRaises(DocumentIsFrozen):
			self.document.run_method("before_rename", self.number, "OTHER", False)

	def test_a_document_cannot_be_made_by_hand(self):
		"""S57."""
		forged = frappe.new_doc("AI Tax Document")
		forged.update(
			{"kind": "Invoice", "user": "Administrator", "currency": "INR", "invoice": self.document.invoice}
		)
		with self.assertRaises(DocumentIsFrozen):
			forged.insert(ignore_permissions=True, set_name="FORGED-000001")

	def test_a_series_cannot_be_changed_deleted_or_renamed(self):
		with self.assertRaises(DocumentIsFrozen):
			self.series.update({"last_number": 0}).save(ignore_permissions=True)
		with self.assertRaises(DocumentIsFrozen):
			frappe.delete_doc(self.series.doctype, self.series.name, ignore_permissions=True, force=True)
		with self.assertRaises(DocumentIsFrozen):
			self.series.run_method("before_rename", self.series.name, "OTHER", False)

	def test_the_pdf_and_the_mail_are_noted_once(self):
		self.assertTrue(self.document.keep_pdf("/private/files/a.pdf", "a" * 64))
		self.assertFalse(self.document.keep_pdf("/private/files/b.pdf", "b" * 64))
		self.assertTrue(self.document.note_mail("a@example.com", frappe.utils.now_datetime()))
		self.assertFalse(self.document.note_mail("b@example.com", frappe.utils.now_datetime()))
