"""What one invoice pays for has one allowance, whatever moves its days."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from unittest.mock import patch

import frappe
from frappe.utils import now_datetime

from oropendola_payments.ai_billing.periods import add_interval, today
from oropendola_payments.ai_billing.test_current import statements_of
from oropendola_payments.api import subscription as api
from oropendola_payments.api import subscription_renewal
from oropendola_payments.engine.ending import unused_days
from oropendola_payments.engine.entitlements.bought_share import not_bought
from oropendola_payments.engine.entitlements.paid_periods import PaidPeriod, Step, next_paid
from oropendola_payments.engine.entitlements.windows import Span
from oropendola_payments.engine.keys import reveal
from oropendola_payments.engine.metering import gate, quota, usage
from oropendola_payments.engine.parts import choose
from oropendola_payments.engine.pauses import resume
from oropendola_payments.engine.refunds import create
from oropendola_payments.engine.settlement import unfinished
from oropendola_payments.patches import end_windows_with_their_periods
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.customers import CustomerTestCase, pay
from oropendola_payments.tests.support.factories import create_active_subscription, create_plan
from oropendola_payments.tests.support.metered import WINDOW, Metered, at_midnight, limit
from oropendola_payments.tests.support.parallel import in_parallel, meanwhile
from oropendola_payments.tests.support.parts import PartsTestCase, create_instalment_plan


class TestPaidPeriods(Metered, CustomerTestCase):
	def subscribe_and_pay(self, **plan_values):
		values = {"limits": [limit(10)], "allow_pause": 1, **plan_values}
		doc = create_active_subscription(self.user, **values)
		self.subscription, self.plan = doc.name, doc.plan
		return doc

	def renew(self):
		pay(self.succeed(subscription_renewal.renew_subscription)["invoice_id"])

	def test_each_renewal_that_was_paid_ahead_has_the_whole_allowance(self):
		doc = self.subscribe_and_pay()
		self.renew()
		self.consume(10)
		self.used_up()
		self.assertEqual(self.ends(), at_midnight(doc.end_date))
		self.days_pass((doc.end_date - today()).days)
		self.consume(10)
		self.used_up()
		self.assertEqual(self.ends(), at_midnight(self.row().end_date))

	def test_the_paid_period_is_asked_for_once_and_only_until_it_is_used(self):
		self.subscribe_and_pay(limits=[limit(10), limit(10, meter="Tokens"), limit(10, meter="Units")])
		look = lambda: gate.check(self.api_key())  # noqa: E731
		look()
		self.assertEqual(statements_of(look), 3)
		usage.consume(self.api_key(), 1, input_tokens=1)
		frappe.db.commit()
		self.assertEqual(statements_of(look), 1)

	def test_periods_of_another_length_than_the_plan_has_now_are_counted_as_they_were_paid(self):
		doc = self.subscribe_and_pay()
		plan = frappe.get_doc("AI Plan", doc.plan)
		plan.update({"billing_interval": "Day", "interval_count": 5})
		plan.save(ignore_permissions=True)
		self.consume()
		self.assertEqual(self.ends(), at_midnight(doc.end_date))

	def test_a_trial_ends_its_window_where_the_paid_period_begins_which_has_one_allowance(self):
		plan = create_plan(limits=[limit(10)], trial_days=7)
		made = self.subscribe(plan)
		self.subscription, self.key = made["subscription_id"], made["api_key"]
		self.consume(4)
		self.assertEqual(self.ends(), at_midnight(today() + timedelta(days=7)))
		self.renew()
		self.assertEqual(self.consume(4), {"requests:period": 2})
		self.days_pass(7)
		self.consume(10)
		self.used_up()
		self.assertEqual(self.ends(), at_midnight(self.row().end_date))

	def test_a_trial_that_is_used_only_after_its_payment_ends_its_window_in_time_too(self):
		plan = create_plan(limits=[limit(10)], trial_days=7)
		made = self.subscribe(plan)
		self.subscription, self.key = made["subscription_id"], made["api_key"]
		self.renew()
		self.consume(4)
		self.assertEqual(self.ends(), at_midnight(today() + timedelta(days=7)))

	def test_a_pause_refills_nothing(self):
		"""U32."""
		doc = self.subscribe_and_pay()
		self.days_pass(10)
		self.consume(10)
		self.succeed(api.pause_subscription, days=60)
		self.days_pass(60)
		resume.resume(self.subscription)
		self.used_up()
		end = self.row().end_date
		self.assertEqual(((end - doc.end_date).days, self.ends()), (-10, at_midnight(end)))
		self.days_pass((end - today()).days - 1)
		self.used_up()

	def test_a_pause_during_a_trial_that_was_paid_for_refills_nothing(self):
		plan = create_plan(limits=[limit(10)], trial_days=14, allow_pause=1)
		made = self.subscribe(plan)
		self.subscription, self.key = made["subscription_id"], made["api_key"]
		self.days_pass(3)
		self.consume(10)
		self.renew()
		self.succeed(api.pause_subscription, days=14)
		self.days_pass(14)
		resume.resume(self.subscription)
		for days in (0, 10):
			self.days_pass(days)
			self.used_up()
		self.days_pass(1)
		self.consume(10)
		self.used_up()

	def test_a_pause_under_a_plan_without_this_limit_refills_nothing_for_the_way_back(self):
		doc = self.subscribe_and_pay()
		self.consume(10)
		self.change_to(create_plan(allow_pause=1))
		self.succeed(api.pause_subscription, days=30)
		self.days_pass(30)
		resume.resume(self.subscription)
		self.days_pass((self.row().end_date - today()).days - 1)
		self.change_to(frappe.get_doc("AI Plan", doc.plan))
		self.used_up()

	def test_a_longer_interval_begins_a_period_and_its_allowance(self):
		self.subscribe_and_pay()
		self.days_pass(10)
		self.consume(10)
		yearly = create_plan(price=4990, billing_interval="Year", limits=[limit(100)])
		self.change_to(yearly)
		self.assertEqual(self.consume(), {"requests:period": 99})
		self.assertEqual(self.ends(), at_midnight(add_interval(today(), "Year", 1)))

	def test_a_refund_of_the_longer_interval_goes_back_to_what_was_used_before(self):
		doc = self.subscribe_and_pay()
		self.days_pass(10)
		self.consume(10)
		invoice = self.change_to(create_plan(price=4990, billing_interval="Year", limits=[limit(100)]))
		create.create_refund(invoice, None, "A test")
		self.assertEqual(self.row().plan, doc.plan)
		self.used_up()
		self.assertEqual(self.ends(), at_midnight(self.row().end_date))

	def test_a_higher_price_in_the_same_interval_goes_on_with_what_was_used(self):
		"""What was used counts, and of the 15 requests more the days that are over have bought none."""
		self.subscribe_and_pay()
		self.days_pass(10)
		self.consume(10)
		days = next_paid(self.subscription, today()).days
		self.change_to(create_plan(price=4990, limits=[limit(25)]))
		self.assertEqual(self.consume(), {"requests:period": 25 - 15 * 10 // days - 11})

	def test_a_payment_after_a_gap_begins_an_allowance(self):
		doc = self.subscribe_and_pay()
		self.consume(10)
		self.days_pass((doc.end_date - today()).days + 2)
		# As if a part of the period had never been paid: what was counted would run on.
		frappe.db.set_value(
			WINDOW, {"subscription": self.subscription}, "ends_at", now_datetime() + timedelta(days=9)
		)
		self.row().expire()
		frappe.db.commit()
		self.renew()
		self.assertEqual(self.consume(), {"requests:period": 9})
		self.assertEqual(self.ends(), at_midnight(self.row().end_date))

	def test_the_end_of_a_period_is_read_under_the_lock_when_its_first_call_comes(self):
		"""A call that began before a change of plan does not leave a window behind that ends with the old period."""
		self.subscribe_and_pay()
		self.days_pass(10)
		key, rows = usage.authenticate(self.api_key())
		yearly = create_plan(price=4990, billing_interval="Year", limits=[limit(100)])

		def change_before_it_is_counted(*arguments):
			moment.side_effect = None
			frappe.db.commit()  # nothing is written yet; SQLite lets one writer in
			meanwhile(lambda: self.change_to(yearly))

		with patch.object(quota, "require_room", side_effect=change_before_it_is_counted) as moment:
			usage.take(key, rows, usage.checked_call(1, None, 0, 0))
		frappe.db.commit()
		self.assertEqual(self.ends(), at_midnight(add_interval(today(), "Year", 1)))

	def test_a_call_that_began_before_an_upgrade_does_not_begin_a_window_with_all_of_it(self):
		"""U36."""
		self.subscribe_and_pay()
		self.days_pass(10)
		days = next_paid(self.subscription, today()).days
		key, rows = usage.authenticate(self.api_key())
		large = create_plan(price=4990, limits=[limit(1000)])

		def change_before_it_is_counted(*arguments):
			moment.side_effect = None
			frappe.db.commit()  # nothing is written yet; SQLite lets one writer in
			meanwhile(lambda: self.change_to(large))

		with patch.object(quota, "require_room", side_effect=change_before_it_is_counted) as moment:
			usage.take(key, rows, usage.checked_call(1, None, 0, 0))
		frappe.db.commit()
		self.assertEqual(self.consume(), {"requests:period": 1000 - 990 * 10 // days - 2})

	def test_an_update_has_the_windows_that_run_end_with_what_was_paid(self):
		doc = self.subscribe_and_pay()
		self.consume(3)
		frappe.db.set_value(
			WINDOW,
			{"subscription": self.subscription},
			"ends_at",
			at_midnight(doc.end_date) - timedelta(days=3),
		)
		for _run in range(2):
			end_windows_with_their_periods.execute()
			self.assertEqual(self.ends(), at_midnight(doc.end_date))
		self.assertEqual(self.consume(), {"requests:period": 6})


class TestParts(Metered, PartsTestCase):
	def setUp(self):
		super().setUp()
		name = create_instalment_plan()
		self.new_invoice(name, limits=[limit(10)])
		choose.choose(self.user, self.invoice, name)
		self.pay_by_transfer("4715.28")

	def test_all_parts_of_an_invoice_have_one_allowance_together(self):
		"""U32, U36: the first part of 40 % buys 4 of 10 requests, the next one of 20 % two more."""
		self.assertEqual(self.consume(4), {"requests:period": 0})
		year = at_midnight(add_interval(today(), "Year", 1))
		self.assertEqual(self.ends(), year)
		self.used_up()
		self.pay_by_transfer("2357.64")
		self.assertEqual(self.consume(2), {"requests:period": 0})
		self.used_up()
		self.pay_by_transfer("4715.28")
		self.assertEqual(self.consume(4), {"requests:period": 0})
		self.used_up()
		self.assertEqual(self.ends(), year)

	def test_what_a_part_buys_is_there_although_nothing_was_used_before(self):
		self.pay_by_transfer("2357.64")
		self.assertEqual(self.consume(6), {"requests:period": 0})
		self.used_up()

	def test_days_without_service_between_parts_make_the_window_longer(self):
		self.consume(4)
		for gap in (20, 400):  # the second is longer than the days that are left
			self.days_pass((self.row().end_date - today()).days + gap)
			self.row().expire()
			frappe.db.commit()
			self.pay_by_transfer("2357.64")
			self.assertEqual(self.consume(1)["requests:period"], 1 if gap == 20 else 2)
		self.pay_by_transfer("2357.64")
		self.assertEqual(self.ends(), at_midnight(self.row().end_date))
		self.consume(4)
		self.used_up()

	def test_a_part_is_worth_no_more_than_its_share_of_the_allowance(self):
		for used, amount in ((2, "2357.64"), (2, "0")):
			self.consume(used)
			(unused,) = unused_days.of(self.row())
			self.assertEqual(unused.amount, Decimal(amount))

	def test_closing_the_rest_changes_neither_the_worth_nor_the_allowance_of_what_was_paid(self):
		"""Whether the window began before, or begins afterwards."""
		for used in (0, 1):
			with self.subTest(used=used):
				self.setUp()
				self.key = None
				if used:
					self.consume(used)
				(before,) = unused_days.of(self.row())
				invoice = self.doc()
				unfinished.close(invoice, unfinished.ENDED_REASON)
				frappe.db.commit()
				self.assertEqual(unused_days.of(self.row()), [before])
				self.assertEqual(self.consume(4 - used), {"requests:period": 0})
				self.used_up()

	def test_a_gap_before_the_last_part_refills_nothing(self):
		self.consume(4)
		self.days_pass((self.row().end_date - today()).days + 30)
		self.row().expire()
		frappe.db.commit()
		self.pay_by_transfer("7072.92")
		self.assertEqual((self.doc().status, self.ends()), ("Paid", at_midnight(self.row().end_date)))
		self.consume(6)
		self.used_up()

	def test_parts_of_days_that_another_plan_replaced_buy_nothing_and_their_money_is_returned(self):
		self.days_pass((self.row().end_date - today()).days + 1)
		self.row().mark_past_due()
		frappe.db.commit()
		other = create_plan(price=12_000, billing_interval="Year", limits=[limit(10)])
		self.change_to(other)
		before = self.row()
		for amount in ("2357.64", "4715.28"):
			self.pay_by_transfer(amount)
			after = self.row()
			self.assertEqual((after.plan, after.end_date), (other.name, before.end_date))
		self.consume(10)
		self.assertEqual(self.ends(), at_midnight(before.end_date))
		rows = frappe.get_all(
			"Payment Capture", {"invoice": self.invoice, "resolution": "Flag"}, pluck="surplus"
		)
		self.assertEqual(sorted(map(float, rows)), [2357.64, 4715.28])


class TestWhatIsNotBought(TestCase):
	WEEK = Span(date(2026, 11, 23), date(2026, 11, 30), 7)

	def not_bought(self, *steps: Step, ends_on: date = date(2026, 12, 1), **values) -> int:
		plan, begin, nothing = self.large.name, date(2026, 11, 1), Decimal(0)
		period = PaidPeriod("INV", plan, begin, ends_on, 30, 0, 0, "INR", nothing, steps=steps, **values)
		return not_bought(self.large.limits[0], self.WEEK, period)

	def setUp(self):
		self.small, self.large = (create_plan(limits=[limit(allowance, "Week")]) for allowance in (70, 7000))

	def test_each_plan_counts_for_the_days_on_which_it_was_served(self):
		self.assertEqual(self.not_bought(), 0)
		step = Step(self.small.name, date(2026, 11, 28))
		self.assertEqual(self.not_bought(step), 7000 - 2000 - 50)
		self.assertEqual(self.not_bought(replace(step, on=date(2026, 11, 20))), 0)

	def test_what_was_before_a_new_period_does_not_count(self):
		old, new = (
			Step(self.small.name, date(2026, 11, 25)),
			Step(self.small.name, date(2026, 11, 28), restarts=True),
		)
		self.assertEqual(self.not_bought(old, new), 0)

	def test_days_whose_parts_are_owed_or_given_up_are_not_bought(self):
		for owed in (2, 0):
			missing = self.not_bought(ends_on=date(2026, 11, 28), days_owed=owed, days_not_bought=2)
			self.assertEqual(missing, 2000)

	def test_the_days_of_a_period_whose_rest_was_given_up_are_counted_from_the_end_of_what_was_paid(self):
		"""15 of 30 days were paid, and after 5 of them the plan was changed."""
		small, large = (create_plan(limits=[limit(allowance)]) for allowance in (3000, 6000))
		steps = (Step(small.name, date(2026, 11, 6), "INV", 10),)
		begin, end = date(2026, 11, 1), date(2026, 11, 16)
		period = PaidPeriod("INV", large.name, begin, end, 30, 0, 0, "INR", Decimal(0), steps=steps)
		closed = replace(period, days_not_bought=15)
		self.assertEqual(not_bought(large.limits[0], Span(begin, end, 30), closed), 6000 - 500 - 2000)


class TestFirstCalls(Metered, CustomerTestCase):
	def test_the_first_calls_of_many_customers_at_once_are_all_served(self):
		"""Each adds the first window of its subscription."""
		keys = []
		for _customer in range(8):
			doc = create_active_subscription(limits=[limit(10), limit(10, "Month")])
			keys.append(reveal.reveal(doc.user)["api_key"])

		def first_call(number: int) -> int:
			answer = usage.consume(keys[number], 1)
			frappe.db.commit()
			return answer["windows"][0]["remaining"]

		self.assertEqual(in_parallel(len(keys), first_call), [9] * len(keys))
