"""Scheduled jobs of subscriptions: quotas are reset, periods end with a grace period, customers are reminded once."""

from datetime import date, timedelta
from unittest.mock import patch

import frappe

from oropendola_payments.ai_billing.doctype.ai_subscription.ai_subscription import AISubscription
from oropendola_payments.ai_billing.periods import today, tomorrow
from oropendola_payments.api import subscription as api
from oropendola_payments.api import subscription_renewal as renewal
from oropendola_payments.engine.jobs import subscription_jobs
from oropendola_payments.engine.metering import usage
from oropendola_payments.engine.notifications import hooks
from oropendola_payments.engine.notifications.test_emails import queued
from oropendola_payments.exceptions import PaymentRequired
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.customers import CustomerTestCase, move_to, pay
from oropendola_payments.tests.support.factories import (
	create_active_subscription,
	create_plan,
	create_user,
	payment_settings,
)
from oropendola_payments.tests.support.outbox import mails_stay_queued, mails_to


class TimeTestCase(CustomerTestCase):
	def setUp(self):
		super().setUp()
		self.doc = create_active_subscription(self.user, requests_limit_per_day=100)
		self.key = self.succeed(api.reveal_api_key)["api_key"]

	def ended(self, days: int, **columns):
		"""A subscription that ended so many days ago; a negative number is in the future."""
		end = today() - timedelta(days=days)
		move_to(self.doc.name, end_date=end, start_date=end - timedelta(days=30), **columns)

	def status(self) -> str:
		return frappe.db.get_value("AI Subscription", self.doc.name, "status")


class TestExpiry(TimeTestCase):
	def run_sweep(self) -> str:
		with payment_settings(grace_days=3):
			subscription_jobs.run_expiry()
		return self.status()

	def test_service_continues_on_the_day_before_the_end(self):
		self.ended(-1)
		self.assertEqual(self.run_sweep(), "Active")
		self.assertTrue(usage.consume(self.key, 1)["allowed"])

	def test_on_the_end_date_service_stops_and_the_grace_period_starts(self):
		self.ended(0)
		with self.assertRaises(PaymentRequired):
			usage.consume(self.key, 1)  # at once, not when the next job runs
		self.assertEqual(self.run_sweep(), "Past Due")
		mine = self.my_subscription()
		self.assertEqual(
			(mine["quota"]["limit"], mine["quota"]["remaining"], mine["api_key_prefix"]), (0, 0, None)
		)

	def test_after_the_grace_period_the_subscription_expires(self):
		self.ended(2)
		self.assertEqual(self.run_sweep(), "Past Due")
		self.ended(3)
		self.assertEqual(self.run_sweep(), "Expired")

	def test_a_scheduler_that_was_down_for_weeks_catches_up(self):
		"""R23, R29."""
		self.ended(60)
		self.assertEqual(self.run_sweep(), "Expired")

	def test_a_payment_within_the_grace_period_reactivates_the_key(self):
		self.ended(2)
		self.run_sweep()
		pay(self.succeed(renewal.renew_subscription)["invoice_id"])
		self.assertEqual(self.status(), "Active")
		self.assertEqual(usage.consume(self.key, 1)["remaining"], 99)

	def test_a_payment_after_expiry_reactivates_the_key(self):
		self.ended(30)
		self.run_sweep()
		pay(self.succeed(renewal.renew_subscription)["invoice_id"])
		self.assertEqual(usage.consume(self.key, 1)["remaining"], 99)

	def test_one_broken_subscription_does_not_stop_the_others(self):
		"""R10, R29."""
		broken, as_usual = create_active_subscription(self.user), AISubscription.mark_past_due
		move_to(broken.name, end_date=today() - timedelta(days=1))
		self.ended(1)

		def fail_for_one(subscription):
			if subscription.name == broken.name:
				raise ValueError("This record is broken.")
			return as_usual(subscription)

		with patch.object(AISubscription, "mark_past_due", fail_for_one):
			self.assertEqual(self.run_sweep(), "Past Due")
		self.assertEqual(frappe.db.get_value("AI Subscription", broken.name, "status"), "Active")
		move_to(broken.name, end_date=tomorrow())

	def test_a_subscription_renewed_meanwhile_does_not_expire(self):
		self.ended(1)
		self.doc.reload()
		move_to(self.doc.name, end_date=tomorrow())
		subscription_jobs._end(self.doc.name, grace=3)
		self.assertEqual(self.status(), "Active")

	def test_a_free_plan_never_expires(self):
		self.user = create_user()
		name = self.subscribe(price=0, is_free=1)["subscription_id"]
		self.run_sweep()
		self.assertEqual(frappe.db.get_value("AI Subscription", name, "status"), "Active")


