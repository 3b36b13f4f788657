"""Starting a free plan again refills nothing: neither by cancelling it, nor by changing to another plan and back."""

from datetime import timedelta

import frappe
from frappe.utils import get_datetime, now_datetime

from oropendola_payments.ai_billing.doctype.ai_usage_window.ai_usage_window import add_window
from oropendola_payments.ai_billing.periods import add_interval, today
from oropendola_payments.api import subscription as api
from oropendola_payments.engine.ending import now as ending
from oropendola_payments.engine.metering import usage
from oropendola_payments.exceptions import QuotaUsedUp
from oropendola_payments.tests.support.customers import CustomerTestCase, move_to
from oropendola_payments.tests.support.factories import create_active_subscription, create_plan
from oropendola_payments.tests.support.metered import Metered, at_midnight, limit


class TestFreePlans(Metered, CustomerTestCase):
	def start(self, plan):
		made = self.subscribe(plan)
		self.subscription, self.key = made["subscription_id"], made["api_key"]

	def again(self, plan):
		ending.end(self.subscription)
		self.start(plan)

	def free_plan(self, *limits: dict):
		return create_plan(price=0, is_free=1, limits=[*limits])

	def test_subscribing_again_refills_no_window(self):
		"""U32."""
		for window in ("Hour", "Week", "Month", "Period"):
			with self.subTest(window):
				plan = self.free_plan(limit(10, window))
				self.start(plan)
				self.consume(10)
				end = self.ends(window)
				for _time in range(2):
					self.again(plan)
					self.used_up()
					self.assertEqual(self.ends(window), end)
				ending.end(self.subscription)

	def test_the_first_day_stays_so_that_the_next_month_ends_no_earlier(self):
		plan = self.free_plan(limit(10, "Month"))
		self.start(plan)
		self.days_pass(20)
		self.consume(10)
		first_day, end = self.row().start_date, get_datetime(self.ends("Month"))
		self.again(plan)
		self.assertEqual(self.row().start_date, first_day)
		self.days_pass((end.date() - today()).days)
		self.consume(10)
		self.assertEqual(self.ends("Month"), at_midnight(add_interval(self.row().start_date, "Month", 2)))

	def test_a_free_plan_without_use_or_whose_month_is_over_begins_today(self):
		plan = self.free_plan(limit(10, "Month"))
		self.start(plan)
		self.days_pass(40)
		self.again(plan)
		self.assertEqual(self.row().start_date, today())
		self.consume(10)
		self.days_pass(40)
		self.again(plan)
		self.assertEqual((self.row().start_date, self.consume(1)), (today(), {"requests:month": 9}))

	def test_another_customer_and_another_plan_are_not_counted(self):
		plan = self.free_plan(limit(10, "Month"))
		add_window(
			create_active_subscription().name, "Requests", "Month", 9, now_datetime() + timedelta(days=3)
		)
		self.start(self.free_plan(limit(10, "Month")))
		self.consume(10)
		self.again(plan)
		self.assertEqual(self.consume(), {"requests:month": 9})

	def test_changing_to_a_free_plan_that_was_used_up_before_refills_nothing(self):
		used, other = self.free_plan(limit(10, "Month")), self.free_plan(limit(10, "Hour"))
		self.start(used)
		self.consume(10)
		ending.end(self.subscription)
		self.start(other)
		self.change_to(used)
		self.used_up()

	def test_changing_to_another_free_plan_and_back_refills_nothing(self):
		one, two = (self.free_plan(limit(10), limit(20, "Month")) for _plan in range(2))
		self.start(one)
		self.days_pass(3)
		self.consume(10)
		first_day, ends = self.row().start_date, self.ends()
		for plan in (two, one):
			self.change_to(plan)
			self.assertEqual(self.row().start_date, first_day)
			self.used_up()
		self.assertEqual(self.ends(), ends)

	def test_leaving_a_free_plan_and_subscribing_to_it_again_refills_nothing(self):
		one, two = self.free_plan(limit(10, "Month")), self.free_plan(limit(1000, "Month"))
		self.start(one)
		self.consume(10)
		self.change_to(two)
		self.start(one)
		self.used_up()

	def test_a_free_plan_that_was_left_before_its_window_began_is_not_used_up(self):
		one, two = self.free_plan(limit(10, "Month")), self.free_plan(limit(1000, "Month"))
		self.start(one)
		self.change_to(two)
		self.days_pass(70)
		frappe.db.set_value(
			"AI Plan Change",
			{"subscription": self.subscription},
			"applied_on",
			now_datetime() - timedelta(days=70),
		)
		self.consume(50)
		self.start(one)
		self.assertEqual(self.consume(), {"requests:month": 9})

	def test_a_free_plan_with_a_shorter_period_does_not_end_the_window_of_the_other(self):
		one, two = (
			self.free_plan(limit(10)),
			create_plan(price=0, is_free=1, billing_interval="Day", limits=[limit(10)]),
		)
		self.start(one)
		self.consume(10)
		end = self.ends()
		self.change_to(two)
		self.change_to(one)
		self.assertEqual(self.ends(), end)

	def test_requests_of_the_day_come_back_neither_through_a_smaller_nor_an_unlimited_plan(self):
		plans = [create_plan(price=0, is_free=1, requests_limit_per_day=limit) for limit in (100, 10, 0)]
		self.start(plans[0])
		self.consume_day(70)
		for plan, left in ((plans[1], 0), (plans[2], -1), (plans[1], 0), (plans[0], 30)):
			preview = self.succeed(api.preview_plan_change, plan_id=plan.name)["quota"]["remaining_today"]
			self.change_to(plan)
			self.assertEqual((self.row().daily_quota_remaining, preview), (left, left))
		self.consume_day(30)
		self.change_to(plans[1])
		move_to(self.subscription, quota_reset_on=today())  # the next day
		frappe.db.set_value(
			"AI Subscription", self.subscription, "used_before_change_on", today() - timedelta(days=1)
		)
		frappe.db.commit()
		self.change_to(plans[0])
		self.assertEqual(self.row().daily_quota_remaining, 100)

	def consume_day(self, requests: int):
		usage.consume(self.api_key(), requests)
		frappe.db.commit()

	def test_a_day_that_was_used_under_this_plan_is_not_full_again_in_another_subscription(self):
		one, two = (create_plan(price=0, is_free=1, requests_limit_per_day=100) for _plan in range(2))
		self.start(one)
		self.consume_day(100)
		self.change_to(two)
		self.start(one)
		with self.assertRaises(QuotaUsedUp):
			usage.consume(self.api_key(), 1)
		frappe.db.rollback()
