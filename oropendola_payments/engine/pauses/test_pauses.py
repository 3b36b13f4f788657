"""Pauses: service sleeps, whole days are kept, and nobody gets more days than were paid for."""

from datetime import timedelta

import frappe

from oropendola_payments.ai_billing.periods import today, tomorrow
from oropendola_payments.api import admin
from oropendola_payments.api import subscription as api
from oropendola_payments.api import subscription_renewal as renewal
from oropendola_payments.engine.entitlements.paid_periods import paid_periods
from oropendola_payments.engine.jobs import subscription_jobs
from oropendola_payments.engine.metering import usage
from oropendola_payments.engine.pauses import pause, resume
from oropendola_payments.engine.pauses.first_use import resuming
from oropendola_payments.engine.refunds.create import create_refund
from oropendola_payments.engine.settlement import manual_payment
from oropendola_payments.exceptions import PaymentRequired, SubscriptionPaused
from oropendola_payments.tests.support.customers import CustomerTestCase, move_to, pay, violations
from oropendola_payments.tests.support.factories import (
	as_user,
	create_active_subscription,
	create_user,
	unique,
)
from oropendola_payments.tests.support.parallel import in_parallel


class PauseCase(CustomerTestCase):
	def setUp(self):
		super().setUp()
		self.doc = create_active_subscription(self.user, requests_limit_per_day=100, allow_pause=1)
		self.invoice = self.doc.current_invoice
		self.key = self.succeed(api.reveal_api_key)["api_key"]

	def values(self, *fields: str) -> list:
		frappe.db.rollback()
		row = frappe.db.get_value("AI Subscription", self.doc.name, fields)
		return list(row) if len(fields) > 1 else [row]

	def pause(self, **arguments) -> dict:
		return self.succeed(api.pause_subscription, **arguments)

	def days_pass(self, days: int):
		"""As if so many days had passed since the pause began, with all dates of the paid periods."""
		shift = timedelta(days=days)
		row = frappe.get_doc("AI Subscription", self.doc.name)
		columns = {
			f: getattr(row, f) - shift
			for f in ("start_date", "end_date", "paused_on", "pause_until", "quota_reset_on")
		}
		dates = ["fulfilled_on", "period_start", "period_end"]
		invoices = frappe.get_all("AI Invoice", {"subscription": row.name}, ["name", *dates])
		for invoice in (found for found in invoices if found.fulfilled_on):
			earlier = {field: invoice[field] - shift for field in dates}
			frappe.db.set_value("AI Invoice", invoice.name, earlier)
		move_to(row.name, **columns)


