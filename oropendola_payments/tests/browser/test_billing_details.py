"""A buyer enters billing details in a browser, and sees the tax before paying."""

import os

import frappe

from oropendola_payments.engine.settlement import manual_payment
from oropendola_payments.engine.tax import profile
from oropendola_payments.tests.browser.case import PHONE, BrowserTestCase
from oropendola_payments.tests.support import factories
from oropendola_payments.tests.support.tax import KARNATAKA, MAHARASHTRA, registered_seller

PICTURES = os.environ.get("PAYMENT_TAX_PICTURES")


class TestBillingDetails(BrowserTestCase):
	def setUp(self):
		super().setUp()
		self.enterContext(registered_seller())
		self.user = self.customer()
		self.invoice = self.invoice_for(self.user)

	def picture(self, page, name: str):
		if PICTURES:
			page.screenshot(path=f"{PICTURES}/{name}.png", full_page=True)

	def test_the_checkout_asks_for_country_and_state_and_then_shows_the_total(self):
		page = self.open(self.browser_of(self.user), f"/checkout?invoice={self.invoice.name}")
		self.picture(page, "asks")
		self.assertEqual(page.get_by_role("button", name="Pay").count(), 0)
		page.get_by_label("Country").select_option("IN")
		page.get_by_role("button", name="Show the total").click()
		page.get_by_label("State").fill("Karnataka")
		page.get_by_role("button", name="Show the total").click()
		self.assertIn("CGST (9%)", page.inner_text(".summary"))
		self.picture(page, "total")
		self.assertTrue(page.get_by_role("button", name="Pay ₹588.82").is_visible())
		self.assertEqual(self.console_errors, [])

	def test_a_mistyped_number_is_named_and_what_was_typed_stays(self):
		page = self.open(self.browser_of(self.user, **PHONE), f"/checkout?invoice={self.invoice.name}")
		page.get_by_label("Country").select_option("IN")
		page.get_by_label("State").fill("Maharashtra")
		page.get_by_label("Tax ID").fill("27AAPFU0939F1ZO")
		page.get_by_role("button", name="Show the total").click()
		self.assertIn("last character of the GSTIN, O, does not fit", page.inner_text("body"))
		self.assertEqual(page.get_by_label("Tax ID").input_value(), "27AAPFU0939F1ZO")
		self.assertEqual(page.get_by_label("Country").input_value(), "IN")
		self.picture(page, "mistyped-phone")
		page.get_by_label("Tax ID").fill(MAHARASHTRA)
		page.get_by_role("button", name="Show the total").click()
		self.assertIn("IGST (18%)", page.inner_text(".summary"))

	def test_the_receipt_shows_both_parties_and_every_line(self):
		profile.save(
			self.user,
			{"country": "IN", "state": "Karnataka", "legal_name": "Example Pvt Ltd", "city": "Mysuru"},
		)
		total = frappe.get_doc("AI Invoice", self.invoice.name).total()
		manual_payment.record_payment(self.invoice.name, total, factories.unique("transfer"), None, None)
		page = self.open(self.browser_of(self.user), f"/receipt?invoice={self.invoice.name}")
		text = page.inner_text("article")
		for shown in (
			f"GSTIN: {KARNATAKA}",
			"Example Pvt Ltd",
			"Mysuru",
			"CGST (9%)",
			"SGST (9%)",
			"29-Karnataka",
			"₹588.82",
		):
			self.assertIn(shown, text)
		self.picture(page, "receipt")
		address = f"/api/method/oropendola_payments.api.receipts.download?invoice_id={self.invoice.name}"
		answer = page.request.get(address)
		self.assertEqual(answer.status, 200)
		if "html" in answer.headers["content-type"]:  # a site without a PDF engine
			page.goto(address)
			self.picture(page, "receipt-print")

	def test_the_billing_page_saves_the_profile(self):
		page = self.open(self.browser_of(self.user), "/billing")
		page.get_by_text("Change billing details").click()
		page.get_by_label("Buying as").select_option("Company")
		page.get_by_label("Name on invoices").fill("Example <b>Pvt</b> Ltd")
		page.get_by_label("Country").select_option("IN")
		page.get_by_label("State").fill("MH")
		page.get_by_label("Tax ID").fill(MAHARASHTRA.lower())
		page.get_by_label("City").fill("Pune")
		self.picture(page, "profile-form")
		page.get_by_role("button", name="Save billing details").click()
		text = page.inner_text("#profile")
		self.assertIn("Your billing details were saved.", text)
		self.assertIn(f"Example ＜b>Pvt＜/b> Ltd · Pune, Maharashtra · India · {MAHARASHTRA}", text)
		self.picture(page, "profile-saved")
		self.assertEqual(self.console_errors, [])
