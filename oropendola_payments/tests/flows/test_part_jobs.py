"""Time passes while an invoice is paid in parts: reminders, missed parts, the report of who is behind, and the end."""

from datetime import timedelta
from decimal import Decimal

import frappe

from oropendola_payments.ai_billing import overdue_parts as overdue
from oropendola_payments.ai_billing.periods import today
from oropendola_payments.ai_billing.report.overdue_parts import overdue_parts as report
from oropendola_payments.api import desk, payment
from oropendola_payments.api import subscription as api
from oropendola_payments.engine.dunning import opt_out
from oropendola_payments.engine.jobs import part_jobs, subscription_jobs
from oropendola_payments.engine.monitoring import alert_rules
from oropendola_payments.engine.notifications import hooks as notification_hooks
from oropendola_payments.engine.notifications import receipts
from oropendola_payments.engine.notifications.test_emails import queued
from oropendola_payments.tests.support.factories import as_user, create_user, payment_settings
from oropendola_payments.tests.support.outbox import mails_stay_queued, mails_to
from oropendola_payments.tests.support.parts import PartsTestCase

YEAR = ("4715.28", "2357.64", "2357.64", "2357.64")


class JobCase(PartsTestCase):
	settings = {**PartsTestCase.settings, "part_reminder_days": "3,0", "close_unfinished_days": 30}

	def setUp(self):
		super().setUp()
		self.enterContext(mails_stay_queued())
		self.in_instalments()
		self.pay_by_transfer(YEAR[0])

	def due_in(self, days: int, number: int = 2):
		"""As if the part were due in so many days."""
		part = self.parts()[number - 1]
		frappe.db.set_value("AI Invoice Part", part.name, "due_on", today() + timedelta(days=days))
		frappe.db.commit()

	def run_reminders(self) -> list[bool]:
		"""For each reminder that is queued for this invoice, whether it is about a missed part."""
		with queued() as calls:
			part_jobs.run_part_reminders()
		mine = {part.name for part in self.parts()}
		return [call["missed"] for call in calls if call.get("part") in mine]


class TestReminders(JobCase):
	def test_the_next_part_is_reminded_of_once_for_each_day(self):
		for days, expected in ((4, []), (3, [False]), (3, []), (1, []), (0, [False]), (0, [])):
			self.due_in(days)
			self.assertEqual(self.run_reminders(), expected, days)

	def test_a_restored_copy_of_the_site_asks_for_no_part(self):
		"""S28"""
		for days, expected in ((3, [False]), (-4, [True])):
			self.due_in(days)
			with payment_settings(confirmed_site="the.real.site"):
				self.assertEqual(self.run_reminders(), [])
			self.assertEqual(self.run_reminders(), expected)

	def test_a_missed_part_is_told_of_once_after_the_tolerance(self):
		for days, expected in ((-1, []), (-3, []), (-4, [True]), (-4, [])):
			self.due_in(days)
			self.assertEqual(self.run_reminders(), expected, days)

	def test_a_stopped_scheduler_does_not_lose_the_email_about_a_missed_part(self):
		self.due_in(-20)
		self.assertEqual(self.run_reminders(), [True])
		self.assertEqual(self.run_reminders(), [])

	def test_only_the_next_part_is_reminded_of(self):
		self.due_in(3, number=3)
		self.assertEqual(self.run_reminders(), [])

	def test_a_paid_part_is_not_reminded_of(self):
		self.due_in(3)
		self.pay_by_transfer(YEAR[1])
		self.assertEqual(self.run_reminders(), [])

	def test_nothing_is_sent_before_the_first_part_was_paid(self):
		self.in_instalments()
		self.due_in(-9, number=1)
		self.assertEqual(self.run_reminders(), [])
		self.assertFalse([row for row in overdue.overdue_parts() if row.invoice == self.invoice])

	def test_nobody_is_reminded_while_a_payment_is_under_way_or_reviewed(self):
		self.due_in(3)
		for values in ({"status": "Processing"}, {"needs_review": 1}):
			before = {name: self.doc().get(name) for name in values}
			frappe.db.set_value("AI Invoice", self.invoice, values)
			self.assertEqual(self.run_reminders(), [], values)
			frappe.db.set_value("AI Invoice", self.invoice, before)
		self.assertEqual(self.run_reminders(), [False])

	def test_nobody_is_reminded_after_an_opt_out_or_the_end(self):
		self.due_in(3)
		opt_out.set_reminders(self.user, "Email", enabled=False)
		self.assertEqual(self.run_reminders(), [])
		opt_out.set_reminders(self.user, "Email", enabled=True)
		self.succeed(api.cancel_subscription, subscription_id=self.subscription, at_period_end=0)
		self.assertEqual(self.run_reminders(), [])

	def test_a_scheduled_cancellation_and_a_pause_are_silent_too(self):
		self.due_in(3)
		for values in ({"cancel_at_period_end": 1}, {"cancel_at_period_end": 0, "status": "Paused"}):
			frappe.db.set_value("AI Subscription", self.subscription, values)
			self.assertEqual(self.run_reminders(), [], values)
		frappe.db.set_value("AI Subscription", self.subscription, {"status": "Active"})
		self.assertEqual(self.run_reminders(), [False])

	def test_renewal_reminders_leave_instalments_alone(self):
		end = today() + timedelta(days=7)
		frappe.db.set_value("AI Subscription", self.subscription, "end_date", end)
		frappe.db.commit()
		with queued() as calls, payment_settings(reminder_days="7"):
			subscription_jobs.run_reminders()
		self.assertNotIn(self.subscription, [call.get("subscription") for call in calls])


