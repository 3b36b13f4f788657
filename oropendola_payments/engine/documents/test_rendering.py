"""The page and the PDF of a document: everything that is frozen, escaped, and kept from the first time on."""

from pathlib import Path

import frappe

from oropendola_payments.engine.documents import rendering
from oropendola_payments.engine.documents.credit_notes import issue_for_refund
from oropendola_payments.engine.documents.issue import issue_for_invoice
from oropendola_payments.engine.notifications import documents as document_mails
from oropendola_payments.engine.notifications import hooks as notification_hooks
from oropendola_payments.exceptions import Conflict, DocumentIsFrozen
from oropendola_payments.tests.support.factories import create_user, payment_settings
from oropendola_payments.tests.support.http import call
from oropendola_payments.tests.support.outbox import broken, mails_stay_queued, mails_to, replaced
from oropendola_payments.tests.support.tax import LUT, MAHARASHTRA
from oropendola_payments.tests.support.tax_documents import (
	DocumentCase,
	customer_in,
	exchange_rate,
	paid_invoice,
	refund,
)


class RenderingCase(DocumentCase):
	registrations = (LUT,)

	def issue(self, user: str | None = None, **values):
		return frappe.get_doc("AI Tax Document", issue_for_invoice(paid_invoice(user, **values).name))

	def assert_shows(self, document, *texts: str):
		page = rendering.html_of(document)
		for text in texts:
			self.assertIn(text, page)


class TestPage(RenderingCase):
	def test_a_tax_invoice_has_what_rule_46_wants(self):
		user = customer_in("Maharashtra", tax_id=MAHARASHTRA, legal_name="Example LLP", address_line1="2 Sample Street",
			city="Pune", pincode="411001", po_reference="PO-7")  # fmt: skip
		document = self.issue(user)
		self.assert_shows(document, "Tax Invoice", document.name, "29AABCU9603R1ZJ", "Example LLP", MAHARASHTRA,
			"2 Sample Street", "Pune 411001", "27-Maharashtra", "998315", "Starter", "₹499.00", "IGST", "18%", "₹89.82",
			"₹588.82", "reverse charge: No", "no signature", "PO-7", "Bank transfer or cash")  # fmt: skip

	def test_an_export_shows_endorsement_country_and_value_in_rupees(self):
		exchange_rate("88.1234")
		document = self.issue(customer_in("", "US", legal_name="Example Inc."), price="49.00", currency="USD")
		self.assert_shows(document, "Export Invoice", "SUPPLY MEANT FOR EXPORT UNDER BOND OR LETTER OF UNDERTAKING",
			"AD290326000123X", "United States", "96-Other Countries", "$49.00", "₹4,318.05", "88.1234", "Reference rate")  # fmt: skip

	def test_a_credit_note_shows_what_it_corrects_and_why(self):
		document = self.issue()
		note = frappe.get_doc("AI Tax Document", issue_for_refund(refund(document.invoice, 100)))
		self.assert_shows(
			note, "Credit Note", "Corrects", document.name, "Asked for", "₹84.74", "₹7.63", "₹100.00"
		)

	def test_names_are_escaped(self):
		"""S29."""
		facts = self.issue().facts()
		for where in ("buyer", "seller"):
			facts[where]["name"] = "<script>alert(1)</script>"
		page = rendering.render({**facts, "reason": "<b>bold</b>", "notes": ["<i>note</i>"]})
		for tag in ("<script>", "<b>", "<i>"):
			self.assertNotIn(tag, page)
		self.assertIn("&lt;script&gt;", page)

	def test_the_same_document_always_gives_the_same_page(self):
		document = self.issue()
		before = rendering.html_of(document)
		with payment_settings(seller_name="Another Seller"):
			frappe.local.lang = "hi"
			try:
				self.assertEqual(rendering.html_of(document), before)
			finally:
				frappe.local.lang = "en"

	def test_the_print_format_shows_the_same(self):
		document = self.issue()
		self.assertEqual(document.printed()["total_text"], "₹588.82")