class TestDailyQuota(TimeTestCase):
	def used_up_yesterday(self):
		move_to(self.doc.name, daily_quota_remaining=0, quota_reset_on=today())

	def test_the_scheduler_resets_the_quota_on_a_new_day(self):
		self.used_up_yesterday()
		subscription_jobs.run_reset()
		row = frappe.db.get_value(
			"AI Subscription", self.doc.name, ["daily_quota_remaining", "quota_reset_on"]
		)
		self.assertEqual(row, (100, tomorrow()))

	def test_quotas_are_reset_in_groups_until_none_is_due(self):
		other = create_active_subscription(create_user(), requests_limit_per_day=100)
		names = (self.doc.name, other.name)
		for name in names:
			move_to(name, daily_quota_remaining=0, quota_reset_on=today())
		with patch.object(subscription_jobs, "RESETS_AT_ONCE", 1):
			subscription_jobs.run_reset()
		left = frappe.get_all("AI Subscription", {"name": ("in", names)}, pluck="daily_quota_remaining")
		self.assertEqual(left, [100, 100])

	def test_the_scheduler_does_not_reset_the_quota_twice_a_day(self):
		usage.consume(self.key, 40)
		for _run in range(2):
			subscription_jobs.run_reset()
		self.assertEqual(usage.consume(self.key, 1)["remaining"], 59)

	def test_without_a_scheduler_the_first_use_of_a_day_resets_the_quota(self):
		self.used_up_yesterday()
		self.assertEqual(
			self.my_subscription()["quota"]["remaining"], 100, "the customer sees what he or she will get"
		)
		self.assertEqual(
			usage.consume(self.key, 30), {"allowed": True, "remaining": 70, "reset_on": tomorrow()}
		)
		self.assertEqual(usage.consume(self.key, 30)["remaining"], 40)

	def test_a_subscription_without_service_gets_no_quota(self):
		self.ended(1)
		self.doc.reload().mark_past_due()
		move_to(self.doc.name, quota_reset_on=today())
		subscription_jobs.run_reset()
		self.assertEqual(frappe.db.get_value("AI Subscription", self.doc.name, "daily_quota_remaining"), 0)


