"""The invariants and the alert of tax documents: each finds the record that somebody forged, and nothing else of it."""

import frappe
from frappe.utils import add_days, add_to_date, now_datetime

from oropendola_payments.engine.documents.credit_notes import issue_for_refund
from oropendola_payments.engine.documents.issue import issue_for_invoice
from oropendola_payments.engine.monitoring import alert_rules, invariants
from oropendola_payments.engine.monitoring.document_rules import DOCUMENT_RULES
from oropendola_payments.tests.support.tax_documents import (
	DocumentCase,
	customer_in,
	documents_of,
	paid_invoice,
	refund,
)


class TestDocumentRules(DocumentCase):
	def setUp(self):
		super().setUp()
		self.invoice = paid_invoice().name
		self.number = issue_for_invoice(self.invoice)
		self.addCleanup(frappe.db.rollback)

	def found(self, rule: str) -> set[str]:
		return set(frappe.db.sql(DOCUMENT_RULES[rule], invariants.values_of_rules(), pluck=True))

	def set(self, doctype: str, name: str, **values):
		frappe.db.set_value(doctype, name, values)

	def test_what_was_issued_violates_nothing(self):
		issue_for_refund(refund(self.invoice, 100))
		names = {self.invoice, *(document.name for document in documents_of(self.invoice))}
		for rule in DOCUMENT_RULES:
			self.assertEqual(self.found(rule) & names, set(), rule)

	def test_a_paid_invoice_that_nobody_tried_to_issue_is_found_after_an_hour(self):
		invoice = paid_invoice().name
		self.assertNotIn(invoice, self.found("settled_without_document"))
		self.set("AI Invoice", invoice, paid_date=add_to_date(now_datetime(), hours=-2))
		self.assertIn(invoice, self.found("settled_without_document"))

	def test_a_missing_document_is_found(self):
		frappe.db.delete("AI Tax Document", {"name": self.number})
		self.assertIn(self.invoice, self.found("document_of_invoice_is_missing"))
		self.assertEqual(len(self.found("document_numbers_have_a_gap") & {self.number.rpartition("-")[0]}), 1)

	def test_a_second_document_without_a_credit_note_is_found(self):
		other = issue_for_invoice(paid_invoice().name)
		self.set("AI Tax Document", other, invoice=self.invoice)
		self.assertIn(other, self.found("two_documents_for_one_payment"))

	def test_a_gap_in_the_numbers_is_found(self):
		issue_for_invoice(paid_invoice().name)
		self.set("AI Tax Document", self.number, number_in_series=7)
		self.assertIn(self.number.rpartition("-")[0], self.found("document_numbers_have_a_gap"))

	def test_a_date_before_that_of_the_number_before_is_found(self):
		later = issue_for_invoice(paid_invoice().name)
		day = frappe.db.get_value("AI Tax Document", later, "issue_date")
		self.set("AI Tax Document", later, issue_date=add_days(day, -1))
		self.assertIn(later, self.found("document_dates_fall"))

	def test_a_line_that_does_not_add_up_is_found(self):
		self.set("AI Tax Document Line", f"{self.number}-1", amount=1)
		self.assertIn(self.number, self.found("document_lines_differ_from_total"))

	def test_credit_notes_above_their_document_are_found(self):
		note = issue_for_refund(refund(self.invoice, 100))
		self.set("AI Tax Document", note, total_amount=588.83)
		self.assertIn(self.number, self.found("credit_notes_above_document"))

	def test_a_refund_that_waits_for_its_note_is_found_after_an_hour(self):
		name = refund(self.invoice, 100)
		self.assertEqual(frappe.db.get_value("AI Invoice", self.invoice, "document_state"), "Credit Due")
		self.assertNotIn(name, self.found("refund_without_credit_note"))
		self.set("Payment Refund", name, completed_at=add_to_date(now_datetime(), hours=-2))
		self.assertIn(name, self.found("refund_without_credit_note"))

	def test_credit_whose_credit_note_is_missing_is_found(self):
		capture = frappe.db.get_value("Payment Capture", {"invoice": self.invoice})
		self.set("Payment Capture", capture, resolution="Credit", surplus=100)
		self.assertIn(self.invoice, self.found("kept_credit_is_missing"))
		self.set("AI Invoice", self.invoice, amount_credited=100, document_state="Credit Due")
		self.assertNotIn(self.invoice, self.found("kept_credit_is_missing"))
		self.assertNotIn(self.invoice, self.found("credit_without_credit_note"))
		before = add_to_date(now_datetime(), hours=-2)
		frappe.db.set_value("AI Invoice", self.invoice, "modified", before, update_modified=False)
		self.assertIn(self.invoice, self.found("credit_without_credit_note"))


class TestAlert(DocumentCase):
	def finding(self, invoice: str):
		return next(row for row in alert_rules.documents_on_hold() if invoice in row.records)

	def test_a_document_on_hold_is_reported_and_critical_after_25_days(self):
		invoice = paid_invoice(customer_in("")).name
		issue_for_invoice(invoice)
		frappe.db.set_value(
			"AI Invoice", {"document_state": "Held", "name": ("!=", invoice)}, "document_state", ""
		)
		self.addCleanup(frappe.db.rollback)
		self.assertEqual(self.finding(invoice).severity, "Warning")
		frappe.db.set_value("AI Invoice", invoice, "paid_date", add_days(now_datetime(), -26))
		self.assertEqual(self.finding(invoice).severity, "Critical")
