"""Cancelling at the end of the period: everything works until then, it can be undone, and it happens without a scheduler too."""

from datetime import timedelta

import frappe

from oropendola_payments.ai_billing.periods import today
from oropendola_payments.api import subscription as api
from oropendola_payments.api import subscription_renewal as renewal
from oropendola_payments.engine.ending import at_period_end
from oropendola_payments.engine.jobs import subscription_jobs
from oropendola_payments.engine.metering import usage
from oropendola_payments.engine.notifications import subscription_mails
from oropendola_payments.engine.self_service import commands
from oropendola_payments.engine.subscriptions import renewal as renewing
from oropendola_payments.exceptions import Conflict, PaymentRequired, Refusal
from oropendola_payments.tests.support.customers import CustomerTestCase, move_to, pay, violations
from oropendola_payments.tests.support.factories import (
	create_active_subscription,
	create_plan,
	payment_settings,
)
from oropendola_payments.tests.support.outbox import mails_stay_queued, mails_to
from oropendola_payments.tests.support.parallel import in_parallel


def events_of(subscription: str) -> list[str]:
	names = {"reference_doctype": "AI Subscription", "reference_name": subscription}
	return frappe.get_all("Payment Event", names, pluck="event", order_by="creation, sequence")


class EndingCase(CustomerTestCase):
	def setUp(self):
		super().setUp()
		self.doc = create_active_subscription(self.user, requests_limit_per_day=100)
		self.key = self.succeed(api.reveal_api_key)["api_key"]
		frappe.db.commit()

	def value(self, field: str):
		frappe.db.rollback()
		return frappe.db.get_value("AI Subscription", self.doc.name, field)

	def end_comes(self, days_ago: int = 0):
		move_to(self.doc.name, end_date=today() - timedelta(days=days_ago))


class TestCancelling(EndingCase):
	def test_by_default_everything_works_until_the_end_date(self):
		answer = self.succeed(api.cancel_subscription, reason="too_expensive", note="Perhaps later.")
		self.assertEqual(
			(answer["status"], answer["cancel_at_period_end"], answer["ends_on"]),
			("Active", True, self.doc.end_date),
		)
		self.assertEqual(usage.consume(self.key, 1)["remaining"], 99)
		mine = self.my_subscription()
		self.assertEqual((mine["cancel_at_period_end"], mine["ends_on"]), (True, self.doc.end_date))
		self.assertEqual(
			(self.value("cancel_reason"), self.value("cancel_note")), ("Too expensive", "Perhaps later.")
		)

	def test_a_trial_runs_to_its_end_too(self):
		answer = self.subscribe(trial_days=7)
		cancelled = self.succeed(api.cancel_subscription, subscription_id=answer["subscription_id"])
		self.assertEqual((cancelled["status"], cancelled["ends_on"]), ("Trial", today() + timedelta(days=7)))

	def test_what_has_no_days_left_ends_at_once(self):
		free = self.subscribe(price=0, is_free=1)["subscription_id"]
		pending = self.subscribe()["subscription_id"]
		for name in (free, pending):
			answer = self.succeed(api.cancel_subscription, subscription_id=name)
			self.assertEqual((answer["status"], answer["ends_on"]), ("Cancelled", today()))
		move_to(self.doc.name, end_date=today() - timedelta(days=1))
		self.doc.reload().mark_past_due()
		frappe.db.commit()
		answer = self.succeed(api.cancel_subscription)
		self.assertEqual((answer["status"], answer["ends_on"]), ("Cancelled", today() - timedelta(days=1)))

	def test_a_second_click_changes_nothing_and_sends_no_second_email(self):
		with mails_stay_queued():
			answers = [self.succeed(api.cancel_subscription) for _time in range(2)]
		self.assertEqual(answers[0], answers[1])
		self.assertEqual(events_of(self.doc.name).count("cancellation_scheduled"), 1)

	def test_an_unknown_reason_and_an_endless_note_are_refused(self):
		self.assertIn("too_expensive", self.refused("bad_request", api.cancel_subscription, reason="spite"))
		self.refused("bad_request", api.cancel_subscription, note="x" * 501)
		self.assertFalse(self.value("cancel_at_period_end"))

	def test_unpaid_renewals_are_cancelled_and_one_in_progress_is_not(self):
		first = self.succeed(renewal.renew_subscription)["invoice_id"]
		self.succeed(api.cancel_subscription)
		self.assertEqual(frappe.db.get_value("AI Invoice", first, "status"), "Cancelled")
		second = self.succeed(renewal.renew_subscription)["invoice_id"]
		frappe.get_doc("AI Invoice", second).mark_as_processing()
		frappe.db.commit()
		self.succeed(api.undo_cancel)
		self.succeed(api.cancel_subscription)
		self.assertEqual(frappe.db.get_value("AI Invoice", second, "status"), "Processing")

	def test_a_paid_renewal_withdraws_the_cancellation(self):
		self.succeed(api.cancel_subscription, reason="other")
		pay(self.succeed(renewal.renew_subscription)["invoice_id"])
		self.assertEqual(
			[self.value(field) for field in ("cancel_at_period_end", "cancel_reason", "cancel_requested_on")],
			[0, "", None],
		)
		self.assertIn("cancellation_withdrawn", events_of(self.doc.name))
		self.end_comes()
		self.assertFalse(at_period_end.end_if_due(self.doc.name))

	def test_nobody_is_reminded_to_renew_what_was_cancelled(self):
		self.succeed(api.cancel_subscription)
		move_to(self.doc.name, end_date=today() + timedelta(days=7))
		with payment_settings(reminder_days="7", send_reminder_mails=0):
			subscription_jobs.run_reminders()
			self.assertIsNone(self.value("last_reminder"))
			self.succeed(api.undo_cancel)
			subscription_jobs.run_reminders()
		self.assertTrue(self.value("last_reminder"))