class TestPausing(PauseCase):
	def test_service_and_key_sleep_and_the_answer_says_so(self):
		answer = self.pause(days=30)
		self.assertEqual((answer["status"], answer["resumes_on"]), ("Paused", today() + timedelta(days=30)))
		self.assertEqual(answer["days_left"], (self.doc.end_date - today()).days)
		with self.assertRaises(SubscriptionPaused) as refusal:
			resuming(usage.consume, self.key, 1)
		self.assertEqual(
			(refusal.exception.http_status_code, refusal.exception.error_code), (402, "subscription_paused")
		)
		mine = self.my_subscription()
		self.assertEqual(
			(mine["quota"]["limit"], mine["quota"]["remaining"], mine["api_key_prefix"]), (0, 0, None)
		)
		self.assertEqual(mine["pause"]["resumes_on"], answer["resumes_on"])
		self.assertEqual(violations(self.user, "paused_without_dates", "pause_that_did_not_end"), {})

	def test_without_a_number_of_days_it_is_the_longest_pause(self):
		self.assertEqual(self.pause()["resumes_on"], today() + timedelta(days=pause.LONGEST))

	def test_a_second_click_changes_nothing(self):
		self.assertEqual(self.pause(days=7), self.pause(days=30))

	def test_too_few_or_too_many_days_are_refused(self):
		for days in (-1, 0, 6, 61):
			self.refused("bad_request", api.pause_subscription, days=days)
		self.assertEqual(self.values("status"), ["Active"])

	def test_a_plan_without_pauses_a_free_one_and_one_without_service_are_refused(self):
		other = create_active_subscription(self.user)
		self.refused("unprocessable", api.pause_subscription, subscription_id=other.name)
		free = self.subscribe(price=0, is_free=1, allow_pause=1)["subscription_id"]
		self.refused("unprocessable", api.pause_subscription, subscription_id=free)
		trial = self.subscribe(trial_days=7, allow_pause=1)["subscription_id"]
		self.refused("conflict", api.pause_subscription, subscription_id=trial)
		move_to(self.doc.name, end_date=today())
		self.refused("conflict", api.pause_subscription, subscription_id=self.doc.name)

	def test_a_third_pause_within_a_year_is_refused_with_the_day_it_is_possible(self):
		for _time in range(pause.MOST):
			self.pause(days=7)
			self.days_pass(7)
			self.succeed(api.resume_subscription)
		sentence = self.refused("conflict", api.pause_subscription)
		self.assertRegex(sentence, r"paused 2 times in 12 months\. You can pause again from \d+ \w{3} \d{4}")
		for name in frappe.get_all("AI Subscription Pause", {"parent": self.doc.name}, pluck="name"):
			frappe.db.set_value("AI Subscription Pause", name, "paused_on", today() - timedelta(days=366))
		frappe.db.commit()
		self.assertEqual(self.pause()["status"], "Paused")

	def test_ordering_the_plan_again_allows_no_further_pauses(self):
		"""S47: each pause keeps the day on which it begins, which may have been used."""
		for _time in range(pause.MOST):
			self.pause(days=7)
			self.days_pass(7)
			self.succeed(api.resume_subscription)
		self.succeed(api.cancel_subscription, at_period_end=0)
		pay(self.succeed(api.create_subscription_and_invoice, plan_id=self.doc.plan)["invoice_id"])
		self.assertEqual(self.my_subscription()["status"], "Active")
		self.assertIn("paused 2 times", self.refused("conflict", api.pause_subscription))

	def test_unpaid_renewals_are_cancelled_and_a_payment_in_progress_refuses_the_pause(self):
		waiting = self.succeed(renewal.renew_subscription)["invoice_id"]
		frappe.get_doc("AI Invoice", waiting).mark_as_processing()
		frappe.db.commit()
		self.refused("conflict", api.pause_subscription)
		frappe.get_doc("AI Invoice", waiting).mark_as_pending()
		frappe.db.commit()
		self.pause()
		self.assertEqual(frappe.db.get_value("AI Invoice", waiting, "status"), "Cancelled")

	def test_a_paused_subscription_is_neither_renewed_nor_bought_again_nor_expired(self):
		self.pause(days=60)
		self.refused("conflict", renewal.renew_subscription, subscription_id=self.doc.name)
		self.refused("conflict", api.create_subscription_and_invoice, plan_id=self.doc.plan)
		self.days_pass(50)
		subscription_jobs.run_expiry()
		self.assertEqual(self.values("status"), ["Paused"])

	def test_parallel_clicks_pause_once(self):
		name = self.doc.name
		answers = in_parallel(6, lambda _n: pause.pause(name, 10))
		self.assertEqual([answer["status"] for answer in answers], ["Paused"] * 6)
		paused = {"event": "subscription_paused", "reference_name": name}
		self.assertEqual(frappe.db.count("Payment Event", paused), 1)


