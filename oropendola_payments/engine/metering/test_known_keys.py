"""A key that was just found is used without looking it up again, and never after anything about it has changed."""

import time
from datetime import timedelta
from unittest.mock import patch

import frappe
from frappe.utils import now_datetime

from oropendola_payments.ai_billing.periods import today, tomorrow
from oropendola_payments.ai_billing.test_current import statements_of
from oropendola_payments.engine.ending import now as ending
from oropendola_payments.engine.entitlements import allowances
from oropendola_payments.engine.keys import manage, rotate
from oropendola_payments.engine.metering import counters, known_keys, usage
from oropendola_payments.engine.metering.costs import ModelNotInPlan
from oropendola_payments.engine.metering.test_quota import HOURS, MODELS, limit
from oropendola_payments.engine.metering.test_usage import remaining, served_customer
from oropendola_payments.engine.pauses import pause
from oropendola_payments.exceptions import PaymentRequired, QuotaUsedUp, Refusal, Unauthorized
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.credits import buy_pack, create_pack, credits_of
from oropendola_payments.tests.support.factories import create_plan
from oropendola_payments.tests.support.parallel import in_parallel

SUBSCRIPTION = "AI Subscription"


class KnownKeyCase(TestCase):
	plan: dict = {}

	def setUp(self):
		self.doc, self.key = served_customer(
			requests_limit_per_day=100, allow_pause=1, max_api_keys=2, **self.plan
		)
		self.consume()  # from here on the key is known

	def consume(self, requests: int = 1, key: str | None = None, **options) -> dict:
		try:
			answer = usage.consume(key or self.key, requests, **options)
			frappe.db.commit()
			return answer
		except Refusal:
			frappe.db.rollback()
			raise


class TestOneDay(KnownKeyCase):
	def test_the_next_call_within_a_second_takes_one_statement(self):
		self.assertEqual(statements_of(lambda: usage.consume(self.key, 1)), 1)
		frappe.db.commit()
		self.assertEqual(remaining(self.doc), 98)

	def test_after_a_second_the_key_is_looked_up_again(self):
		later = time.monotonic() + known_keys.REMEMBERED_SECONDS
		with patch.object(known_keys.time, "monotonic", lambda: later):
			self.assertEqual(statements_of(lambda: usage.consume(self.key, 1)), 2)

	def test_the_answer_counts_what_other_processes_took(self):
		frappe.db.sql(
			"UPDATE `tabAI Subscription` SET daily_quota_remaining = 41 WHERE name = %s", self.doc.name
		)
		frappe.db.commit()
		with patch.object(known_keys, "remember") as looked_up:
			self.assertEqual(self.consume(2), {"allowed": True, "remaining": 39, "reset_on": tomorrow()})
		looked_up.assert_not_called()

	def test_the_last_request_of_a_day_is_taken_and_the_next_is_refused(self):
		self.assertEqual(self.consume(99)["remaining"], 0)
		with self.assertRaises(QuotaUsedUp):
			self.consume()
		self.assertEqual(remaining(self.doc), 0)

	def test_many_callers_at_once_never_pass_the_limit(self):
		results = in_parallel(20, lambda _number: self.consume(7)["remaining"])
		left = sorted(result for result in results if isinstance(result, int))
		self.assertEqual(left, list(range(1, 95, 7)), results)
		self.assertEqual(remaining(self.doc), 1)

	def test_a_key_that_was_revoked_or_replaced_is_refused_at_once(self):
		"""U33."""
		rotate.rotate(self.doc.user)
		with self.assertRaises(Unauthorized):
			self.consume()
		second = manage.create(self.doc.user, "second")
		self.consume(key=second["api_key"])
		manage.revoke(self.doc.user, second["key_id"])
		with self.assertRaises(Unauthorized):
			self.consume(key=second["api_key"])
		self.assertEqual(remaining(self.doc), 98)

	def test_a_key_that_is_being_replaced_works_until_its_time(self):
		rotate.rotate(self.doc.user, overlap_hours=1)
		self.assertIn("key_valid_until", self.consume())
		self.assertIn("key_valid_until", self.consume())
		later = now_datetime() + timedelta(minutes=61)
		with patch.object(known_keys, "now_datetime", lambda: later):
			self.assertFalse(known_keys.take(self.key, usage.checked_call(1, None, 0, 0)))

	def test_a_subscription_that_ended_is_refused_at_once(self):
		ending.end(self.doc.name)
		with self.assertRaises(Unauthorized):
			self.consume()

	def test_a_subscription_that_was_paused_or_suspended_is_refused_at_once(self):
		"""U33."""
		pause.pause(self.doc.name, 7)
		with self.assertRaises(PaymentRequired):
			self.consume()
		other, key = served_customer(requests_limit_per_day=5)
		self.consume(key=key)
		frappe.get_doc(SUBSCRIPTION, other.name).mark_past_due()
		frappe.db.commit()
		with self.assertRaises(PaymentRequired):
			self.consume(key=key)

	def test_another_plan_counts_at_once(self):
		"""U33."""
		doc = frappe.get_doc(SUBSCRIPTION, self.doc.name)
		doc.change_plan(create_plan(requests_limit_per_day=500).name)
		frappe.db.commit()
		self.assertEqual(self.consume()["remaining"], 498)
		allowances.restart(doc, create_plan(requests_limit_per_day=0).name, tomorrow())
		frappe.db.commit()
		self.assertEqual(self.consume()["remaining"], -1)

	def test_midnight_the_last_day_and_a_scheduled_change_are_noticed_by_the_clock(self):
		"""What changes by the clock changes no record."""
		for field, value in (
			("quota_reset_on", today()),
			("end_date", today()),
			("switch_on", today()),
			("last_used_on", today() - timedelta(days=1)),
		):
			self.consume()
			place = known_keys._place(self.key)
			until, found = known_keys._remembered[place]
			known_keys._remembered[place] = (until, frappe._dict(found, **{field: value}))
			with self.subTest(field):
				self.assertIsNone(known_keys.take(self.key, usage.checked_call(1, None, 0, 0)))

	def test_a_day_that_another_process_has_just_begun_is_looked_up(self):
		begun = "UPDATE `tabAI Subscription` SET quota_reset_on = %s WHERE name = %s"
		frappe.db.sql(begun, (tomorrow() + timedelta(days=1), self.doc.name))
		frappe.db.commit()
		self.assertEqual(self.consume()["reset_on"], tomorrow() + timedelta(days=1))

	def test_a_key_that_is_unknown_or_missing_is_never_remembered(self):
		for key in (None, "", "oro_short"):
			with self.assertRaises(Unauthorized):
				usage.consume(key, 1)
			self.assertNotIn(known_keys._place(key or ""), known_keys._remembered)

	def test_a_process_remembers_a_limited_number_of_keys(self):
		with patch.object(known_keys, "MOST_REMEMBERED", 1), patch.object(known_keys, "_remembered", {}):
			for _customer in range(3):
				self.consume(key=served_customer(requests_limit_per_day=5)[1])
			self.assertEqual(len(known_keys._remembered), 1)

	def test_an_unlimited_day_is_looked_up_each_time(self):
		_doc, key = served_customer(requests_limit_per_day=0)
		for _time in range(2):
			self.assertEqual(self.consume(key=key)["remaining"], -1)
			self.assertNotIn(known_keys._place(key), known_keys._remembered)


