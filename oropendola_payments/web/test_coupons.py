"""The coupon on the pages, without JavaScript: enter a code, see the price, remove it, confirm a free order."""

import frappe

from oropendola_payments.ai_billing import receipt
from oropendola_payments.engine.notifications import emails, receipts
from oropendola_payments.engine.notifications import templates as mail_templates
from oropendola_payments.tests.support.coupons import CouponTestCase, redemptions
from oropendola_payments.tests.support.customers import pay
from oropendola_payments.tests.support.factories import create_coupon, create_user, payment_settings
from oropendola_payments.tests.support.outbox import mails_stay_queued, mails_to
from oropendola_payments.tests.support.pages import page

FIELD = 'name="coupon"'
TAX = {"tax_rate": 18, "prices_include_tax": 0}


def use_our_mail_texts(*keys: str):
	"""As on a new site: an update never changes the Email Templates of an old one."""
	for name in (mail_templates.TEXTS[key][0] for key in keys):
		frappe.delete_doc("Email Template", name, ignore_permissions=True, force=True)
	mail_templates.ensure_records()
	frappe.db.commit()


class PageCase(CouponTestCase):
	def see(self, path: str) -> str:
		answer = page(path, self.user)
		self.assertEqual(answer.status_code, 200)
		return answer.text

	def checkout(self, invoice) -> str:
		return self.see(f"/checkout?invoice={invoice.name}")

	def press(self, invoice, action: str, **fields) -> str:
		"""The page after a button was pressed."""
		form = {"invoice": invoice.name, "action": action, **fields}
		self.answer = page("/checkout", self.user, method="POST", data=form)
		self.assertEqual(self.answer.status_code, 303, self.answer.text[:300])
		return self.see(self.answer.headers["Location"])


class TestCheckout(PageCase):
	def test_a_customer_applies_a_coupon_sees_the_price_and_removes_it(self):
		with payment_settings(**TAX):
			coupon, invoice = create_coupon().name, self.buy()
			text = self.press(invoice, "apply_coupon", coupon=coupon.lower())
			for shown in (f"Coupon {coupon}", "₹499.00", "−₹249.50", "₹44.91", "₹294.41"):
				self.assertIn(shown, text)
			self.assertNotIn(FIELD, text)
			text = self.press(invoice, "remove_coupon")
		self.assertIn("₹588.82", text)
		self.assertIn(FIELD, text)
		self.assertEqual(redemptions(coupon), ["Released"])

	def test_a_wrong_code_is_refused_and_stays_in_the_field(self):
		text = self.press(self.buy(), "apply_coupon", coupon='<b>"NO-SUCH')
		self.assertIn("letters from A to Z", text)
		self.assertIn("&lt;b&gt;&#34;NO-SUCH", text)
		self.assertIn('aria-invalid="true"', text)

	def test_a_free_order_is_confirmed_without_a_gateway_on_the_page_too(self):
		_coupon, invoice = self.redeem(basis_points=10_000)
		text = self.checkout(invoice)
		self.assertIn("Confirm your order", text)
		self.assertNotIn('name="gateway"', text)
		self.press(invoice, "")
		self.assertIn("/payment-result?invoice=", self.answer.headers["Location"])
		self.assertEqual(self.subscription(invoice).status, "Active")

	def test_no_code_is_asked_for_when_a_price_is_final_or_there_are_no_coupons(self):
		create_coupon()
		invoice = self.buy()
		self.assertIn(FIELD, self.checkout(invoice))
		frappe.db.set_value("AI Coupon", {"is_active": 1}, "is_active", 0)
		frappe.db.commit()
		self.assertNotIn(FIELD, self.checkout(invoice))
		create_coupon()
		pay(invoice.name)
		self.assertNotIn(FIELD, self.checkout(invoice))

	def test_the_order_of_another_customer_cannot_be_changed(self):
		invoice = self.buy()
		form = {"invoice": invoice.name, "action": "apply_coupon", "coupon": create_coupon().name}
		self.assertEqual(page("/checkout", create_user(), method="POST", data=form).status_code, 404)
		self.assert_price(invoice, "499", "0")


class TestAfterwards(PageCase):
	def test_the_billing_page_shows_the_coupon_that_runs_on(self):
		coupon, invoice = self.redeem(duration="Periods", periods=3)
		pay(invoice.name)
		text = self.see("/billing")
		self.assertIn(f"Your coupon {coupon} reduces the next 2 renewals.", text)
		self.assertIn(f"Coupon {coupon}", text)
		self.assertEqual(
			(self.my_subscription()["coupon"], self.my_subscription()["coupon_periods_left"]), (coupon, 2)
		)

	def test_receipt_page_and_file_show_price_discount_and_total(self):
		with payment_settings(**TAX):
			coupon, invoice = self.redeem()
			pay(invoice.name)
		doc = self.invoice(invoice.name)
		shown = (f"Coupon {coupon}", "₹499.00", "−₹249.50", "₹249.50", "₹44.91", "₹294.41")
		for text in (
			self.see(f"/receipt?invoice={invoice.name}"),
			receipts.as_html(doc),
		):
			for part in shown:
				self.assertIn(part, text)

	def test_a_receipt_without_a_coupon_is_as_before(self):
		invoice = self.buy()
		pay(invoice.name)
		facts = receipt.facts(self.invoice(invoice.name))
		self.assertEqual((facts["price"], facts["net"], facts["coupon"]), ("₹499.00", "₹499.00", None))

	def test_mails_say_what_the_coupon_saved_and_that_a_free_order_starts(self):
		use_our_mail_texts("payment_received", "renewal_due", "order_confirmed")
		with mails_stay_queued(), payment_settings(send_payment_mails=1, send_reminder_mails=1):
			coupon, invoice = self.redeem(duration="Forever")
			paid = pay(invoice.name)
			capture = frappe.get_last_doc("Payment Capture", {"attempt": paid["attempt"]})
			emails.payment_received(self.invoice(invoice.name), capture)
			self.assertIn(f"Your coupon {coupon} saved you ₹249.50.", mails_to(self.user)[-1].html)
			emails.renewal_due(self.subscription(invoice), 3)
			self.assertIn(f"Your coupon {coupon} reduces the renewal.", mails_to(self.user)[-1].html)
			emails.order_confirmed(self.invoice(invoice.name))
			self.assertEqual(mails_to(self.user)[-1].subject, f"Your order is confirmed: {invoice.name}")
			self.assertIn("there is nothing to pay", mails_to(self.user)[-1].html)
