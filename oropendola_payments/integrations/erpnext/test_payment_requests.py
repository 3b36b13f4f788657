"""Payment Requests in the books: exactly what was captured, and of it only what the request still needs."""

from decimal import Decimal

import frappe

from oropendola_payments.engine.checkout import initiate
from oropendola_payments.engine.settlement.settle import settle
from oropendola_payments.gateways.base import Customer
from oropendola_payments.integrations import dispatch
from oropendola_payments.integrations.erpnext.types import Request
from oropendola_payments.tests.support.books import BooksInMemory
from oropendola_payments.tests.support.external import ExternalCase
from oropendola_payments.tests.support.factories import unique
from oropendola_payments.tests.support.gateway_events import paid
from oropendola_payments.tests.support.journey import Journey
from oropendola_payments.tests.support.time_travel import finish_refunds


class TestPaymentRequests(ExternalCase):
	def setUp(self):
		super().setUp()
		self.request = unique("ACC-PRQ")
		invoice = frappe.get_doc("AI Invoice", self.invoice.name)
		invoice.write(external_doctype="Payment Request", external_name=self.request)
		frappe.db.commit()
		self.set_request(499)

	def set_request(self, outstanding, is_submitted=True, currency="INR"):
		BooksInMemory.requests[self.request] = Request(
			self.request, currency, Decimal(outstanding), is_submitted
		)

	def settle(self, amount="499", attempt=None):
		settle("payu", paid(attempt or start_attempt(self), amount))
		dispatch.post_invoice(self.invoice.name)

	def entries(self) -> list[dict]:
		names = frappe.get_all(
			"Payment Posting", {"invoice": self.invoice.name}, pluck="source_key", order_by="creation, name"
		)
		return [self.books.entry(key) for key in names]

	def test_exactly_the_captured_sum_is_booked_once(self):
		"""B8."""
		self.settle()
		for _time in range(3):
			dispatch.post_invoice(self.invoice.name)
		(entry,) = self.entries()
		self.assertEqual((entry["amount"], entry["paid"], entry["free"]), (499, [(self.request, 499)], 0))
		self.assertEqual(self.books.requests[self.request].outstanding, 0)

	def test_a_part_pays_a_part_and_the_rest_pays_the_rest(self):
		"""B8."""
		self.settle("200")
		self.assertEqual(self.books.requests[self.request].outstanding, 299)
		self.settle("299")
		self.assertEqual(self.books.requests[self.request].outstanding, 0)

	def test_a_double_payment_is_an_advance_and_never_pays_twice(self):
		"""B4, B8."""
		attempt = start_attempt(self)
		self.settle(attempt=attempt)
		self.settle(attempt=attempt)
		first, second = self.entries()[:2]
		self.assertEqual((first["free"], second["free"]), (0, 499))

	def test_money_for_a_cancelled_request_is_an_advance(self):
		"""B4."""
		self.set_request(499, is_submitted=False)
		self.settle()
		self.assertEqual(self.entries()[0]["free"], 499)

	def test_late_money_for_a_cancelled_invoice_is_an_advance(self):
		"""B4: the policy sends it back, so it pays nothing of a request that is asked for anew."""
		attempt = start_attempt(self)
		frappe.get_doc("AI Invoice", self.invoice.name).mark_as_abandoned("The payment was not finished.")
		frappe.get_doc("AI Invoice", self.invoice.name).mark_as_cancelled()
		frappe.db.commit()
		self.settle(attempt=attempt)
		self.assertEqual(
			(self.entries()[0]["free"], self.books.requests[self.request].outstanding), (499, 499)
		)

	def test_money_in_another_currency_than_the_request_needs_attention(self):
		"""B8."""
		self.set_request(499, currency="USD")
		self.settle()
		self.assertEqual(self.posting("Payment Request").status, "Needs Attention")

	def test_money_for_a_request_that_is_gone_needs_attention(self):
		del BooksInMemory.requests[self.request]
		self.settle()
		self.assertEqual(self.posting("Payment Request").status, "Needs Attention")

	def test_a_refund_goes_out_of_the_same_account(self):
		"""B7."""
		self.pay()
		dispatch.post_invoice(self.invoice.name)
		journey = Journey.__new__(Journey)
		journey.invoice = self.invoice.name
		journey.refund(Decimal(99))
		finish_refunds("payu", self.invoice.name)
		dispatch.post_invoice(self.invoice.name)
		self.assertEqual(sum(entry["amount"] for entry in self.entries()), 400)


def start_attempt(case) -> str:
	invoice = frappe.get_doc("AI Invoice", case.invoice.name)
	payer = Customer("", "payer@example.com", "+919876543210")
	return initiate.initiate(invoice.user, invoice.name, "payu", customer=payer)["attempt"]
