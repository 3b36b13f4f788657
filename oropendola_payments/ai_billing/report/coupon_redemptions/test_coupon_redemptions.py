"""The report counts redemptions and sums paid invoices, renewals included; the form and privacy know the redemptions too."""

import frappe

from oropendola_payments.ai_billing.report.coupon_redemptions import coupon_redemptions
from oropendola_payments.engine import privacy
from oropendola_payments.tests.support.coupons import CouponTestCase
from oropendola_payments.tests.support.customers import pay
from oropendola_payments.tests.support.factories import (
	create_coupon,
	create_invoice,
	create_plan,
	create_user,
)
from oropendola_payments.tests.support.http import send


class TestReport(CouponTestCase):
	def rows(self, **filters) -> list[dict]:
		return coupon_redemptions.execute(filters)[1]

	def test_redemptions_are_counted_and_paid_invoices_are_summed(self):
		coupon, invoice = self.redeem(duration="Forever")
		pay(invoice.name)
		pay(self.renew().name)
		waiting = create_invoice(create_user(), self.plan, coupon)
		create_invoice(create_user(), self.plan, coupon).mark_as_cancelled()
		frappe.db.commit()
		row = next(row for row in self.rows() if row["coupon"] == coupon)
		self.assertEqual(
			(row["used"], row["reserved"], row["released"], row["invoices"], row["discount"], row["net"]),
			(1, 1, 1, 2, 499, 499),
			waiting.name,
		)
		self.assertEqual(self.rows(coupon=coupon), [row])

	def test_currencies_have_rows_of_their_own_and_an_unused_coupon_has_one_too(self):
		coupon = create_coupon(max_per_customer=0).name
		for currency in ("INR", "USD"):
			self.plan = create_plan(currency=currency)
			pay(self.buy(coupon).name)
		rows = self.rows(coupon=coupon)
		self.assertEqual([row["currency"] for row in rows], ["INR", "USD"])
		self.assertEqual(len(self.rows(coupon=coupon, currency="USD")), 1)
		unused = create_coupon().name
		self.assertEqual([row["used"] for row in self.rows(coupon=unused)], [0])


class TestRecords(CouponTestCase):
	def test_the_form_says_how_often_the_coupon_was_redeemed(self):
		coupon, invoice = self.redeem(max_redemptions=10)
		pay(invoice.name)
		create_invoice(create_user(), self.plan, coupon)
		use = {"redeemed": 2, "limit": 10, "used": 1, "reserved": 1}
		self.assertEqual(frappe.get_doc("AI Coupon", coupon).use(), use)

	def test_customers_read_neither_coupons_nor_redemptions(self):
		"""S44: also not those that they redeemed."""
		coupon, invoice = self.redeem()
		for doctype, name in (("AI Coupon", coupon), ("AI Coupon Redemption", invoice.coupon_redemption)):
			for path in (f"/api/resource/{doctype}", f"/api/resource/{doctype}/{name}"):
				self.assertEqual(send("GET", path, self.user).status_code, 403, path)

	def test_the_unique_key_follows_a_renamed_customer(self):
		coupon, invoice = self.redeem()
		other = create_user()
		frappe.db.set_value("AI Coupon Redemption", invoice.coupon_redemption, "user", other)
		privacy.user_renamed(frappe.get_doc("User", other), "after_rename", self.user, other, False)
		key = frappe.db.get_value("AI Coupon Redemption", invoice.coupon_redemption, "redemption_key")
		self.assertEqual(key, f"{coupon}:{other}:1")
