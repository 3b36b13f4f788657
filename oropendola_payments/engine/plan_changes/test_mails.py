"""Customers are told once about a change that was scheduled, made without a payment, or not paid in time."""

import frappe

from oropendola_payments.engine.notifications import hooks
from oropendola_payments.engine.plan_changes import lapse, mails
from oropendola_payments.tests.support.outbox import mails_stay_queued, mails_to
from oropendola_payments.tests.support.plan_changes import PlanChangeCase


class TestMails(PlanChangeCase):
	def setUp(self):
		super().setUp()
		self.enterContext(mails_stay_queued())

	def subjects(self) -> list[str]:
		"""What the worker sends for every change that is to be told."""
		for row in frappe.get_all("AI Plan Change", {"user": self.user, "untold": 1}, ["name", "status"]):
			mails.tell(row.name)
			hooks.plan_change_moved(row.name, row.status)
		return [mail.subject for mail in mails_to(self.user) if "Payment received" not in mail.subject]

	def change_quietly(self, code: str):
		"""As if the process had crashed before it queued the mail: the sweep finds the change."""
		made = self.change(code)
		frappe.db.set_value("AI Plan Change", made["plan_change"], "untold", 1)
		frappe.db.commit()

	def test_a_scheduled_change_is_told_once(self):
		before = self.start("P")
		self.change_quietly("S")
		day = frappe.utils.formatdate(before.end_date, "d MMM y")
		self.assertEqual(self.subjects(), [f"Your plan changes to Starter on {day}"])
		self.assertEqual(len(self.subjects()), 1)

	def test_a_change_without_a_payment_is_told(self):
		self.start("S")
		self.give_credit(400)
		self.change_quietly("P")
		self.assertIn("Your plan is now Pro", self.subjects())

	def test_a_paid_upgrade_has_its_receipt_and_no_second_mail(self):
		self.start("S")
		self.upgrade("P")
		self.assertNotIn("Your plan is now Pro", self.subjects())

	def test_a_change_that_was_not_paid_in_time_is_told(self):
		self.start("S")
		self.lapse(self.change("P"))
		lapse.lapse_due()
		self.assertEqual(self.subjects(), ["Your plan was not changed to Pro"])