class TestResuming(PauseCase):
	def test_the_end_date_and_the_paid_period_move_by_the_days_of_the_pause(self):
		usage.consume(self.key, 10)
		frappe.db.commit()
		days = paid_periods(self.doc.name)[0]
		self.pause(days=30)
		left = self.values("end_date")[0] - today()
		self.days_pass(12)
		answer = self.succeed(api.resume_subscription)
		self.assertEqual(answer["end_date"], today() + left)
		after = paid_periods(self.doc.name)[0]
		self.assertEqual(
			(after.days, after.days_left(), after.full), (days.days, days.days_left(), days.full)
		)
		self.assertEqual(after.ends_on, answer["end_date"])
		self.assertEqual(resuming(usage.consume, self.key, 1)["remaining"], 99, "the same key, on a new day")
		pauses = frappe.get_all("AI Subscription Pause", {"parent": self.doc.name}, ["days", "resumed_on"])
		self.assertEqual([(row.days, row.resumed_on) for row in pauses], [(12, today())])

	def test_a_period_that_was_paid_ahead_begins_later(self):
		ahead = self.succeed(renewal.renew_subscription)["invoice_id"]
		pay(ahead)
		sold = [period.days for period in paid_periods(self.doc.name)]
		self.pause(days=30)
		self.days_pass(10)
		self.succeed(api.resume_subscription)
		periods = paid_periods(self.doc.name)
		self.assertEqual([period.days for period in periods], sold)
		self.assertEqual(periods[0].ends_on, periods[1].starts_on)
		self.assertEqual(periods[1].ends_on, self.values("end_date")[0])

	def test_on_its_first_day_a_pause_can_be_undone_and_the_quota_is_not_filled_up(self):
		usage.consume(self.key, 40)
		frappe.db.commit()
		end = self.values("end_date")
		self.assertEqual(self.pause()["can_resume_from"], today())
		self.succeed(api.resume_subscription)
		self.assertEqual(self.values("end_date"), end)
		self.assertEqual(resuming(usage.consume, self.key, 1)["remaining"], 59)
		self.assertFalse(frappe.db.exists("AI Subscription Pause", {"parent": self.doc.name}))

	def test_sleeping_every_night_is_refused(self):
		"""S47."""
		self.pause()
		for days in (1, 5):
			self.days_pass(days)
			self.refused("conflict", api.resume_subscription)
		self.days_pass(1)
		self.assertEqual(self.succeed(api.resume_subscription)["status"], "Active")

	def test_a_manager_can_resume_on_any_day(self):
		self.pause()
		self.days_pass(3)
		with as_user(create_user("Payments Manager")):
			self.assertTrue(admin.resume_subscription(subscription_id=self.doc.name)["success"])
		self.assertEqual(self.values("status"), ["Active"])

	def test_resuming_what_is_not_paused_changes_nothing(self):
		self.assertEqual(self.succeed(api.resume_subscription)["end_date"], self.doc.end_date)
		self.doc.reload().expire()
		frappe.db.commit()
		self.refused("conflict", api.resume_subscription)


class TestTheEndOfAPause(PauseCase):
	def setUp(self):
		super().setUp()
		self.left = (self.doc.end_date - today()).days
		self.pause(days=10)

	def test_the_job_resumes_it_on_its_day_and_not_before(self):
		self.days_pass(9)
		subscription_jobs.run_expiry()
		self.assertEqual(self.values("status"), ["Paused"])
		self.days_pass(1)
		subscription_jobs.run_expiry()
		self.assertEqual(self.values("status", "end_date"), ["Active", today() + timedelta(days=self.left)])

	def test_without_a_scheduler_the_first_use_resumes_it(self):
		self.days_pass(10)
		self.assertEqual(resuming(usage.consume, self.key, 1)["remaining"], 99)
		self.assertEqual(self.values("status"), ["Active"])

	def test_without_a_scheduler_the_first_look_resumes_it(self):
		self.days_pass(10)
		self.assertEqual(self.my_subscription()["status"], "Active")

	def test_a_late_job_gives_no_more_days_than_a_punctual_one(self):
		self.days_pass(15)
		subscription_jobs.run_expiry()
		self.assertEqual(
			self.values("status", "end_date"), ["Active", today() + timedelta(days=self.left - 5)]
		)

	def test_a_job_that_is_later_than_all_days_left_ends_it(self):
		self.days_pass(10 + self.left)
		with self.assertRaises(PaymentRequired):
			resuming(usage.consume, self.key, 1)
		subscription_jobs.run_expiry()
		self.assertEqual(self.values("status"), ["Past Due"])

	def test_two_jobs_and_a_click_resume_it_once(self):
		"""R39."""
		self.days_pass(10)
		name = self.doc.name
		in_parallel(6, lambda number: (resume.resume_if_due if number % 2 else resume.resume)(name))
		self.assertEqual(self.values("end_date"), [today() + timedelta(days=self.left)])
		self.assertEqual(frappe.db.count("AI Subscription Pause", {"parent": name}), 1)


