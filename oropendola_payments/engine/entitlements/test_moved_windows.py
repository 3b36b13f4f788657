"""Days without service within what was paid move its weeks and months, as they move its end: they refill nothing and take nothing."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from unittest.mock import patch

import frappe
from hypothesis import given, settings
from hypothesis import strategies as st

from oropendola_payments.ai_billing.periods import add_interval, today
from oropendola_payments.api import subscription as api
from oropendola_payments.api import subscription_renewal as renewal
from oropendola_payments.engine.ending import unused_days
from oropendola_payments.engine.entitlements.bought_share import not_bought
from oropendola_payments.engine.entitlements.paid_periods import PaidPeriod, Step
from oropendola_payments.engine.entitlements.windows import TERM_FIELDS, Span, Term, delayed, span_of
from oropendola_payments.engine.jobs import subscription_jobs
from oropendola_payments.engine.metering import gate, quota, usage
from oropendola_payments.engine.metering.unused_value import Use, used_up
from oropendola_payments.engine.parts import choose
from oropendola_payments.engine.parts.schedule import rows_of
from oropendola_payments.engine.pauses import resume
from oropendola_payments.engine.refunds import create
from oropendola_payments.engine.subscriptions import lookup
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.customers import pay
from oropendola_payments.tests.support.factories import create_plan
from oropendola_payments.tests.support.metered import WINDOW, Metered, at_midnight, limit
from oropendola_payments.tests.support.parallel import meanwhile
from oropendola_payments.tests.support.parts import PartsTestCase, create_instalment_plan
from oropendola_payments.tests.support.plan_changes import PlanChangeCase
from oropendola_payments.www import usage as usage_page

TERM = ("months_from", "month_days", "weeks_from")


class PausedCase(Metered, PlanChangeCase):
	def begin(self, code: str = "S", window: str = "Month", allowance: int = 100, days_left: int = 29):
		values = {"requests_limit_per_day": 0, "limits": [limit(allowance, window)], "allow_pause": 1}
		return self.start(code, days_left, **values)

	def larger(self, code: str, window: str = "Month", allowance: int = 1000):
		values = {"requests_limit_per_day": 0, "limits": [limit(allowance, window)], "allow_pause": 1}
		self.make_plan(code, **values)

	def sleep(self, days: int):
		self.succeed(api.pause_subscription, days=days)
		self.days_pass(days)
		resume.resume(self.subscription)

	def left(self) -> int:
		return gate.check(self.api_key())["windows"][0]["remaining"]

	def assert_the_month_ends_with_what_is_paid(self):
		"""Give or take some days: when a test moves all dates into the past, its months have other lengths there."""
		self.assertLessEqual(abs((self.ends("Month").date() - self.doc().end_date).days), 3)


class TestPauses(PausedCase):
	def test_a_pause_refills_no_month(self):
		"""U32."""
		self.begin()
		self.consume(100)
		self.sleep(31)
		self.used_up()
		self.assert_the_month_ends_with_what_is_paid()
		self.days_pass(25)
		self.used_up()
		pay(self.succeed(renewal.renew_subscription)["invoice_id"])
		self.days_pass(7)
		self.consume(100)
		self.used_up()

	def test_a_month_that_is_used_only_after_the_pause_has_one_allowance(self):
		"""U32."""
		self.begin()
		self.sleep(31)
		self.consume(100)
		self.assert_the_month_ends_with_what_is_paid()

	def test_a_pause_refills_no_week(self):
		"""U32."""
		self.begin(window="Week")
		self.consume(100)
		days = (self.ends("Week").date() - today()).days
		self.sleep(14)
		self.days_pass(days - 1)
		self.used_up()
		self.days_pass(1)
		self.consume(100)
		self.assertEqual(self.ends("Week"), at_midnight(today() + timedelta(days=7)))

	def test_a_second_pause_refills_nothing_either(self):
		self.begin()
		self.consume(100)
		for days in (7, 50):
			self.sleep(days)
			self.used_up()
		self.assert_the_month_ends_with_what_is_paid()

	def test_a_late_job_moves_the_month_by_the_days_of_the_pause(self):
		self.begin()
		self.consume(100)
		self.succeed(api.pause_subscription, days=10)
		self.days_pass(15)
		subscription_jobs.run_expiry()
		self.used_up()
		self.assertEqual(self.doc().end_date, today() + timedelta(days=24))
		self.assert_the_month_ends_with_what_is_paid()

	def test_a_pause_that_is_undone_on_its_first_day_moves_nothing(self):
		self.begin()
		self.consume(40)
		ends = self.ends("Month")
		self.succeed(api.pause_subscription)
		self.succeed(api.resume_subscription)
		self.assertEqual((self.ends("Month"), self.left()), (ends, 60))
		self.assertEqual([self.doc().get(field) or None for field in TERM], [None, None, None])

	def test_a_pause_after_an_upgrade_buys_nothing_of_the_month(self):
		"""U36: of 89,900 requests more the eight days that are left buy a quarter."""
		self.begin(days_left=8)
		self.consume(1)
		self.larger("P", allowance=90_000)
		self.upgrade("P")
		self.sleep(20)
		after = self.left()
		self.assertAlmostEqual(after, 90_000 / 4, delta=9_000)
		frappe.db.delete(WINDOW, {"subscription": self.subscription})
		frappe.db.commit()
		self.assertEqual(self.left(), after + 1, "counted again from the change of plan")

	def test_a_quote_after_a_pause_says_what_an_upgrade_buys_of_the_month(self):
		self.begin(days_left=15)
		self.sleep(31)
		self.larger("P")
		said = self.preview("P")["limits"][0]["until_then"]
		self.assertAlmostEqual(said, 550, delta=90)
		self.upgrade("P")
		self.assertEqual(self.left(), said)

	def test_what_the_days_left_are_worth_is_the_same_after_a_pause(self):
		self.begin(days_left=20)
		self.consume(90)
		(before,) = unused_days.of(self.doc())
		self.sleep(28)
		self.assertEqual(unused_days.of(self.doc()), [before])

	def test_a_plan_that_begins_anew_begins_a_month_anew(self):
		self.begin()
		self.sleep(31)
		self.days_pass(60)
		self.row().expire()
		frappe.db.commit()
		pay(self.succeed(renewal.renew_subscription)["invoice_id"])
		self.consume(100)
		self.assertEqual(self.ends("Month"), at_midnight(add_interval(today(), "Month", 1)))
		self.assertIsNone(self.doc().months_from)

	def test_a_call_that_began_before_a_plan_began_anew_counts_in_the_month_of_that(self):
		"""U36."""
		self.begin()
		self.sleep(14)
		self.larger("PY")
		key, rows = usage.authenticate(self.api_key())

		def change_before_it_is_counted(*arguments):
			moment.side_effect = None
			frappe.db.commit()  # nothing is written yet; SQLite lets one writer in
			meanwhile(lambda: self.upgrade("PY"))

		with patch.object(quota, "require_room", side_effect=change_before_it_is_counted) as moment:
			usage.take(key, rows, usage.checked_call(1, None, 0, 0))
		frappe.db.commit()
		self.assertEqual(self.ends("Month"), at_midnight(add_interval(today(), "Month", 1)))

	def test_the_pages_of_the_customer_know_of_it(self):
		for fields in (lookup.FIELDS, usage_page.FIELDS):
			self.assertLessEqual(set(TERM_FIELDS), set(fields))


class TestRefundsOfALongerInterval(PausedCase):
	def setUp(self):
		super().setUp()
		self.begin(days_left=20)
		self.larger("PY")
		self.consume(100)

	def test_a_month_that_a_pause_had_moved_is_used_up_still(self):
		self.sleep(17)
		made = self.upgrade("PY")
		self.consume(10)
		self.assertEqual(self.ends("Month"), at_midnight(add_interval(today(), "Month", 1)))
		create.create_refund(made["invoice_id"], None, "A test")
		self.assertEqual(self.code(), "S")
		self.used_up_until_the_end()

	def test_a_month_is_used_up_still_after_a_pause_of_the_longer_interval(self):
		made = self.upgrade("PY")
		self.sleep(17)
		create.create_refund(made["invoice_id"], None, "A test")
		self.assertEqual(self.code(), "S")
		self.used_up_until_the_end()

	def used_up_until_the_end(self):
		frappe.db.set_value(WINDOW, {"subscription": self.subscription}, "used", 100)
		frappe.db.commit()
		self.used_up()
		self.assert_the_month_ends_with_what_is_paid()


class TestGaps(Metered, PartsTestCase):
	def in_parts(self, window: str, **values):
		name = create_instalment_plan(down_percent=25, parts=3)
		self.new_invoice(name, limits=[limit(100, window)], **values)
		choose.choose(self.user, self.invoice, name)

	def use_each_part(self, gap: int) -> list[int]:
		"""Use all that each part allows, and pay the next one so many days after its end."""
		used = []
		for row in rows_of(self.invoice):
			self.pay_by_transfer(str(row.total()))
			used.append(gate.check(self.api_key())["windows"][0]["remaining"])
			self.consume(used[-1])
			self.used_up()
			self.days_pass((self.row().end_date - today()).days + gap)
			self.row().expire()
			frappe.db.commit()
		return used

	def test_gaps_between_the_parts_of_a_month_refill_nothing(self):
		"""U36."""
		self.in_parts("Month", billing_interval="Month")
		for used, share in zip(self.use_each_part(gap=35), (25, 25, 25, 25), strict=True):
			self.assertAlmostEqual(used, share, delta=2)
		months_from, end = self.row().months_from, self.row().end_date
		self.assertLessEqual(abs((months_from - end).days), 3)

	def test_a_gap_refills_neither_the_month_nor_the_week_that_ran(self):
		"""U36."""
		for window in ("Month", "Week"):
			with self.subTest(window):
				self.setUp()
				self.key = None
				self.in_parts(window)
				self.pay_by_transfer(str(rows_of(self.invoice)[0].total()))
				self.consume(1)
				later = at_midnight(self.row().end_date + timedelta(days=3))
				frappe.db.set_value(
					WINDOW, {"subscription": self.subscription}, {"used": 100, "ends_at": later}
				)
				self.days_pass((self.row().end_date - today()).days + 70)
				self.row().expire()
				frappe.db.commit()
				self.pay_by_transfer(str(rows_of(self.invoice)[1].total()))
				self.assertAlmostEqual((self.ends(window).date() - today()).days, 3, delta=3)
				self.used_up()


class TestWhereTheyGoOn(TestCase):
	def test_the_week_and_the_month_that_ran_have_the_days_that_were_left(self):
		monthly = Term(date(2026, 1, 15), date(2026, 2, 15), "Month", 1)
		friday, pause = date(2026, 1, 23), timedelta(days=31)
		to = delayed(monthly, friday, pause, date(2026, 2, 15))
		self.assertEqual(to["months_from"], date(2026, 3, 18))
		self.assertEqual(to["weeks_from"], date(2026, 1, 26) + pause)
		self.assertEqual(to["month_days"], 31)

	def test_a_month_gets_longer_rather_than_a_few_days_are_left_over_at_the_end(self):
		"""U32: from 30 August six months lead to 28 February, and the end is 2 March."""
		yearly = Term(date(2026, 1, 15), date(2027, 1, 15), "Year", 1)
		to = delayed(yearly, date(2026, 6, 20), timedelta(days=46), date(2027, 1, 15))
		self.assertEqual((to["months_from"], to["month_days"]), (date(2026, 9, 2), 33))

	def test_a_renewal_ends_with_a_month_that_was_moved(self):
		"""Without it, two days would be left over behind a month from 28 February."""
		dates = {"start_date": date(2026, 10, 30), "months_from": date(2027, 2, 28)}
		values = {"doctype": "AI Subscription", "status": "Paused", "end_date": date(2027, 2, 28), **dates}
		sold = frappe._dict(billing_interval="Month", interval_count=1)
		self.assertEqual(frappe.get_doc(values).next_period(sold)[1], date(2027, 3, 28))

	def test_a_month_that_was_moved_is_worth_the_days_of_it_that_were_paid(self):
		"""U34: 23 of its 30 days, of which 11 are left, and 40 of 100 requests."""
		span = Span(date(2026, 11, 11), date(2026, 12, 11), 30, is_moved=True)
		begin, end = date(2026, 11, 8), date(2026, 12, 18)
		period = PaidPeriod("INV", "P", begin, end, 30, 0, 0, "INR", Decimal(0))
		use = Use("Requests", "Month", span, 40, 100)
		self.assertEqual(used_up(3000, period, date(2026, 11, 30), [use]), 1100 - 920)

	def test_a_pause_before_an_update_of_this_app_moves_nothing(self):
		"""Its month was not moved, so neither are the days before it."""
		small, large = (create_plan(limits=[limit(allowance, "Month")]) for allowance in (300, 3000))
		step = Step(small.name, date(2026, 11, 11), paused_days=10)
		begin, end = date(2026, 11, 1), date(2026, 12, 11)
		period = PaidPeriod("INV", large.name, begin, end, 30, 0, 0, "INR", Decimal(0), steps=(step,))
		month = Span(begin, date(2026, 12, 1), 30)
		self.assertEqual(not_bought(large.limits[0], month, period), 2700 * 10 // 30)
		moved = replace(month, begins_on=date(2026, 11, 11), ends_on=end, is_moved=True)
		self.assertEqual(not_bought(large.limits[0], moved, period), 2700 * 10 // 30)

	@settings(deadline=None)
	@given(
		st.dates(date(2026, 1, 1), date(2027, 12, 31)),
		st.sampled_from(("Month", "Year")),
		st.lists(st.tuples(st.integers(0, 60), st.integers(7, 60)), max_size=4),
	)
	def test_pauses_give_no_month_and_no_week_more_than_the_days_have(self, start, interval, pauses):
		end, days = add_interval(start, interval, 1), {"Month": 0, "Week": 0}
		term, day, served = Term(start, end, interval, 1), start, 0
		ends = dict.fromkeys(days, start)
		waits = iter(pauses)
		pause = next(waits, None)
		while day < end:
			if pause and served >= pause[0]:
				gap = timedelta(days=pause[1])
				moved, pause = delayed(term, day, gap, end), next(waits, None)
				before = {window: span_of(window, day, term) for window in days}
				term, day, end = Term(start, end + gap, interval, 1, None, **moved), day + gap, end + gap
				for window, span in before.items():
					after = span_of(window, day, term)
					self.assertEqual(after.days_before(day), span.days_before(day - gap))
					ends[window] += (after.ends_on - span.ends_on) if ends[window] > day - gap else gap * 0
			for window in days:
				if ends[window] <= day:
					days[window] += 1
				ends[window] = span_of(window, day, term).ends_on
			day, served = day + timedelta(days=1), served + 1
		self.assertLessEqual(days["Month"], 12 if interval == "Year" else 1)
		self.assertLessEqual(days["Week"], (served + 12) // 7)