class TestEmails(JobCase):
	def last(self):
		return mails_to(self.user)[-1]

	def test_a_part_is_confirmed_with_its_days_and_the_next_part(self):
		capture = frappe.get_all("Payment Capture", {"invoice": self.invoice}, pluck="name")[0]
		notification_hooks.payment_succeeded(capture)
		mail = self.last()
		self.assertEqual(mail.subject, f"Part received: {self.invoice}")
		for text in (
			"We received ₹4,715.28",
			"₹7,072.92 of ₹11,788.20 is still to be paid",
			"The next part is ₹2,357.64",
			"now runs until",
		):
			self.assertIn(text, mail.html)

	def test_the_last_part_is_confirmed_like_every_payment(self):
		self.pay_by_transfer("7072.92")
		capture = frappe.get_all(
			"Payment Capture", {"invoice": self.invoice}, pluck="name", order_by="creation desc"
		)[0]
		notification_hooks.payment_succeeded(capture)
		self.assertEqual(self.last().subject, f"Payment received: {self.invoice}")

	def test_a_reminder_names_the_part_and_the_rest(self):
		notification_hooks.part_due(self.parts()[1].name, missed=False)
		mail = self.last()
		self.assertIn("is due on", mail.subject)
		for text in ("₹2,357.64", "everything that is left: ₹7,072.92"):
			self.assertIn(text, mail.html)
		self.assertRegex(mail.html, r"/p/[\w-]{43}")

	def test_a_missed_part_says_that_nothing_is_owed(self):
		notification_hooks.part_due(self.parts()[1].name, missed=True)
		self.assertIn("You owe nothing for the time in between", self.last().html)
		self.pass_days(200)
		notification_hooks.part_due(self.parts()[1].name, missed=True)
		self.assertIn("your API key is paused. You owe nothing for the time since then", self.last().html)

	def test_a_part_that_was_paid_meanwhile_sends_nothing(self):
		part = self.parts()[1].name
		self.pay_by_transfer(YEAR[1])
		before = len(mails_to(self.user))
		notification_hooks.part_due(part, missed=True)
		self.assertEqual(len(mails_to(self.user)), before)

	def test_a_part_is_asked_for_neither_while_it_is_being_paid_nor_while_a_payment_is_reviewed(self):
		part, before = self.parts()[1].name, len(mails_to(self.user))
		for state in ({"status": "Processing"}, {"status": "Partly Paid", "needs_review": 1}):
			frappe.db.set_value("AI Invoice", self.invoice, state)
			notification_hooks.part_due(part, missed=False)
			self.assertEqual(len(mails_to(self.user)), before, state)


class TestReceipts(JobCase):
	def receipt(self, number: int) -> dict:
		names = frappe.get_all(
			"Payment Capture", {"invoice": self.invoice}, pluck="name", order_by="creation"
		)
		return receipts.for_payment(self.doc(), names[number - 1]).receipt()

	def test_each_part_has_a_receipt_of_its_own_with_its_tax(self):
		for part in YEAR[1:]:
			self.pay_by_transfer(part)
		taxes = []
		for number, amount in enumerate(("₹4,715.28", "₹2,357.64", "₹2,357.64", "₹2,357.64"), start=1):
			facts = self.receipt(number)
			self.assertEqual([row["amount"] for row in facts["payments"]], [amount])
			self.assertTrue(facts["is_part"])
			taxes.append(facts["payments"][0]["tax"])
		self.assertEqual(taxes, ["₹719.28", "₹359.64", "₹359.64", "₹359.64"])

	def test_the_receipt_of_the_invoice_lists_all_parts(self):
		self.pay_by_transfer(YEAR[1])
		facts = self.doc().receipt()
		self.assertEqual(len(facts["payments"]), 2)
		self.assertEqual((facts["is_part"], facts["outstanding"]), (False, "₹4,715.28"))
		self.assertIn("₹359.64", receipts.as_html(self.doc()))

	def test_a_payment_of_another_invoice_has_no_receipt_here(self):
		mine = frappe.get_all("Payment Capture", {"invoice": self.invoice}, pluck="name")[0]
		self.in_instalments()
		with self.assertRaises(frappe.DoesNotExistError):
			receipts.for_payment(self.doc(), mine)

	def test_an_invoice_that_is_paid_at_once_shows_no_shares(self):
		self.new_invoice()
		self.pay_by_transfer("11788.20")
		self.assertEqual([row["tax"] for row in self.doc().receipt()["payments"]], [""])


