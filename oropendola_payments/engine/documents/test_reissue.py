"""Corrections: only by a credit note for what is left, and a new document for the same money."""

import frappe

from oropendola_payments.engine.documents.credit_notes import issue_for_refund
from oropendola_payments.engine.documents.issue import issue_for_invoice
from oropendola_payments.engine.documents.reissue import reissue
from oropendola_payments.engine.monitoring import audit, invariants
from oropendola_payments.exceptions import Conflict
from oropendola_payments.tests.support.parallel import in_parallel
from oropendola_payments.tests.support.tax import MAHARASHTRA, profile
from oropendola_payments.tests.support.tax_documents import (
	DocumentCase,
	documents_of,
	paid_invoice,
	refund,
)

REASON = "The customer sent a tax ID"


class TestReissue(DocumentCase):
	def setUp(self):
		super().setUp()
		self.invoice = paid_invoice()
		self.first = issue_for_invoice(self.invoice.name)

	def correct_profile(self, **values):
		details = {
			"country": "IN",
			"state": "Maharashtra",
			"tax_id": MAHARASHTRA,
			"legal_name": "Example LLP",
		}
		profile.save(self.invoice.user, {**details, **values})
		frappe.db.commit()

	def reissued(self) -> list:
		return [frappe.get_doc("AI Tax Document", number) for number in reissue(self.invoice.name, REASON)]

	def test_it_credits_the_old_document_and_issues_a_new_one_for_the_same_money(self):
		self.correct_profile()
		note, new = self.reissued()
		old = frappe.get_doc("AI Tax Document", self.first)
		self.assertEqual((note.kind, note.original, note.total_amount), ("Credit Note", old.name, 588.82))
		self.assertEqual((new.kind, new.original, new.total_amount), ("Invoice", old.name, 588.82))
		self.assertEqual((new.buyer_tax_id, new.buyer_name), (MAHARASHTRA, "Example LLP"))
		self.assertEqual([tax["label"] for tax in new.facts()["taxes"]], ["IGST"])
		self.assertEqual(note.facts()["buyer"], old.facts()["buyer"], "the note shows the old details")
		self.assertEqual((note.reason, new.reason), (REASON, REASON))

	def test_the_invoice_points_to_the_new_document_and_the_trail_verifies(self):
		self.correct_profile()
		_note, new = self.reissued()
		self.assertEqual(frappe.db.get_value("AI Invoice", self.invoice.name, "tax_document"), new.name)
		self.assertIsNone(audit.verify(self.invoice.name)["broken"])
		violated = invariants.check(("two_documents_for_one_payment", "credit_notes_above_document"))
		self.assertFalse(
			{self.invoice.name, self.first, new.name} & {n for names in violated.values() for n in names}
		)

	def test_after_a_refund_only_the_rest_is_issued_again(self):
		issue_for_refund(refund(self.invoice.name, 100))
		self.correct_profile()
		note, new = self.reissued()
		self.assertEqual((note.total_amount, new.total_amount), (488.82, 488.82))

	def test_a_later_refund_is_credited_against_the_new_document(self):
		self.correct_profile()
		_note, new = self.reissued()
		note = frappe.get_doc("AI Tax Document", issue_for_refund(refund(self.invoice.name, 588.82)))
		self.assertEqual(
			(note.original, note.total_amount, note.tax_amount), (new.name, 588.82, new.tax_amount)
		)

	def test_a_clock_that_went_back_hides_no_document(self):
		"""A site keeps local time, in which an hour comes twice in autumn."""
		self.correct_profile()
		_note, new = self.reissued()
		before = frappe.utils.add_to_date(
			frappe.db.get_value("AI Tax Document", self.first, "creation"), minutes=-20
		)
		frappe.db.set_value("AI Tax Document", new.name, "creation", before, update_modified=False)
		frappe.db.commit()
		note = issue_for_refund(refund(self.invoice.name, 100))
		self.assertEqual(frappe.db.get_value("AI Tax Document", note, "original"), new.name)

	def test_without_a_change_nothing_is_issued(self):
		with self.assertRaises(Conflict) as refused:
			self.reissued()
		self.assertIn("Nothing would change", str(refused.exception))
		self.assertEqual(len(documents_of(self.invoice.name)), 1)

	def test_a_document_that_was_credited_in_full_is_not_issued_again(self):
		issue_for_refund(refund(self.invoice.name, 588.82))
		self.correct_profile()
		with self.assertRaises(Conflict):
			self.reissued()

	def test_a_refund_without_its_note_comes_first(self):
		refund(self.invoice.name, 100)
		self.correct_profile()
		with self.assertRaises(Conflict) as refused:
			self.reissued()
		self.assertIn("no credit note yet", str(refused.exception))

	def test_an_invoice_without_a_document_cannot_be_corrected(self):
		with self.assertRaises(Conflict):
			reissue(paid_invoice().name, REASON)

	def test_two_managers_at_once_correct_it_once(self):
		self.correct_profile()
		results = in_parallel(4, lambda number: reissue(self.invoice.name, REASON))
		self.assertEqual(sum(isinstance(result, list) for result in results), 1, results)
		self.assertEqual({type(result) for result in results if not isinstance(result, list)}, {Conflict})
		self.assertEqual(len(documents_of(self.invoice.name)), 3)
