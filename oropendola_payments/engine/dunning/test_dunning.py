"""Reminders of unpaid invoices: planned once, sent once, stopped when they are no longer wanted."""

from datetime import timedelta

import frappe
from frappe.utils import get_datetime, now_datetime

from oropendola_payments.ai_billing.periods import today
from oropendola_payments.engine.dunning import opt_out, planning, sending
from oropendola_payments.engine.dunning.schedule import steps_of
from oropendola_payments.engine.gateway import circuit_breaker
from oropendola_payments.engine.jobs.subscription_jobs import run_payment_reminders
from oropendola_payments.engine.monitoring import invariants
from oropendola_payments.engine.notifications import emails
from oropendola_payments.engine.settlement.settle import settle_attempt
from oropendola_payments.exceptions import BadRequest, Conflict
from oropendola_payments.gateways.base import Outcome, PaymentEvent
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.factories import (
	backdate_trouble,
	create_invoice,
	create_user,
	enable_gateway,
	payment_settings,
)
from oropendola_payments.tests.support.http import call, message, send
from oropendola_payments.tests.support.journey import Journey
from oropendola_payments.tests.support.outbox import broken, mails_stay_queued, mails_to, without_mail
from oropendola_payments.tests.support.parallel import in_parallel

REMINDER = "AI Payment Reminder"
DECLINED = "insufficient_funds"


class DunningCase(TestCase):
	def setUp(self):
		frappe.db.sql("UPDATE `tabPayment Attempt` SET completed_at = NULL WHERE status <> 'Paid'")
		frappe.db.delete(REMINDER)
		self.enterContext(mails_stay_queued())
		self.enterContext(payment_settings(quiet_from=0, quiet_to=0, messages_per_invoice=6))
		self.user = create_user()

	def failed(self, code: str | None = DECLINED, outcome=Outcome.FAILED, gateway: str = "stripe") -> Journey:
		"""An invoice whose payment failed with this code."""
		journey = Journey(gateway, user=self.user)
		self.fail_again(journey, code, outcome)
		return journey

	def fail_again(self, journey: Journey, code: str | None = DECLINED, outcome=Outcome.FAILED) -> str:
		if journey.doc().can_retry():
			journey.retry()
		else:
			journey.start()
		name = journey.attempts()[-1]
		event = PaymentEvent(outcome, reference=name, error_code=code, reason="The bank said no.")
		settle_attempt(frappe.get_doc("Payment Attempt", name), event)
		return name

	def reminders(self, invoice: str, **filters) -> list:
		fields = [
			"name",
			"status",
			"failure_class",
			"step",
			"planned_for",
			"stop_reason",
			"is_last",
			"suggested_gateway",
			"sent_on",
			"attempt",
		]
		return frappe.get_all(REMINDER, {"invoice": invoice, **filters}, fields, order_by="step, creation")

	def make_due(self, invoice: str, step: int = 1):
		earlier = now_datetime() - timedelta(minutes=1)
		frappe.db.sql(
			"UPDATE `tabAI Payment Reminder` SET planned_for = %s WHERE invoice = %s AND status = 'Planned' AND step <= %s",
			(earlier, invoice, step),
		)
		frappe.db.commit()

	def send(self, invoice: str, step: int = 1):
		self.make_due(invoice, step)
		sending.send_due()

	def reminder_mails(self) -> list:
		return [mail for mail in mails_to(self.user) if "is not paid yet" in mail.subject]