class TestReminders(TimeTestCase):
	def reminded(self) -> str | None:
		with payment_settings(reminder_days="7,1,-1", send_reminder_mails=0):
			subscription_jobs.run_reminders()
		return frappe.db.get_value("AI Subscription", self.doc.name, "last_reminder")

	def test_each_reminder_day_sends_one_reminder(self):
		seen = []
		for days_left in (8, 7, 7, 6, 1, 1, 0, -1):
			self.ended(-days_left)
			before = frappe.db.get_value("AI Subscription", self.doc.name, "modified")
			mark = self.reminded()
			changed = before != frappe.db.get_value("AI Subscription", self.doc.name, "modified")
			seen.append((days_left, changed, mark and mark.split()[1]))
		self.assertEqual(
			seen,
			[
				(8, False, None),
				(7, True, "7"),
				(7, False, "7"),
				(6, False, "7"),
				(1, True, "1"),
				(1, False, "1"),
				(0, False, "1"),
				(-1, True, "-1"),
			],
		)

	def test_a_new_period_gets_its_own_reminders(self):
		self.ended(-7)
		first = self.reminded()
		move_to(self.doc.name, end_date=date(2099, 1, 1))
		self.reminded()
		self.ended(-1)
		self.assertNotEqual(self.reminded(), first)

	def test_a_restored_copy_of_the_site_asks_nobody_to_renew(self):
		"""S28"""
		self.ended(-7)
		with payment_settings(confirmed_site="the.real.site"):
			self.assertIsNone(self.reminded())
		self.assertIsNotNone(self.reminded())

	def test_who_goes_on_with_a_free_plan_is_not_asked_to_renew(self):
		free = create_plan(price=0, is_free=1).name
		self.ended(-7, next_plan=free, switch_on=today() + timedelta(days=7))
		self.assertIsNone(self.reminded())

	def test_nobody_is_asked_to_renew_what_was_renewed_or_cancelled_before_the_email_was_made(self):
		for later in ({"end_date": today() + timedelta(days=37)}, {"cancel_at_period_end": 1}):
			self.ended(-7, cancel_at_period_end=0, last_reminder=None)
			with mails_stay_queued(), queued() as jobs, payment_settings(reminder_days="7"):
				subscription_jobs.run_reminders()
				(job,) = [job for job in jobs if job.get("subscription") == self.doc.name]
				move_to(self.doc.name, **later)
				before = mails_to(self.user)
				hooks.renewal_due(**{name: job[name] for name in ("subscription", "days", "end_date")})
				self.assertEqual(mails_to(self.user), before, later)

	def test_nobody_is_asked_to_renew_while_the_renewal_is_being_paid(self):
		"""A second payment would be a double one."""
		self.ended(-7)
		invoice = self.succeed(renewal.renew_subscription)["invoice_id"]
		frappe.db.set_value("AI Invoice", invoice, "status", "Processing")
		self.assert_not_reminded()

	def test_nobody_is_asked_to_renew_while_the_payment_of_the_renewal_is_reviewed(self):
		self.ended(-7)
		invoice = self.succeed(renewal.renew_subscription)["invoice_id"]
		frappe.db.set_value("AI Invoice", invoice, {"status": "Failed", "needs_review": 1})
		self.assert_not_reminded()

	def assert_not_reminded(self):
		with mails_stay_queued():
			before = mails_to(self.user)
			hooks.renewal_due(self.doc.name, 7)
			self.assertEqual(mails_to(self.user), before)

	def test_on_the_end_date_the_email_says_that_service_has_ended(self):
		self.ended(0)
		with self.assertRaises(PaymentRequired):
			usage.consume(self.key, 1)
		with mails_stay_queued():
			hooks.renewal_due(self.doc.name, 0)
		self.assertIn("no longer works", mails_to(self.user)[-1].html)

	def test_a_cancelled_subscription_gets_no_reminder(self):
		self.ended(-7)
		self.succeed(api.cancel_subscription, at_period_end=0)
		self.assertIsNone(self.reminded())


class TestTrialReminders(CustomerTestCase):
	def test_a_trial_has_its_own_days_and_each_sends_one_reminder(self):
		name, seen = self.subscribe(trial_days=7)["subscription_id"], []
		for days_left in (7, 3, 3, 2, 1, 1):
			move_to(name, end_date=today() + timedelta(days=days_left))
			with payment_settings(reminder_days="7,2", trial_reminder_days="3,1", send_reminder_mails=0):
				before = frappe.db.get_value("AI Subscription", name, "modified")
				subscription_jobs.run_reminders()
				seen.append(before != frappe.db.get_value("AI Subscription", name, "modified"))
		self.assertEqual(seen, [False, True, False, False, True, False])

	def test_a_paid_trial_is_reminded_as_a_subscription(self):
		name = self.subscribe(trial_days=7)["subscription_id"]
		pay(self.succeed(renewal.renew_subscription)["invoice_id"])
		move_to(name, end_date=today() + timedelta(days=3))
		with payment_settings(reminder_days="7", trial_reminder_days="3", send_reminder_mails=0):
			subscription_jobs.run_reminders()
		self.assertIsNone(frappe.db.get_value("AI Subscription", name, "last_reminder"))


class TestReminderDays(TestCase):
	def test_a_trial_reminder_after_the_trial_is_refused(self):
		settings = frappe.get_doc("Payment Settings")
		for text in ("0", "3,-1"):
			settings.trial_reminder_days = text
			with self.assertRaisesRegex(frappe.ValidationError, "before the end of a trial"):
				settings.validate_reminder_days()

	def test_an_invalid_list_of_reminder_days_is_refused(self):
		settings = frappe.get_doc("Payment Settings")
		for text in ("7;3", "soon", "7,,x"):
			settings.reminder_days = text
			with self.assertRaisesRegex(frappe.ValidationError, "whole numbers separated by commas"):
				settings.validate_reminder_days()
		settings.reminder_days = "3, 7,,-1,7"
		self.assertEqual(settings.reminder_offsets(), [7, 3, -1])