class TestUndo(EndingCase):
	def test_undo_brings_everything_back(self):
		before = self.my_subscription()
		self.succeed(api.cancel_subscription, reason="other", note="Hm")
		answer = self.succeed(api.undo_cancel)
		self.assertEqual((answer["status"], answer["cancel_at_period_end"]), ("Active", False))
		self.assertEqual(self.my_subscription(), before)
		self.assertFalse(self.value("cancel_note"))
		self.assertEqual(self.succeed(api.undo_cancel), answer, "a second click changes nothing")
		self.assertEqual(events_of(self.doc.name).count("cancellation_undone"), 1)

	def test_from_the_end_date_on_there_is_nothing_to_undo(self):
		"""R39: at midnight, whether or not the job has run."""
		self.succeed(api.cancel_subscription)
		self.end_comes()
		self.refused("conflict", api.undo_cancel, subscription_id=self.doc.name)
		self.assertEqual(self.value("status"), "Cancelled")

	def test_a_manager_cannot_undo_it_after_the_end_either(self):
		"""R39. The subscription is not looked at before."""
		self.succeed(api.cancel_subscription)
		self.end_comes()
		with self.assertRaises(Conflict):
			at_period_end.undo(self.doc.name)

	def test_undo_and_the_job_at_midnight_agree_however_they_meet(self):
		"""R39."""
		self.succeed(api.cancel_subscription)
		self.end_comes()
		user, name = self.user, self.doc.name
		callers = (lambda: commands.undo_cancel(user, name), lambda: at_period_end.end_if_due(name))
		results = in_parallel(6, lambda number: callers[number % 2]())
		bugs = [r for r in results if isinstance(r, Exception) and not isinstance(r, Refusal)]
		self.assertEqual(bugs, [])
		self.assertEqual(self.value("status"), "Cancelled")
		self.assertEqual(events_of(name).count("subscription_cancelled"), 1)