class TestPlanning(DunningCase):
	def test_each_cause_has_its_own_schedule(self):
		for code, cause, count in (
			(DECLINED, "Soft", 3),
			("lost_card", "Hard", 1),
			("incorrect_cvc", "Step", 1),
			("processing_error", "Ours", 1),
		):
			journey = self.failed(code)
			planning.plan_all()
			rows = self.reminders(journey.invoice)
			self.assertEqual([row.failure_class for row in rows], [cause] * count)
			self.assertEqual([row.is_last for row in rows], [0] * (count - 1) + [1])

	def test_a_payment_that_was_left_is_asked_for_after_one_and_three_days(self):
		journey = self.failed(None, Outcome.EXPIRED)
		planning.plan_all()
		closed = get_datetime(frappe.db.get_value("Payment Attempt", journey.attempts()[-1], "completed_at"))
		waits = [get_datetime(row.planned_for) - closed for row in self.reminders(journey.invoice)]
		self.assertEqual(waits, [timedelta(hours=24), timedelta(hours=72)])

	def test_planning_twice_and_at_once_plans_each_reminder_once(self):
		journey = self.failed()
		attempt = journey.attempts()[-1]
		in_parallel(4, lambda _number: planning.plan_after_attempt(attempt))
		planning.plan_all()
		self.assertEqual([row.step for row in self.reminders(journey.invoice)], [1, 2, 3])

	def test_another_failure_stops_the_earlier_reminders_and_plans_new_ones(self):
		journey = self.failed()
		planning.plan_all()
		later = self.fail_again(journey, "lost_card")
		planning.plan_all()
		stopped = self.reminders(journey.invoice, status="Stopped")
		self.assertEqual({row.stop_reason for row in stopped}, {"another_attempt"})
		self.assertEqual([row.attempt for row in self.reminders(journey.invoice, status="Planned")], [later])

	def test_a_paid_invoice_gets_no_plan(self):
		journey = self.failed()
		journey.retry()
		journey.deliver_return(journey.customer_pays(journey.attempts()[-1]))
		self.assertEqual(journey.status(), "Paid")
		planning.plan_all()
		self.assertEqual(self.reminders(journey.invoice), [])

	def test_trouble_of_the_gateway_gives_the_retry_back(self):
		journey = self.failed()
		planning.plan_all()
		self.fail_again(journey, "processing_error")
		left = journey.doc().retries_remaining()
		planning.plan_all()
		planning.plan_all()
		self.assertEqual(journey.doc().retries_remaining(), left + 1)

	def test_an_invoice_that_nobody_tried_to_pay_is_asked_for_after_its_due_date(self):
		invoice = create_invoice(self.user)
		frappe.db.set_value("AI Invoice", invoice.name, "due_date", today() - timedelta(days=1))
		planning.plan_all()
		self.assertEqual([row.failure_class for row in self.reminders(invoice.name)], ["Due", "Due"])
		planning.plan_all()
		self.assertEqual(len(self.reminders(invoice.name)), 2)

	def test_reminders_can_be_switched_off(self):
		journey = self.failed()
		with payment_settings(send_payment_reminders=0):
			run_payment_reminders()
		self.assertEqual(self.reminders(journey.invoice), [])

	def test_a_schedule_in_the_settings_replaces_the_built_in_one_for_its_cause(self):
		settings = frappe.get_doc("Payment Settings")
		self.addCleanup(lambda: (settings.reload(), settings.set("reminder_steps", []), settings.save()))
		settings.set(
			"reminder_steps",
			[{"failure_class": "Hard", "wait_hours": h, "channel": "Email"} for h in (48, 5)],
		)
		settings.save()
		self.assertEqual([step.wait for step in steps_of("Hard")], [timedelta(hours=5), timedelta(hours=48)])
		self.assertEqual(len(steps_of("Soft")), 3)
		settings.append("reminder_steps", {"failure_class": "Hard", "wait_hours": 48, "channel": "Email"})
		with self.assertRaisesRegex(frappe.ValidationError, "twice"):
			settings.save()
		settings.reload()
		settings.append("reminder_steps", {"failure_class": "Hard", "wait_hours": 721, "channel": "Email"})
		with self.assertRaisesRegex(frappe.ValidationError, "within 30 days"):
			settings.save()
		settings.reload()


