"""A customer cannot find codes by trying: ten refused ones within an hour, and every answer is the same."""

import frappe
from frappe.utils import add_days, nowdate

from oropendola_payments.api import coupons as api
from oropendola_payments.api import subscription
from oropendola_payments.engine.coupons.guesses import KIND, WRONG_GUESSES
from oropendola_payments.tests.support.coupons import CouponTestCase
from oropendola_payments.tests.support.factories import (
	create_coupon,
	create_invoice,
	create_plan,
	create_user,
	end_window,
)
from oropendola_payments.tests.support.parallel import in_parallel


class TestGuesses(CouponTestCase):
	def guess(self, code: str = "NO-SUCH-CODE", error: str = "coupon_not_valid") -> str:
		return self.refused(error, api.check, code=code, plan_id=self.plan.name)

	def guess_often(self):
		for _guess in range(WRONG_GUESSES):
			self.guess()

	def test_after_ten_wrong_codes_even_the_right_one_is_refused_for_an_hour(self):
		"""S44."""
		right = create_coupon().name
		self.guess_often()
		self.assertRegex(self.guess(right, "too_many_requests"), r"in \d\d minutes")
		end_window(KIND, self.user)
		self.succeed(api.check, code=right, plan_id=self.plan.name)

	def test_an_emptied_cache_does_not_reset_the_count(self):
		self.guess_often()
		frappe.cache.flushall() if hasattr(frappe.cache, "flushall") else frappe.clear_cache()
		self.guess(error="too_many_requests")

	def test_every_endpoint_that_takes_a_code_counts(self):
		invoice, plan = self.buy(), create_plan()
		buy = {"plan_id": plan.name, "coupon": "NO-SUCH-CODE"}
		for _guess in range(WRONG_GUESSES // 2):
			self.refused("coupon_not_valid", api.apply, invoice_id=invoice.name, code="NO-SUCH-CODE")
			self.refused("coupon_not_valid", subscription.create_subscription_and_invoice, **buy)
		self.guess(error="too_many_requests")
		self.refused("too_many_requests", api.apply, invoice_id=invoice.name, code="NO-SUCH-CODE")
		self.refused("too_many_requests", subscription.create_subscription_and_invoice, **buy)

	def test_right_codes_and_refusals_for_other_reasons_do_not_count(self):
		right, invoice = create_coupon().name, self.buy()
		for _try in range(WRONG_GUESSES + 2):
			self.succeed(api.check, code=right, plan_id=self.plan.name)
			self.refused("not_found", api.apply, invoice_id="INV-0", code=right)
		self.apply(invoice, right)

	def test_another_customer_may_still_try(self):
		self.guess_often()
		self.user = create_user()
		self.guess()

	def test_parallel_guesses_are_counted_before_they_are_answered(self):
		"""S44: forty at once are not forty guesses."""
		plan = self.plan.name

		def guess(_number: int) -> str:
			frappe.set_user(self.user)
			return api.check(code="NO-SUCH-CODE", plan_id=plan)["error_code"]

		answers = in_parallel(40, guess)
		self.assertEqual(answers.count("coupon_not_valid"), WRONG_GUESSES, answers)
		self.assertEqual(answers.count("too_many_requests"), 40 - WRONG_GUESSES)

	def test_unknown_inactive_future_used_up_and_foreign_codes_get_the_same_answer(self):
		"""S44."""
		spent = create_coupon(max_redemptions=1).name
		create_invoice(create_user(), self.plan, spent)
		codes = (
			"NO-SUCH-CODE",
			create_coupon(is_active=0).name,
			create_coupon(valid_from=add_days(nowdate(), 2)).name,
			create_coupon(customers=[{"user": create_user()}]).name,
			spent,
		)
		self.assertEqual(len({self.guess(code) for code in codes}), 1)