class TestWindows(KnownKeyCase):
	plan = {"limits": HOURS, "models": MODELS}

	def consume(self, requests: int = 1, key: str | None = None, **options) -> dict:
		return super().consume(requests, key, **{"model": "large", **options})

	def used(self, answer: dict) -> dict:
		return {row["window"]: row["used"] for row in answer["windows"]}

	def test_a_known_key_reads_its_windows_and_counts_in_all_of_them(self):
		self.assertEqual(statements_of(lambda: usage.consume(self.key, 1, "large")), 3)
		frappe.db.commit()
		self.assertEqual(self.used(self.consume(2)), {"requests:hour": 4, "tokens:day": 0, "units:month": 4})

	def test_what_other_processes_counted_is_counted(self):
		filters = {"subscription": self.doc.name, "time_window": "Hour"}
		frappe.db.set_value("AI Usage Window", filters, "used", 8)
		frappe.db.commit()
		self.assertEqual(self.used(self.consume())["requests:hour"], 9)
		with self.assertRaises(QuotaUsedUp):
			self.consume(2)
		self.assertEqual(remaining(self.doc), 98)

	def test_a_model_that_is_not_in_the_plan_is_refused(self):
		with self.assertRaises(ModelNotInPlan):
			self.consume(model="unknown")
		self.assertEqual(remaining(self.doc), 99)

	def test_a_model_of_the_plan_that_the_subscription_has_now_is_taken_at_once(self):
		large = create_plan(limits=HOURS, models=[{"pattern": "other", "per_request": 1}])
		frappe.get_doc(SUBSCRIPTION, self.doc.name).change_plan(large.name)
		frappe.db.commit()
		self.assertTrue(self.consume(model="other")["allowed"])

	def test_a_full_window_takes_nothing_from_the_day(self):
		self.consume(4)
		with self.assertRaises(QuotaUsedUp):
			self.consume(1)
		self.assertEqual(remaining(self.doc), 95)

	def test_credits_pay_when_the_plan_is_used_up(self):
		buy_pack(self.doc.user, create_pack(units=10))
		self.consume(4)
		answer = self.consume(1)
		self.assertEqual((answer["credits"]["used"], credits_of(self.doc.user)), (1, 9))
		self.assertEqual(remaining(self.doc), 95)

	def test_a_call_that_credits_paid_leaves_nothing_behind_for_the_next_one(self):
		buy_pack(self.doc.user, create_pack(units=10))
		self.consume(3)
		self.assertIn("credits", self.consume(2))
		self.assertNotIn("credits", self.consume(1))

	def test_a_call_is_taken_once_from_the_day_if_a_window_was_changed_meanwhile(self):
		real, times = counters.count, []

		def first_comes_too_late(*arguments):
			times.append(1)
			return len(times) > 1 and real(*arguments)

		with patch.object(counters, "count", first_comes_too_late):
			self.consume()
		self.assertEqual((len(times), remaining(self.doc)), (2, 98))

	def test_many_callers_at_once_never_pass_a_window(self):
		results = in_parallel(12, lambda _number: self.consume()["remaining"])
		self.assertEqual(len([result for result in results if isinstance(result, int)]), 4, results)
		self.assertEqual(remaining(self.doc), 95)

	def test_a_window_that_begins_is_counted_as_if_the_key_were_not_known(self):
		plan = frappe.get_doc("AI Plan", self.doc.plan)
		plan.append("limits", limit(3, "Requests", "Period"))
		plan.save(ignore_permissions=True)
		frappe.db.commit()
		self.assertIsNone(known_keys.take(self.key, usage.checked_call(1, "large", 0, 0)))
		self.assertEqual(self.used(self.consume())["requests:period"], 1)