class TestSending(DunningCase):
	def setUp(self):
		super().setUp()
		self.journey = self.failed()
		self.invoice = self.journey.invoice
		planning.plan_all()

	def test_a_due_reminder_is_sent_once_with_amount_and_link(self):
		self.send(self.invoice)
		sending.send_due()
		(mail,) = self.reminder_mails()
		self.assertIn("$499.00", mail.html)
		self.assertRegex(mail.html, r"/p/[\w-]{43}")
		self.assertIn("did not go through", mail.html)
		self.assertEqual([row.status for row in self.reminders(self.invoice)], ["Sent", "Planned", "Planned"])

	def test_a_failure_that_is_not_known_is_not_called_a_refusal_of_the_bank(self):
		"""A code that an adapter does not know counts as Soft."""
		invoice = self.failed("a_code_of_tomorrow").invoice
		planning.plan_all()
		self.send(invoice)
		(mail,) = self.reminder_mails()
		self.assertNotIn("bank", mail.html)

	def test_two_workers_send_one_reminder(self):
		"""R37"""
		self.make_due(self.invoice)
		name = self.reminders(self.invoice)[0].name
		in_parallel(4, lambda _number: sending.send(name))
		self.assertEqual(len(self.reminder_mails()), 1)

	def test_one_message_a_day(self):
		self.send(self.invoice, step=2)
		self.assertEqual(len(self.reminder_mails()), 1)
		first, second, _third = self.reminders(self.invoice)
		self.assertEqual((first.status, second.status), ("Sent", "Planned"))
		self.assertGreater(get_datetime(second.planned_for), now_datetime())

	def test_a_payment_after_the_plan_stops_all_reminders(self):
		"""R37"""
		self.journey.retry()
		self.journey.deliver_return(self.journey.customer_pays(self.journey.attempts()[-1]))
		self.send(self.invoice, step=3)
		self.assertEqual(self.reminder_mails(), [])
		self.assertEqual({row.stop_reason for row in self.reminders(self.invoice)}, {"paid"})

	def test_nobody_is_invited_to_pay_while_a_payment_is_open(self):
		"""R37"""
		self.journey.retry()
		self.send(self.invoice)
		self.assertEqual(self.reminder_mails(), [])
		first = self.reminders(self.invoice)[0]
		self.assertEqual(first.status, "Planned")
		self.assertGreater(get_datetime(first.planned_for), now_datetime() + timedelta(minutes=50))

	def test_the_invariants_find_a_reminder_after_the_payment_and_a_forgotten_one(self):
		name, earlier = self.reminders(self.invoice)[0].name, now_datetime() - timedelta(days=2)
		frappe.db.set_value(REMINDER, name, "planned_for", earlier)
		self.assertEqual(invariants.check(("reminder_not_handled",)), {"reminder_not_handled": [name]})
		frappe.db.set_value("AI Invoice", self.invoice, {"status": "Paid", "paid_date": earlier})
		frappe.db.set_value(REMINDER, name, {"status": "Sent", "sent_on": now_datetime()})
		self.assertEqual(invariants.check(("reminded_after_payment",)), {"reminded_after_payment": [name]})
		frappe.db.delete(REMINDER, name)
		frappe.db.set_value("AI Invoice", self.invoice, {"status": "Cancelled", "paid_date": None})

	def stopped_by(self, reason: str):
		self.send(self.invoice)
		self.assertEqual(self.reminder_mails(), [])
		self.assertEqual(self.reminders(self.invoice)[0].stop_reason, reason)

	def test_a_review_stops_reminders(self):
		frappe.db.set_value("AI Invoice", self.invoice, "needs_review", 1)
		self.stopped_by("needs_review")

	def test_a_disabled_user_gets_none(self):
		frappe.db.set_value("User", self.user, "enabled", 0)
		self.stopped_by("user_disabled")

	def test_a_cancelled_subscription_stops_reminders(self):
		frappe.db.set_value("AI Subscription", self.journey.subscription, "status", "Cancelled")
		self.stopped_by("subscription_ends")

	def test_who_opted_out_gets_none_and_can_opt_in_again(self):
		opt_out.set_reminders(self.user, "Email", enabled=False)
		self.stopped_by("opted_out")
		opt_out.set_reminders(self.user, "Email", enabled=True)
		self.send(self.invoice, step=2)
		self.assertEqual(len(self.reminder_mails()), 1)

	def test_the_limit_for_one_invoice_holds(self):
		with payment_settings(messages_per_invoice=1):
			self.send(self.invoice)
			frappe.db.set_value(
				REMINDER,
				{"invoice": self.invoice, "status": "Sent"},
				"sent_on",
				now_datetime() - timedelta(days=2),
			)
			self.send(self.invoice, step=2)
		self.assertEqual(len(self.reminder_mails()), 1)
		self.assertEqual(self.reminders(self.invoice)[1].stop_reason, "limit_reached")

	def test_a_broken_mail_server_delays_a_reminder_and_loses_none(self):
		"""R37"""
		with without_mail():
			self.send(self.invoice)
		self.assertEqual(self.reminders(self.invoice)[0].status, "Planned")
		with broken(emails.frappe, "sendmail"):
			self.send(self.invoice)
		first = self.reminders(self.invoice)[0]
		self.assertEqual(first.status, "Planned")
		self.assertGreater(get_datetime(first.planned_for), now_datetime())
		self.send(self.invoice)
		self.assertEqual(len(self.reminder_mails()), 1)

	def test_a_restored_copy_of_the_site_reminds_nobody(self):
		"""S28: its link leads to the copy, where real payments are refused."""
		with payment_settings(confirmed_site="the.real.site"):
			self.send(self.invoice)
		self.assertEqual((self.reminders(self.invoice)[0].status, self.reminder_mails()), ("Planned", []))

	def test_the_last_reminder_says_so(self):
		journey = self.failed("lost_card")
		planning.plan_all()
		self.send(journey.invoice)
		(mail,) = self.reminder_mails()
		self.assertTrue(mail.subject.startswith("Last reminder"))
		self.assertIn("our last reminder", mail.html)

	def test_after_a_decline_another_gateway_is_suggested(self):
		enable_gateway("paypal")
		self.send(self.invoice)
		self.assertNotEqual(self.reminders(self.invoice)[0].suggested_gateway, "stripe")

	def test_a_gateway_in_trouble_is_waited_for_but_not_forever(self):
		journey = self.failed("processing_error")
		planning.plan_all()
		enable_gateway("paypal")
		backdate_trouble("stripe", seconds=1)
		self.addCleanup(circuit_breaker.report_success, "stripe")
		self.send(journey.invoice)
		self.assertEqual(self.reminders(journey.invoice)[0].status, "Planned")
		three_hours_ago = now_datetime() - timedelta(hours=3)
		frappe.db.set_value(REMINDER, {"invoice": journey.invoice}, "creation", three_hours_ago)
		self.send(journey.invoice)
		sent = self.reminders(journey.invoice)[0]
		self.assertEqual((sent.status, sent.suggested_gateway == "stripe"), ("Sent", False))

	def test_switching_reminders_off_stops_those_that_are_due(self):
		"""None may wait for ever, raise an alarm, or be sent weeks later when they are switched on again."""
		self.make_due(self.invoice)
		with payment_settings(send_payment_reminders=0):
			run_payment_reminders()
		first, second, _third = self.reminders(self.invoice)
		self.assertEqual((first.stop_reason, second.status), ("switched_off", "Planned"))
		self.assertEqual(self.reminder_mails(), [])

	def test_a_manager_stops_the_reminders_of_an_invoice(self):
		self.assertEqual(sending.stop_by_hand(self.invoice)["stopped"], 3)
		with self.assertRaises(Conflict):
			sending.stop_by_hand(self.invoice)