class TestTheEnd(EndingCase):
	def setUp(self):
		super().setUp()
		self.succeed(api.cancel_subscription, reason="not_used_enough")

	def assert_ended(self):
		self.assertEqual(
			[self.value(field) for field in ("status", "ended_on", "cancel_at_period_end", "cancel_reason")],
			["Cancelled", today(), 0, "Not used enough"],
		)
		self.assertEqual(violations(self.user, "cancelled_but_running", "quota_without_service"), {})

	def test_the_job_cancels_it_instead_of_making_it_past_due(self):
		self.end_comes()
		with payment_settings(grace_days=3):
			subscription_jobs.run_expiry()
		self.assert_ended()

	def test_the_job_does_nothing_before_the_end_date(self):
		subscription_jobs.run_expiry()
		self.assertEqual((self.value("status"), self.value("cancel_at_period_end")), ("Active", 1))

	def test_without_a_scheduler_the_key_stops_and_the_first_look_ends_it(self):
		self.end_comes()
		with self.assertRaises(PaymentRequired):
			usage.consume(self.key, 1)
		self.assertEqual(self.my_subscription()["status"], "Cancelled")
		self.assert_ended()

	def test_without_a_scheduler_the_plan_can_be_chosen_again(self):
		self.end_comes()
		again = self.subscribe(frappe.get_doc("AI Plan", self.doc.plan))
		self.assertNotEqual(again["subscription_id"], self.doc.name)
		self.assert_ended()

	def test_without_a_scheduler_it_cannot_be_renewed_after_its_end(self):
		self.end_comes()
		self.refused("conflict", renewal.renew_subscription, subscription_id=self.doc.name)

	def test_a_scheduler_that_was_down_for_weeks_dates_the_end_correctly(self):
		"""R23."""
		self.end_comes(days_ago=30)
		self.assertEqual(
			violations(self.user, "cancelled_but_running"), {"cancelled_but_running": {self.doc.name}}
		)
		subscription_jobs.run_expiry()
		self.assertEqual(
			(self.value("status"), self.value("ended_on")), ("Cancelled", today() - timedelta(days=30))
		)


class TestCancelAndRenewAtOnce(EndingCase):
	def test_cancelling_while_a_renewal_is_paid_never_loses_the_payment(self):
		"""R39: whichever comes first, the money is either service or on its way back."""
		invoice = self.succeed(renewal.renew_subscription)["invoice_id"]
		user, name, end = self.user, self.doc.name, self.doc.end_date
		callers = (lambda: pay(invoice), lambda: commands.cancel(user, name))
		in_parallel(2, lambda number: callers[number]())
		if frappe.db.get_value("AI Invoice", invoice, "status") == "Paid":
			self.assertGreater(self.value("end_date"), end)
		else:
			self.assertEqual(frappe.db.get_value("AI Invoice", invoice, "status"), "Cancelled")
			self.assertEqual((self.value("end_date"), self.value("cancel_at_period_end")), (end, 1))
		self.assertEqual(
			violations(self.user, "paid_without_service", "paid_amount_differs_from_captures"), {}
		)

	def test_cancelling_while_a_renewal_is_ordered_leaves_a_clear_state(self):
		"""R39."""
		user, name = self.user, self.doc.name
		callers = (lambda: renewing.renew(user, None, name), lambda: commands.cancel(user, name))
		results = in_parallel(8, lambda number: callers[number % 2]())
		bugs = [r for r in results if isinstance(r, Exception) and not isinstance(r, Refusal)]
		self.assertEqual(bugs, [])
		self.assertEqual((self.value("status"), self.value("cancel_at_period_end")), ("Active", 1))
		waiting = frappe.get_all("AI Invoice", {"subscription": name, "status": "Pending"}, pluck="name")
		self.assertLessEqual(len(waiting), 1)


class TestEmails(EndingCase):
	def setUp(self):
		super().setUp()
		self.enterContext(mails_stay_queued())

	def subjects(self) -> list[str]:
		return [mail.subject for mail in mails_to(self.user)]

	def send(self, key: str, **facts):
		subscription_mails.send(key, self.doc.name, facts)

	def test_each_email_has_its_dates(self):
		self.send("cancellation_scheduled")
		self.assertRegex(self.subjects()[-1], r"Starter ends on \d+ \w{3} \d{4}")
		self.assertIn("you can undo", mails_to(self.user)[-1].html)
		self.send("cancellation_undone")
		self.assertIn("is not cancelled any more", self.subjects()[-1])
		self.send("subscription_cancelled", refund="₹249.50")
		self.assertIn("sending back ₹249.50", mails_to(self.user)[-1].html)
		self.send("subscription_cancelled", credit="₹249.50")
		self.assertIn("We keep ₹249.50", mails_to(self.user)[-1].html)

	def test_the_switch_turns_them_off(self):
		with payment_settings(send_subscription_mails=0):
			self.send("cancellation_scheduled")
		self.assertEqual(self.subjects(), [])


class TestPlanPolicy(CustomerTestCase):
	def test_a_new_plan_gives_nothing_back_and_has_no_pauses(self):
		plan = create_plan()
		self.assertEqual((plan.unused_on_cancel, plan.allow_pause), ("Nothing", 0))
