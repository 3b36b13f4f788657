"""Orders that a coupon makes free and that are confirmed after their due date, when the reservation of the coupon has ended."""

import frappe

from oropendola_payments.ai_billing.doctype.ai_coupon_redemption.ai_coupon_redemption import key_of
from oropendola_payments.api import coupons as api
from oropendola_payments.api import payment
from oropendola_payments.engine.checkout import initiate as checkout
from oropendola_payments.engine.coupons import expiry
from oropendola_payments.engine.coupons.eligibility import CouponRefused
from oropendola_payments.tests.support.coupons import CouponTestCase, counted, overdue, redemptions
from oropendola_payments.tests.support.factories import create_invoice, create_plan, create_user
from oropendola_payments.tests.support.http import send
from oropendola_payments.tests.support.parallel import in_parallel


class TestLateFreeOrders(CouponTestCase):
	def test_a_free_order_whose_place_was_given_to_others_is_refused_until_the_coupon_is_removed(self):
		"""S45: otherwise patience would be enough to redeem the last place as often as one likes."""
		coupon, first = self.redeem(basis_points=10_000, max_redemptions=1)
		overdue(first)
		expiry.release_unpaid()
		other = create_user()
		checkout.initiate(other, create_invoice(other, self.plan, coupon).name)
		start = {"invoice_id": first.name}
		self.refused("coupon_not_valid", payment.initiate_payment, **start)
		self.assertEqual((redemptions(coupon), counted(coupon)), (["Released", "Used"], 1))
		self.succeed(api.remove, **start)
		self.assert_price(first, "499", "0")

	def test_a_free_order_counts_for_the_customer_after_its_due_date_too(self):
		coupon, first = self.redeem(basis_points=10_000, max_per_customer=1)
		overdue(first)
		expiry.release_unpaid()
		self.plan = create_plan()
		checkout.initiate(self.user, self.buy(coupon).name)
		self.refused("coupon_refused", payment.initiate_payment, invoice_id=first.name)

	def test_a_free_order_within_the_limits_is_confirmed_after_its_due_date(self):
		coupon, first = self.redeem(basis_points=10_000, max_redemptions=1)
		overdue(first)
		expiry.release_unpaid()
		checkout.initiate(self.user, first.name)
		self.assertEqual((redemptions(coupon), counted(coupon)), (["Used"], 1))

	def test_of_free_orders_that_are_confirmed_at_once_after_their_due_date_one_is_served(self):
		"""S45: a unique key decides, because each transaction may see no redemption of the others."""
		coupon, first = self.redeem(basis_points=10_000, max_per_customer=1)
		orders = [first]
		for _more in range(2):
			overdue(orders[-1])
			expiry.release_unpaid()
			self.plan = create_plan()
			orders.append(self.buy(coupon))
		overdue(orders[-1])
		expiry.release_unpaid()
		results = in_parallel(3, lambda number: checkout.initiate(self.user, orders[number].name))
		refusals = [result for result in results if isinstance(result, CouponRefused)]
		self.assertEqual((len(refusals), counted(coupon)), (2, 1), results)
		used = {"coupon": coupon, "status": "Used"}
		self.assertEqual(
			frappe.get_all("AI Coupon Redemption", used, pluck="redemption_key"),
			[key_of(coupon, self.user, 1)],
		)

	def test_a_free_order_of_a_coupon_that_was_ended_is_refused_after_its_due_date(self):
		coupon, first = self.redeem(basis_points=10_000)
		overdue(first)
		expiry.release_unpaid()
		frappe.db.set_value("AI Coupon", coupon, "is_active", 0)
		frappe.db.commit()
		path = "/api/method/oropendola_payments.api.payment.initiate_payment"
		answer = send(
			"POST", path, self.user, json={"invoice_id": first.name}
		)  # compared with the OpenAPI document, too
		self.assertEqual(answer.json["message"]["error_code"], "coupon_not_valid")
