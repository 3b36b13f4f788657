"""The job closes the gap after a crash: what is due is issued and sent."""

import frappe
from frappe.utils import add_to_date, now_datetime

from oropendola_payments.engine.documents.credit_notes import issue_for_refund
from oropendola_payments.engine.documents.issue import issue_for_invoice
from oropendola_payments.engine.jobs.document_jobs import run_documents
from oropendola_payments.engine.notifications.hooks import documents_issued, issue_documents
from oropendola_payments.tests.support.factories import payment_settings
from oropendola_payments.tests.support.outbox import mails_stay_queued, mails_to
from oropendola_payments.tests.support.tax_documents import (
	DocumentCase,
	customer_in,
	documents_of,
	paid_invoice,
	refund,
)


def later(document: str, minutes: int = 30) -> None:
	"""Run the job as if the document had been issued some time ago."""
	moment = add_to_date(now_datetime(), minutes=-minutes)
	frappe.db.set_value("AI Tax Document", document, "creation", moment)
	frappe.db.commit()
	run_documents()


class TestDocumentJobs(DocumentCase):
	def setUp(self):
		super().setUp()
		self.enterContext(mails_stay_queued())
		self.enterContext(payment_settings(send_payment_mails=1))

	def test_what_a_crash_left_is_issued_and_sent_once(self):
		invoice = paid_invoice()
		for _run in range(2):
			issue_documents(invoice.name)
		(document,) = documents_of(invoice.name)
		sent = [mail for mail in mails_to(invoice.user) if document.name in mail.subject]
		self.assertEqual(len(sent), 1)

	def test_credit_notes_of_refunds_before_the_document_follow_it(self):
		invoice = paid_invoice()
		refund(invoice.name, 100)
		refund(invoice.name, 50)
		issue_documents(invoice.name)
		self.assertEqual([row.total_amount for row in documents_of(invoice.name)], [588.82, 100, 50])

	def test_a_document_on_hold_sends_nothing(self):
		invoice = paid_invoice(customer_in(""))
		before = len(mails_to(invoice.user))
		issue_documents(invoice.name)
		self.assertIsNone(issue_for_invoice(invoice.name))
		self.assertEqual(len(mails_to(invoice.user)), before)

	def test_a_document_that_was_issued_before_a_crash_is_sent_once(self):
		invoice = paid_invoice()
		number = issue_for_invoice(invoice.name)
		note = issue_for_refund(refund(invoice.name, 100))
		for document in (number, note, number):
			later(document)
			self.assertEqual(len(self.mails_with(document, invoice.user)), 1)

	def test_a_document_that_was_sent_is_not_sent_by_the_job(self):
		invoice = paid_invoice()
		issue_documents(invoice.name)
		(document,) = documents_of(invoice.name)
		later(document.name)
		documents_issued(invoice.name, [document.name])
		self.assertEqual(len(self.mails_with(document.name, invoice.user)), 1)

	def test_a_document_whose_mail_may_still_come_is_not_sent_yet(self):
		invoice = paid_invoice()
		number = issue_for_invoice(invoice.name)
		later(number, minutes=10)
		self.assertEqual(self.mails_with(number, invoice.user), [])

	def test_a_document_that_nobody_wants_by_email_is_not_sent_when_emails_are_switched_on(self):
		invoice = paid_invoice()
		with payment_settings(send_payment_mails=0):
			issue_documents(invoice.name)
		(document,) = documents_of(invoice.name)
		later(document.name)
		self.assertEqual(self.mails_with(document.name, invoice.user), [])

	@staticmethod
	def mails_with(document: str, user: str) -> list:
		return [mail for mail in mails_to(user) if document in mail.subject]