class TestPauseMeetsOtherThings(PauseCase):
	def test_a_late_payment_adds_its_period_and_the_pause_goes_on(self):
		"""R5: money that arrives during a pause is not lost."""
		invoice = frappe.get_doc("AI Invoice", self.succeed(renewal.renew_subscription)["invoice_id"])
		sold = invoice.total()
		self.doc.reload().pause(today() + timedelta(days=30))
		frappe.db.commit()
		end = self.values("end_date")[0]
		manual_payment.record_payment(invoice.name, sold, unique("transfer"), None, None)
		self.assertEqual(self.values("status", "api_key_link"), ["Paused", None])
		self.assertGreater(self.values("end_date")[0], end)
		self.assertEqual(
			violations(self.user, "paused_without_dates", "period_before_payment", "paid_without_service"), {}
		)
		self.days_pass(30)
		self.succeed(api.resume_subscription)
		periods = paid_periods(self.doc.name)
		self.assertEqual([p.ends_on for p in periods][-1], self.values("end_date")[0])
		self.assertEqual(periods[0].ends_on, periods[1].starts_on)

	def test_a_paused_subscription_can_be_cancelled_for_the_end_of_its_days(self):
		self.pause(days=10)
		answer = self.succeed(api.cancel_subscription)
		self.assertEqual((answer["status"], answer["cancel_at_period_end"]), ("Paused", True))
		self.days_pass(10)
		subscription_jobs.run_expiry()
		self.assertEqual(self.values("status", "cancel_at_period_end"), ["Active", 1])
		move_to(self.doc.name, end_date=today())
		subscription_jobs.run_expiry()
		self.assertEqual(self.values("status"), ["Cancelled"])

	def test_ending_a_paused_subscription_counts_the_days_that_were_kept(self):
		frappe.db.set_value("AI Plan", self.doc.plan, "unused_on_cancel", "Credit")
		frappe.clear_document_cache("AI Plan", self.doc.plan)
		self.pause(days=30)
		kept = self.succeed(api.preview_cancellation)["now"][0]
		self.days_pass(20)
		self.assertEqual(self.succeed(api.preview_cancellation)["now"][0], kept)
		self.succeed(api.cancel_subscription, at_period_end=0)
		self.assertEqual(self.values("status", "paused_on", "pause_until"), ["Cancelled", None, None])
		self.assertFalse(frappe.db.exists("AI API Key", {"subscription": self.doc.name, "suspended": 1}))

	def test_the_day_after_is_another_day_for_the_quota(self):
		usage.consume(self.key, 100)
		frappe.db.commit()
		self.pause()
		self.days_pass(7)
		self.succeed(api.resume_subscription)
		self.assertEqual(
			resuming(usage.consume, self.key, 1), {"allowed": True, "remaining": 99, "reset_on": tomorrow()}
		)


class TestRefundsInAPause(PauseCase):
	def test_a_refunded_renewal_that_waits_behind_the_pause_takes_only_its_own_days(self):
		left = timedelta(days=5)
		paid_until = today() + left
		frappe.db.set_value("AI Invoice", self.invoice, "period_end", paid_until)
		move_to(self.doc.name, end_date=paid_until)
		ahead = self.succeed(renewal.renew_subscription)["invoice_id"]
		pay(ahead)
		self.pause(days=60)
		self.days_pass(20)
		create_refund(ahead, None, "A test")
		status, end_date, paused_on = self.values("status", "end_date", "paused_on")
		self.assertEqual((status, end_date - paused_on), ("Paused", left))
		self.succeed(api.resume_subscription)
		self.assertEqual(self.values("status", "end_date"), ["Active", today() + left])
