"""The tax documents on the billing page."""

from oropendola_payments.engine.documents.credit_notes import issue_for_refund
from oropendola_payments.engine.documents.issue import issue_for_invoice
from oropendola_payments.tests.support.pages import page
from oropendola_payments.tests.support.tax_documents import DocumentCase, customer_in, paid_invoice, refund

ADDRESS = "/api/method/oropendola_payments.api.documents.download?document="


class TestBillingPage(DocumentCase):
	def billing(self, user: str) -> str:
		answer = page("/billing", user)
		self.assertEqual(answer.status_code, 200)
		return answer.text

	def test_customers_find_their_invoices_and_credit_notes(self):
		invoice = paid_invoice()
		number = issue_for_invoice(invoice.name)
		note = issue_for_refund(refund(invoice.name, 100))
		text = self.billing(invoice.user)
		for document in (number, note):
			self.assertIn(f'href="{ADDRESS}{document}"', text)
		self.assertIn("Tax invoice", text)
		self.assertIn("Credit note", text)

	def test_customers_do_not_find_those_of_others(self):
		number = issue_for_invoice(paid_invoice().name)
		self.assertNotIn(number, self.billing(paid_invoice().user))

	def test_a_document_that_waits_is_announced(self):
		self.assertIn("The tax invoice follows by email.", self.billing(paid_invoice(customer_in("")).user))
