"""Many customers at once, each with an own connection: a coupon is never redeemed more often than it may be."""

import frappe

from oropendola_payments.engine.coupons.eligibility import CouponRefused
from oropendola_payments.engine.coupons.guesses import WRONG_GUESSES
from oropendola_payments.engine.monitoring import invariants
from oropendola_payments.engine.subscriptions import discounts, lifecycle
from oropendola_payments.exceptions import Refusal
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.coupons import RULES, counted, redemptions
from oropendola_payments.tests.support.factories import (
	create_coupon,
	create_invoice,
	create_plan,
	create_user,
)
from oropendola_payments.tests.support.parallel import in_parallel

CUSTOMERS = 100
CROWD = 20
CLICKS = WRONG_GUESSES  # of one customer: more at once are refused


class TestCouponRaces(TestCase):
	def setUp(self):
		self.violated_before = invariants.check(RULES)

	def assert_books(self, coupon: str, used: int):
		self.assertEqual((len(redemptions(coupon)), counted(coupon)), (used, used))
		reduced = frappe.get_all("AI Invoice", {"coupon": coupon}, ["discount_amount", "net_amount"])
		self.assertEqual(
			[(float(row.discount_amount), float(row.net_amount)) for row in reduced], [(249.5, 249.5)] * used
		)
		self.assertEqual(invariants.check(RULES), self.violated_before)

	def assert_only_refusals(self, results: list):
		bugs = [r for r in results if isinstance(r, Exception) and not isinstance(r, Refusal)]
		self.assertEqual(bugs, [])

	def test_of_a_hundred_customers_at_once_one_gets_the_last_redemption(self):
		"""S45."""
		plan, coupon = create_plan().name, create_coupon(max_redemptions=1).name
		users = [create_user() for _customer in range(CUSTOMERS)]
		results = in_parallel(
			CUSTOMERS, lambda number: lifecycle.subscribe(users[number], plan, None, coupon=coupon)
		)
		self.assert_only_refusals(results)
		self.assertEqual(sum(isinstance(result, dict) for result in results), 1, results)
		self.assertEqual(sum(isinstance(result, CouponRefused) for result in results), CUSTOMERS - 1)
		self.assertEqual(frappe.db.count("AI Invoice", {"plan": plan}), 1, "a refusal orders nothing")
		self.assert_books(coupon, 1)

	def test_a_customer_redeems_a_coupon_once_with_ten_requests_at_once(self):
		"""S45: on ten invoices, so that no lock of an invoice or a subscription decides."""
		user, coupon = create_user(), create_coupon().name
		invoices = [create_invoice(user).name for _plan in range(CLICKS)]
		results = in_parallel(CLICKS, lambda number: discounts.apply(user, invoices[number], coupon))
		self.assert_only_refusals(results)
		self.assertEqual(sum(isinstance(result, dict) for result in results), 1, results)
		self.assert_books(coupon, 1)

	def test_ten_clicks_on_apply_redeem_once(self):
		user, coupon = create_user(), create_coupon().name
		invoice = create_invoice(user).name
		results = in_parallel(CLICKS, lambda _click: discounts.apply(user, invoice, coupon))
		self.assertEqual(len({str(result) for result in results}), 1, results)
		self.assert_books(coupon, 1)

	def test_a_coupon_that_is_released_and_redeemed_at_the_same_time_is_counted_once(self):
		plan, coupon = create_plan(), create_coupon(max_redemptions=1).name
		first = create_invoice(create_user(), plan, coupon)
		users = [create_user() for _customer in range(CROWD - 1)]

		def act(number: int):
			if number == 0:
				return discounts.remove(first.user, first.name)
			return lifecycle.subscribe(users[number - 1], plan.name, None, coupon=coupon)

		self.assert_only_refusals(in_parallel(CROWD, act))
		active = [status for status in redemptions(coupon) if status != "Released"]
		self.assertEqual(len(active), counted(coupon))
		self.assertLessEqual(len(active), 1)
		self.assertEqual(invariants.check(RULES), self.violated_before)
