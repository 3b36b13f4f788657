"""What one invoice pays for has one allowance, whatever moves its days. Subscribing to a free plan again refills nothing."""

from datetime import date, datetime, time, timedelta
from unittest.mock import patch

import frappe
from frappe.utils import get_datetime, getdate, now_datetime

from oropendola_payments.ai_billing.doctype.ai_usage_window.ai_usage_window import add_window
from oropendola_payments.ai_billing.periods import add_interval, today
from oropendola_payments.api import subscription as api
from oropendola_payments.api import subscription_renewal
from oropendola_payments.engine.ending import now as ending
from oropendola_payments.engine.keys import reveal
from oropendola_payments.engine.metering import quota, usage
from oropendola_payments.engine.parts import choose
from oropendola_payments.engine.pauses import resume
from oropendola_payments.engine.refunds import create
from oropendola_payments.exceptions import QuotaUsedUp
from oropendola_payments.patches import end_windows_with_their_periods
from oropendola_payments.tests.support.customers import CustomerTestCase, move_to, pay
from oropendola_payments.tests.support.factories import create_active_subscription, create_plan
from oropendola_payments.tests.support.parallel import meanwhile
from oropendola_payments.tests.support.parts import PartsTestCase, create_instalment_plan
from oropendola_payments.tests.support.plan_changes import shift

WINDOW = "AI Usage Window"
PAUSE = ("paused_on", "pause_until")


def limit(allowance: int, window: str = "Period", meter: str = "Requests") -> dict:
	return {"allowance": allowance, "meter": meter, "time_window": window}


def at_midnight(day: date) -> datetime:
	return datetime.combine(getdate(day), time())


class Metered:
	"""One subscription with a key, whose days can pass."""

	subscription: str
	key: str | None = None

	def consume(self, requests: int = 1) -> dict:
		answer = usage.consume(self.api_key(), requests)
		frappe.db.commit()
		return {row["window"]: row["remaining"] for row in answer["windows"]}

	def api_key(self) -> str:
		if not self.key:
			self.key = reveal.reveal(self.user)["api_key"]
		return self.key

	def used_up(self):
		with self.assertRaises(QuotaUsedUp):
			self.consume()
		frappe.db.rollback()

	def ends(self, window: str = "Period") -> datetime:
		return frappe.db.get_value(
			WINDOW, {"subscription": self.subscription, "time_window": window}, "ends_at"
		)

	def days_pass(self, days: int):
		shift(self.subscription, days)
		doc = self.row()
		paused = {field: doc.get(field) - timedelta(days=days) for field in PAUSE if doc.get(field)}
		if paused:
			move_to(self.subscription, **paused)
		for row in frappe.get_all(WINDOW, {"subscription": self.subscription}, ["name", "ends_at"]):
			frappe.db.set_value(WINDOW, row.name, "ends_at", row.ends_at - timedelta(days=days))
		frappe.db.commit()

	def row(self):
		return frappe.get_doc("AI Subscription", self.subscription)

	def change_to(self, plan) -> str:
		quote = self.succeed(api.preview_plan_change, plan_id=plan.name)["quote"]
		invoice = self.succeed(api.change_plan, plan_id=plan.name, quote=quote).get("invoice_id")
		if not frappe.db.get_value("AI Plan", plan.name, "is_free"):
			pay(invoice)
		self.assertEqual(self.row().plan, plan.name)
		return invoice


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
		self.subscribe_and_pay()
		self.days_pass(10)
		self.consume(10)
		self.change_to(create_plan(price=4990, limits=[limit(25)]))
		self.assertEqual(self.consume(), {"requests:period": 14})

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
		"""U32."""
		self.consume(7)
		year = at_midnight(add_interval(today(), "Year", 1))
		self.assertEqual(self.ends(), year)
		self.pay_by_transfer("2357.64")
		self.assertEqual(self.consume(3), {"requests:period": 0})
		self.pay_by_transfer("4715.28")
		self.used_up()
		self.assertEqual(self.ends(), year)

	def test_days_without_service_between_parts_make_the_window_longer(self):
		self.consume(7)
		for gap in (20, 400):  # the second is longer than the days that are left
			self.days_pass((self.row().end_date - today()).days + gap)
			self.row().expire()
			frappe.db.commit()
			self.pay_by_transfer("2357.64")
			self.assertEqual(self.consume(1)["requests:period"], 2 if gap == 20 else 1)
		self.pay_by_transfer("2357.64")
		self.assertEqual(self.ends(), at_midnight(self.row().end_date))
		self.consume(1)
		self.used_up()


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
