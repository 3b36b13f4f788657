"""Receipts: page, PDF and printable page show the same, and only the owner gets them."""

from html import unescape

import frappe

from oropendola_payments.ai_billing import formatting
from oropendola_payments.api import receipts as receipts_api
from oropendola_payments.engine.notifications import receipts
from oropendola_payments.engine.refunds import create
from oropendola_payments.engine.settlement import manual_payment
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.factories import (
	as_user,
	create_invoice,
	create_plan,
	create_user,
	payment_settings,
	unique,
)  # fmt: skip
from oropendola_payments.tests.support.http import send
from oropendola_payments.tests.support.journey import customer
from oropendola_payments.tests.support.outbox import broken
from oropendola_payments.tests.support.simulated import incoming_request

SELLER = {
	"seller_name": "Example & Sons",
	"seller_address": "1 Main Street\nPune",
	"seller_tax_id": "27EXAMPLE1Z5",
}


class TestReceipts(TestCase):
	def setUp(self):
		super().setUp()
		self.user = customer()
		self.enterContext(payment_settings(**SELLER, tax_label="GST", tax_rate=18))
		invoice = create_invoice(self.user, plan=create_plan(price=1000))
		self.reference = unique("transfer")
		manual_payment.record_payment(invoice.name, invoice.total(), self.reference, None, None)
		self.invoice = invoice.reload()

	def test_the_receipt_shows_seller_tax_number_and_payment_method(self):
		page = receipts.as_html(self.invoice)
		for text in (
			"Example &amp; Sons",
			"Pune",
			"27EXAMPLE1Z5",
			self.invoice.name,
			"GST (18%)",
			"180.00",
			"1,180.00",
			self.reference,
		):
			self.assertIn(text, page)

	def test_the_receipt_lists_refunds(self):
		create.create_refund(self.invoice.name, 80, "Example")
		page = receipts.as_html(self.invoice.reload())
		self.assertIn("Refunded", page)
		self.assertIn("80.00", page)

	def test_typed_text_is_escaped_on_the_receipt(self):
		frappe.db.set_value("AI Invoice", self.invoice.name, "description", "<script>x</script>")
		page = receipts.as_html(self.invoice.reload())
		self.assertIn("&lt;script&gt;x", page)
		self.assertNotIn("<script>", page)

	def test_the_owner_downloads_the_receipt(self):
		answer = self.download(self.user)
		self.assertEqual(answer.status_code, 200)
		self.assertIn("private", answer.headers["Cache-Control"])
		if answer.mimetype == "application/pdf":
			self.assertTrue(answer.get_data().startswith(b"%PDF"))
		else:
			self.assertIn(self.invoice.name, answer.get_data(as_text=True))

	def test_a_printable_page_replaces_the_pdf_without_a_pdf_engine(self):
		with broken(frappe, "get_print"):
			answer = self.download(self.user)
		self.assertEqual(answer.mimetype, "text/html")
		self.assertIn("default-src 'none'", answer.headers["Content-Security-Policy"])

	def test_other_users_do_not_get_the_receipt(self):
		answer = self.download(create_user())
		self.assertEqual(answer["error_code"], "not_found")

	def test_an_unpaid_invoice_gets_no_receipt(self):
		self.invoice = create_invoice(self.user)
		self.assertEqual(self.download(self.user)["error_code"], "conflict")

	def download(self, user: str):
		with incoming_request("GET", "http://site.example/receipt"), as_user(user):
			return receipts_api.download(invoice_id=self.invoice.name)


class TestOneReceipt(TestCase):
	"""The printable page shows what the page shows."""

	def setUp(self):
		self.user = customer()
		self.enterContext(payment_settings(**SELLER, tax_label="GST", tax_rate=18))
		self.invoice = create_invoice(self.user, plan=create_plan(price=100000))

	def pay(self, amount=None):
		manual_payment.record_payment(
			self.invoice.name, amount or self.invoice.total(), unique("transfer"), "2026-01-31", None
		)
		self.invoice.reload()

	def page(self, **headers) -> str:
		answer = send("GET", f"/receipt?invoice={self.invoice.name}", self.user, headers=headers)
		return unescape(answer.get_data(as_text=True))

	def sheet(self) -> str:
		return unescape(receipts.as_html(self.invoice.reload()))

	def assert_both_say(self, *texts: str):
		for kind, content in (("page", self.page()), ("sheet", self.sheet())):
			for text in texts:
				self.assertIn(text, content, kind)

	def test_page_and_pdf_show_dates_amounts_tax_and_method_alike(self):
		self.pay()
		self.assert_both_say(
			"31 Jan 2026", "₹1,18,000.00", "₹18,000.00", "GST (18%)", "Bank transfer or cash", "Example & Sons",
			formatting.days(self.invoice.period_start, self.invoice.period_end),
			f"Invoice {self.invoice.name}, issued on {formatting.day(self.invoice.creation)}",
		)  # fmt: skip

	def test_the_receipt_shows_the_date_of_the_transfer(self):
		self.pay()
		for content in (self.page(), self.sheet()):
			self.assertRegex(content, r"Paid on(: |</dt><dd>)31 Jan 2026")

	def test_each_refund_has_its_own_line(self):
		self.pay()
		for amount in (300, 20):
			create.create_refund(self.invoice.name, amount, "Example")
		self.assert_both_say("−₹300.00", "−₹20.00")

	def test_the_receipt_of_a_partial_payment_shows_the_outstanding_amount(self):
		self.pay(18000)
		self.assertEqual(self.invoice.status, "Partly Paid")
		self.assert_both_say("₹18,000.00", "Still due: ₹1,00,000.00")
		with incoming_request("GET", "http://site.example/receipt"), as_user(self.user):
			self.assertEqual(receipts_api.download(invoice_id=self.invoice.name).status_code, 200)

	def test_a_partial_payment_keeps_its_receipt_while_the_rest_is_processing(self):
		self.pay(18000)
		self.invoice.mark_as_processing()
		frappe.db.commit()
		self.assert_both_say("Still due: ₹1,00,000.00")

	def test_a_duplicate_payment_is_not_on_the_receipt(self):
		self.pay()
		capture = frappe.get_last_doc("Payment Capture", {"invoice": self.invoice.name})
		frappe.db.set_value("Payment Capture", capture.name, "applied_amount", 0)
		for content in (self.page(), self.sheet()):
			self.assertNotIn(capture.gateway_payment_id, content)
		frappe.db.set_value("Payment Capture", capture.name, "applied_amount", capture.applied_amount)

	def test_the_printed_page_declares_its_language(self):
		self.pay()
		self.assertIn('<html lang="en">', self.sheet())
		with formatting.in_language("hi"):
			sheet = self.sheet()
		self.assertIn('<html lang="hi">', sheet)
		self.assertIn("रसीद", sheet)
		self.assertNotIn("Bank transfer", sheet)
