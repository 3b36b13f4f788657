"""Credit notes: one for each refund of what paid the invoice, cut from the frozen document."""

import frappe

from oropendola_payments.engine.documents.credit_notes import issue_for_refund
from oropendola_payments.engine.documents.issue import issue_for_invoice
from oropendola_payments.engine.documents.sweep import issue_all
from oropendola_payments.tests.support.tax import profile
from oropendola_payments.tests.support.tax_documents import (
	DocumentCase,
	documents_of,
	paid_invoice,
	refund,
)


class CreditNoteCase(DocumentCase):
	def setUp(self):
		super().setUp()
		self.invoice = paid_invoice()
		self.document = frappe.get_doc("AI Tax Document", issue_for_invoice(self.invoice.name))

	def note(self, amount):
		number = issue_for_refund(refund(self.invoice.name, amount))
		return number and frappe.get_doc("AI Tax Document", number)

	def amounts(self, document) -> list[float]:
		return [line.amount for line in document.lines]


class TestCreditNotes(CreditNoteCase):
	def test_a_full_refund_credits_the_whole_document(self):
		note = self.note(588.82)
		self.assertEqual(self.amounts(note), [499, 44.91, 44.91])
		self.assertEqual(note.total_amount, self.document.total_amount)

	def test_parts_are_split_like_the_document_and_the_last_takes_the_rest(self):
		self.assertEqual(self.amounts(self.note(100)), [84.74, 7.63, 7.63])
		self.assertEqual(self.amounts(self.note(488.82)), [414.26, 37.28, 37.28])

	def test_a_refund_of_one_paisa_gets_a_note(self):
		self.assertEqual(self.amounts(self.note(0.01)), [0.01, 0, 0])

	def test_a_note_names_the_document_its_date_and_the_reason(self):
		note = self.note(100)
		facts = note.facts()
		self.assertEqual(facts["original"]["number"], self.document.name)
		self.assertEqual(facts["original"]["date"], str(self.document.issue_date))
		self.assertEqual((facts["title"], facts["reason"]), ("Credit Note", "Asked for"))
		self.assertEqual((note.original, note.refund), (self.document.name, facts["refund"]))

	def test_notes_have_their_own_series(self):
		self.assertIn("CN", self.note(1).series)

	def test_a_refund_gets_one_note_however_often_it_is_asked_for(self):
		note = self.note(100)
		issue_for_refund(note.refund)
		issue_all(self.invoice.name)
		self.assertEqual(len(documents_of(self.invoice.name)), 2)

	def test_a_note_shows_the_buyer_as_on_the_document(self):
		profile.save(self.invoice.user, {"country": "IN", "state": "Kerala", "legal_name": "Another Name"})
		frappe.db.commit()
		self.assertEqual(self.note(100).facts()["buyer"], self.document.facts()["buyer"])