class TestOptOut(DunningCase):
	def setUp(self):
		super().setUp()
		self.invoice = create_invoice(self.user).name
		self.token = opt_out.address(self.invoice, "Email").rpartition("token=")[2]

	def test_the_link_of_the_mail_stops_reminders_without_a_login(self):
		answer = call(
			"reminders.stop_my_reminders",
			data={"invoice_id": self.invoice, "channel": "Email", "token": self.token},
		)
		self.assertEqual(message(answer)["reminders"], False)
		self.assertTrue(opt_out.has_opted_out(self.user, "Email"))
		self.assertFalse(opt_out.has_opted_out(self.user, "SMS"))

	def test_a_wrong_token_or_another_invoice_changes_nothing(self):
		"""S41"""
		other = create_invoice(create_user()).name
		for invoice, channel, token in (
			(other, "Email", self.token),
			(self.invoice, "SMS", self.token),
			(self.invoice, "Email", "0" * 32),
			(self.invoice, "Fax", self.token),
		):
			with self.assertRaises(BadRequest):
				opt_out.stop_reminders(invoice, channel, token)
		self.assertFalse(frappe.db.exists("AI Reminder Opt Out", {"user": self.user}))

	def test_opening_the_link_stops_nothing(self):
		"""S41"""
		page = opt_out.address(self.invoice, "Email").partition("/reminders")[2]
		opened = send("GET", f"/reminders{page}", headers={"Accept": "text/html"})
		self.assertEqual(opened.status_code, 200)
		self.assertIn("Stop payment reminders?", opened.get_data(as_text=True))
		self.assertFalse(opt_out.has_opted_out(self.user, "Email"))
		pressed = send("POST", f"/reminders{page}", headers={"Accept": "text/html"})
		self.assertIn("We will not remind you any more", pressed.get_data(as_text=True))
		self.assertTrue(opt_out.has_opted_out(self.user, "Email"))

	def test_the_billing_page_switches_reminders_off_and_on(self):
		for action, off, text in (
			("stop_reminders", True, "You get no reminders"),
			("start_reminders", False, "We remind you by email"),
		):
			pressed = send(
				"POST", "/billing", self.user, data={"action": action}, headers={"Accept": "text/html"}
			)
			self.assertEqual(pressed.status_code, 303)
			self.assertIs(opt_out.has_opted_out(self.user, "Email"), off)
			page = send("GET", "/billing", self.user, headers={"Accept": "text/html"}).get_data(as_text=True)
			self.assertIn(text, page)

	def test_a_link_that_is_not_complete_says_what_to_do(self):
		opened = send("GET", "/reminders?invoice=INV&channel=Email&token=x", headers={"Accept": "text/html"})
		self.assertEqual(opened.status_code, 404)
		self.assertIn("Please open it again from the email", opened.get_data(as_text=True))