class TestWhoIsBehind(JobCase):
	def mine(self) -> list:
		_columns, rows = report.execute({"customer": self.user})
		return [
			(row["number"], row["left"], row["days_overdue"])
			for row in rows
			if row["invoice"] == self.invoice
		]

	def test_a_part_is_listed_after_its_tolerance_and_until_it_is_paid(self):
		self.due_in(-3)
		self.assertEqual(self.mine(), [])
		self.due_in(-4)
		self.assertEqual(self.mine(), [(2, Decimal("2357.64"), 4)])
		self.pay_by_transfer(YEAR[1])
		self.assertEqual(self.mine(), [])

	def test_card_and_alert_count_the_same(self):
		self.due_in(-9)
		with as_user(create_user("Payments Auditor")):
			self.assertEqual(desk.overdue_parts()["value"], len(overdue.overdue_parts()))
		(finding,) = alert_rules.overdue_parts()
		self.assertIn(self.invoice, finding.records)

	def test_a_customer_does_not_see_the_card(self):
		with as_user(self.user), self.assertRaises(frappe.PermissionError):
			desk.overdue_parts()


class TestClosing(JobCase):
	def close(self) -> str:
		with queued():
			part_jobs.run_closing()
		return self.doc().status

	def old(self, days: int):
		"""As if the invoice and its next part had been due so many days ago."""
		self.due_in(-days)
		frappe.db.set_value("AI Invoice", self.invoice, "due_date", today() - timedelta(days=days))
		frappe.db.commit()

	def test_covered_days_are_served_to_the_end_before_the_closing_days_count(self):
		self.old(31)
		self.assertEqual(self.close(), "Partly Paid")
		self.pass_days(self.doc().covered_days + 29)
		self.assertEqual(self.close(), "Partly Paid")
		self.pass_days(1)
		self.assertEqual(self.close(), "Closed")
		self.assertEqual((self.doc().outstanding(), self.served().status), (0, "Active"))
		capture = frappe.get_all(
			"Payment Capture", {"invoice": self.invoice}, ["resolution", "amount_refunded"]
		)[0]
		self.assertEqual((capture.resolution or "", capture.amount_refunded), ("", 0))
		self.refused("conflict", payment.initiate_payment, invoice_id=self.invoice)

	def test_parts_that_bought_nothing_fall_under_the_policy(self):
		self.new_invoice(price=499, billing_interval="Month", part_payments=1)
		self.pay_by_transfer("200")
		for days, expected in ((29, "Partly Paid"), (30, "Closed")):
			frappe.db.set_value("AI Invoice", self.invoice, "due_date", today() - timedelta(days=days))
			frappe.db.commit()
			self.assertEqual(self.close(), expected)
		capture = frappe.get_all("Payment Capture", {"invoice": self.invoice}, ["resolution"])[0]
		self.assertEqual(capture.resolution, "Flag")  # a bank transfer cannot be sent back by itself

	def test_what_stays_open(self):
		self.old(400)
		self.pass_days(400)
		with payment_settings(close_unfinished_days=0):
			self.assertEqual(self.close(), "Partly Paid")
		frappe.db.set_value("AI Invoice", self.invoice, "needs_review", 1)
		self.assertEqual(self.close(), "Partly Paid")
		frappe.db.set_value("AI Invoice", self.invoice, "needs_review", 0)
		self.assertEqual(self.close(), "Closed")

	def test_an_unexpected_partial_payment_is_left_to_the_managers(self):
		self.new_invoice(price=499, billing_interval="Month")
		self.pay_by_transfer("200")
		frappe.db.set_value("AI Invoice", self.invoice, "due_date", today() - timedelta(days=99))
		self.assertEqual(self.close(), "Partly Paid")


class TestSettings(PartsTestCase):
	def test_impossible_settings_are_refused(self):
		for values in (
			{"part_percent": 51},
			{"part_percent": -1},
			{"max_parts": 1},
			{"part_reminder_days": "3,-1"},
			{"part_reminder_days": "soon"},
		):
			with self.subTest(values), self.assertRaises(frappe.ValidationError):
				settings = frappe.get_doc("Payment Settings")
				settings.update(values)
				settings.save(ignore_permissions=True)
			frappe.db.rollback()
