"""An unpaid invoice on paper: what it asks for, how it can be paid, and who gets it."""

from urllib.parse import parse_qs, urlsplit

import frappe

from oropendola_payments.ai_billing import formatting, upi
from oropendola_payments.engine.documents import payment_request
from oropendola_payments.engine.settlement import manual_payment
from oropendola_payments.exceptions import Conflict
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.factories import (
	create_invoice,
	create_plan,
	create_user,
	payment_settings,
)  # fmt: skip
from oropendola_payments.tests.support.journey import customer
from oropendola_payments.tests.support.pages import page

SELLER = {"seller_name": "Example & Sons", "upi_id": "example.sons@bank"}


class TestPaymentRequest(TestCase):
	def setUp(self):
		super().setUp()
		self.user = customer()
		self.enterContext(payment_settings(**SELLER))
		self.invoice = create_invoice(self.user, plan=create_plan(price=1000))

	def pay(self, amount) -> None:
		manual_payment.record_payment(self.invoice.name, amount, frappe.generate_hash(length=10), None, None)
		self.invoice.reload()

	def download(self, user: str) -> int:
		address = "/api/method/oropendola_payments.api.receipts.payment_request"
		return page(f"{address}?invoice_id={self.invoice.name}", user).status_code

	def test_it_names_seller_customer_amount_and_the_ways_to_pay(self):
		text = payment_request.as_html(self.invoice)
		for part in (
			"Example &amp; Sons",
			self.invoice.name,
			"₹1,000.00",
			"example.sons@bank",
			"data:image/svg",
		):
			self.assertIn(part, text)
		self.assertIn(f"/checkout?invoice={self.invoice.name}", text)
		self.assertIn("This is not a tax invoice", text)

	def test_the_amount_due_is_not_called_a_date_in_hindi(self):
		with formatting.in_language("hi"):
			text = payment_request.as_html(self.invoice)
		self.assertIn("<td>देय राशि</td>", text)
		self.assertNotIn("देय तिथि", text)

	def test_the_upi_link_asks_for_what_is_still_due(self):
		self.pay(400)
		asked = urlsplit(upi.link_of(self.invoice))
		self.assertEqual((asked.scheme, asked.netloc), ("upi", "pay"))
		values = {name: value for name, (value,) in parse_qs(asked.query).items()}
		self.assertEqual(
			values,
			{
				"pa": "example.sons@bank",
				"pn": "Example & Sons",
				"am": "600.00",
				"cu": "INR",
				"tn": self.invoice.name,
			},
		)

	def test_there_is_no_upi_code_without_a_upi_id_or_for_another_currency(self):
		foreign = create_invoice(self.user, plan=create_plan(price=10, currency="USD"))
		self.assertIsNone(upi.link_of(foreign))
		self.assertNotIn("data:image", payment_request.as_html(foreign))
		with payment_settings(upi_id=""):
			self.assertIsNone(upi.link_of(self.invoice))

	def test_a_paid_invoice_asks_for_nothing(self):
		self.pay(1000)
		with self.assertRaises(Conflict):
			payment_request.as_html(self.invoice)
		self.assertEqual(self.download(self.user), 409)

	def test_typed_text_is_escaped(self):
		frappe.db.set_value("AI Invoice", self.invoice.name, "description", "<script>x</script>")
		self.assertNotIn("<script>", payment_request.as_html(self.invoice.reload()))

	def test_a_mistyped_upi_id_is_refused(self):
		for typed in ("shop", "shop@", "@bank", "shop@bank?am=1", "shop@bank&am=1", "s@bank", "shop bank"):
			with self.subTest(typed), self.assertRaises(frappe.ValidationError):
				frappe.get_doc("Payment Settings").update({"upi_id": typed}).validate_upi_id()

	def test_the_billing_page_offers_it_until_the_invoice_is_paid(self):
		link = f"receipts.payment_request?invoice_id={self.invoice.name}"
		self.assertIn(link, page("/billing", self.user).text)
		self.assertEqual(self.download(self.user), 200)
		self.assertEqual(self.download(create_user()), 404)
		self.pay(1000)
		self.assertNotIn(link, page("/billing", self.user).text)
