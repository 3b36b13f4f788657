"""Customers learn in time that credits expire: once for each day of the settings, not at all if they stopped reminders."""

from datetime import timedelta
from unittest.mock import patch

import frappe

from oropendola_payments.ai_billing.periods import today
from oropendola_payments.engine.dunning import opt_out
from oropendola_payments.engine.jobs import credit_jobs
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.credits import buy_pack, give, grant_of
from oropendola_payments.tests.support.factories import (
	create_active_subscription,
	create_user,
	payment_settings,
)
from oropendola_payments.tests.support.outbox import mails_stay_queued, mails_to
from oropendola_payments.web.test_coupons import use_our_mail_texts


def at_once(method: str, queue: str, enqueue_after_commit: bool, **arguments):
	frappe.get_attr(method)(**arguments)


class TestCreditReminders(TestCase):
	def setUp(self):
		use_our_mail_texts("credits_expiring")
		self.user = create_user()
		self.enterContext(mails_stay_queued())
		self.enterContext(payment_settings(send_credit_mails=1, credit_reminder_days="14,3"))

	def expiring(self, days: int, credits: int = 5, grant=None):
		grant = grant or give(self.user, credits)
		values = {"valid_until": today() + timedelta(days=days), "creation": "2026-01-01 10:00:00"}
		frappe.db.set_value("AI Credit Grant", grant.name, values, update_modified=False)
		frappe.db.commit()
		return grant

	def mails(self) -> list:
		with patch("frappe.enqueue", at_once):
			credit_jobs.run_expiry_reminders()
		frappe.db.commit()
		return mails_to(self.user)

	def test_a_reminder_is_sent_once_for_each_day_of_the_settings(self):
		grant = self.expiring(14)
		for days, sent in ((15, 0), (14, 1), (14, 1), (13, 1), (4, 1), (3, 2), (2, 2), (0, 2), (-1, 2)):
			self.expiring(days, grant=grant)
			self.assertEqual(len(self.mails()), sent, f"{days} days before the end")

	def test_a_day_on_which_the_site_was_down_is_made_up_for_by_one_email(self):
		self.expiring(2)
		self.assertEqual([len(self.mails()) for _run in range(2)], [1, 1])

	def test_a_restored_copy_of_the_site_reminds_nobody_of_credits(self):
		"""S28"""
		self.expiring(2)
		with payment_settings(confirmed_site="the.real.site"):
			self.assertEqual(self.mails(), [])
		self.assertEqual(len(self.mails()), 1)

	def test_one_email_names_all_that_is_due(self):
		self.expiring(12, 5)
		self.expiring(2, 7)
		self.expiring(100, 9)
		mails = self.mails()
		self.assertEqual(len(mails), 1)
		self.assertTrue(mails[0].subject.startswith("12 credits expire soon"), mails[0].subject)
		for text in ("7 credits", "5 credits"):
			self.assertIn(text, mails[0].html)
		self.assertNotIn("9 credits", mails[0].html)

	def test_credits_that_were_just_bought_for_few_days_are_not_announced_at_once(self):
		give(self.user, 5, days=10)
		self.assertEqual(self.mails(), [])

	def test_used_up_expired_and_endless_credits_need_no_reminder(self):
		frappe.db.set_value("AI Credit Grant", self.expiring(2).name, "remaining", 0)
		frappe.db.set_value("AI Credit Grant", give(self.user, 1, days=0).name, "creation", "2026-01-01")
		frappe.db.commit()
		self.assertEqual(self.mails(), [])

	def test_who_stopped_reminders_gets_none_and_the_email_has_the_link_to_stop_them(self):
		self.user = create_active_subscription().user
		grant = self.expiring(10, grant=grant_of(buy_pack(self.user)))
		known = len(mails_to(self.user))
		mail = self.mails()[known]
		self.assertIn("/reminders?invoice=" + grant.invoice, mail.html)
		opt_out.set_reminders(self.user, "Email", enabled=False)
		self.expiring(2, grant=grant)
		self.assertEqual(len(self.mails()), known + 1)

	def test_the_settings_switch_them_off_and_refuse_nonsense(self):
		self.expiring(3)
		for values in ({"send_credit_mails": 0}, {"credit_reminder_days": ""}):
			with payment_settings(**values):
				self.assertEqual(self.mails(), [])
		settings = frappe.get_doc("Payment Settings")
		for text in ("soon", "0", "-3", "400"):
			settings.credit_reminder_days = text
			with self.assertRaises(frappe.ValidationError):
				settings.validate_credits()