class TestPdf(RenderingCase):
	def setUp(self):
		super().setUp()
		if not rendering.can_make_pdf():
			self.skipTest("This machine cannot make PDFs")
		self.document = self.issue()

	def test_the_bytes_are_kept_from_the_first_time_on(self):
		first = rendering.pdf_of(self.document)
		self.assertTrue(first.startswith(b"%PDF"))
		again = frappe.get_doc("AI Tax Document", self.document.name)
		self.assertEqual(again.pdf_hash, rendering.hash_of(first))
		with broken(rendering, "make_pdf"):
			self.assertEqual(rendering.pdf_of(again), first)
			self.assertEqual(rendering.pdf_to_read(again), first)

	def test_nobody_deletes_moves_or_publishes_the_kept_file(self):
		pdf = rendering.pdf_of(self.document)
		file = frappe.get_doc("File", {"attached_to_name": self.document.name})
		self.assertTrue(file.is_private)
		for holder in (self.document.name, self.document.invoice):
			name = frappe.db.get_value(
				"File", {"attached_to_name": holder, "file_url": file.file_url}, "name"
			)
			with self.assertRaises(DocumentIsFrozen):
				frappe.delete_doc("File", name, ignore_permissions=True, force=True)
		self.assertEqual(Path(file.get_full_path()).read_bytes(), pdf)
		with self.assertRaises(DocumentIsFrozen):
			file.update({"attached_to_name": "Other"}).save(ignore_permissions=True)

	def test_a_changed_file_is_not_served(self):
		rendering.pdf_of(self.document)
		file = frappe.get_doc("File", {"attached_to_name": self.document.name})
		Path(file.get_full_path()).write_bytes(b"%PDF changed")
		with self.assertRaises(Conflict):
			rendering.pdf_to_read(frappe.get_doc("AI Tax Document", self.document.name))


class TestDownload(RenderingCase):
	def download(self, user: str | None, name: str):
		return call("documents.download", user, method="GET", query_string={"document": name})

	def test_only_the_owner_and_staff_download_a_document(self):
		"""S60."""
		document = self.issue()
		for user, status in (
			(document.user, 200), (create_user("Payments Auditor"), 200), (create_user(), 404), (None, 403),
		):  # fmt: skip
			self.assertEqual(self.download(user, document.name).status_code, status)
		self.assertEqual(self.download(document.user, "INV0000-000001").status_code, 404)

	def test_without_a_pdf_engine_the_page_is_served(self):
		document = self.issue()
		answer = self.download(document.user, document.name)
		self.assertIn(answer.mimetype, ("application/pdf", "text/html"))
		self.assertEqual(answer.headers["Cache-Control"], "private, no-store")
		if answer.mimetype == "text/html":
			self.assertIn("default-src 'none'", answer.headers["Content-Security-Policy"])
			self.assertIn(document.name, answer.get_data(as_text=True))


class TestMails(RenderingCase):
	def setUp(self):
		super().setUp()
		self.enterContext(mails_stay_queued())
		self.enterContext(payment_settings(send_payment_mails=1, send_refund_mails=1))
		self.invoice = paid_invoice(customer_in(billing_email="books@example.com"))
		self.capture = frappe.db.get_value("Payment Capture", {"invoice": self.invoice.name}, "name")

	def test_the_email_about_the_payment_has_the_tax_invoice_instead_of_the_receipt(self):
		notification_hooks.payment_succeeded(self.capture)
		number = frappe.db.get_value("AI Invoice", self.invoice.name, "tax_document")
		sent = mails_to(self.invoice.user)[-1]
		self.assertEqual([name.rpartition(".")[0] for name in sent.attachments], [number])
		self.assertTrue(mails_to("books@example.com"))
		self.assertEqual(frappe.db.get_value("AI Tax Document", number, "mailed_to"), self.invoice.user)

	def test_the_email_about_the_refund_has_the_credit_note(self):
		notification_hooks.payment_succeeded(self.capture)
		name = refund(self.invoice.name, 100)
		notification_hooks.refund_finished(name)
		note = frappe.db.get_value("AI Tax Document", {"refund": name}, "name")
		self.assertEqual(
			[name.rpartition(".")[0] for name in mails_to(self.invoice.user)[-1].attachments], [note]
		)

	def test_a_document_that_comes_later_is_sent_by_itself(self):
		number = issue_for_invoice(self.invoice.name)
		notification_hooks.documents_issued(self.invoice.name, [number])
		sent = mails_to(self.invoice.user)[-1]
		self.assertIn(number, sent.subject)
		self.assertEqual(document_mails.issue_now(self.invoice.name), [])

	def test_a_failure_to_issue_sends_the_receipt(self):
		with broken(document_mails, "issue_all"):
			notification_hooks.payment_succeeded(self.capture)
		self.assertIn("Payment received", mails_to(self.invoice.user)[-1].subject)

	def test_a_disk_that_is_full_delays_no_email_about_a_payment(self):
		with replaced(rendering, "make_pdf", lambda html: b"%PDF-1.7"), broken(rendering, "_attach"):
			notification_hooks.payment_succeeded(self.capture)
		sent = mails_to(self.invoice.user)[-1]
		self.assertIn("Payment received", sent.subject)
		self.assertEqual([name.rpartition(".")[2] for name in sent.attachments], ["html"])
