"""The job closes the gap after a crash: what is due is issued and sent."""

from oropendola_payments.engine.documents.issue import issue_for_invoice
from oropendola_payments.engine.notifications.hooks import issue_documents
from oropendola_payments.tests.support.factories import payment_settings
from oropendola_payments.tests.support.outbox import mails_stay_queued, mails_to
from oropendola_payments.tests.support.tax_documents import (
	DocumentCase,
	customer_in,
	documents_of,
	paid_invoice,
	refund,
)


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
