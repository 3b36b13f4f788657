"""A receipt whose job was lost is sent by the next sweep, and no mail is sent twice."""

from unittest.mock import patch

import frappe
from frappe.utils import add_to_date, now_datetime

from oropendola_payments.engine.jobs import payment_jobs
from oropendola_payments.engine.notifications import hooks, untold
from oropendola_payments.tests.support.another_app import THIS, another_app, hook_calls
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.factories import create_user, payment_settings
from oropendola_payments.tests.support.jobs import jobs_start_at_once
from oropendola_payments.tests.support.journey import Journey
from oropendola_payments.tests.support.outbox import broken, mails_stay_queued, mails_to
from oropendola_payments.tests.support.time_travel import finish_refunds, sweep_until_settled


class UntoldCase(TestCase):
	def setUp(self):
		self.enterContext(mails_stay_queued())
		self.enterContext(payment_settings(send_payment_mails=1, send_refund_mails=1))
		for doctype in ("Payment Capture", "Payment Refund"):
			frappe.db.set_value(doctype, {"untold": 1}, "untold", 0)
		self.journey = self.pay()
		self.user = self.journey.user

	@staticmethod
	def pay() -> Journey:
		"""A payment at which the queue is down, so that nobody is told."""
		journey = Journey("payu", user=create_user())
		with patch.object(frappe, "enqueue", side_effect=ConnectionError("Redis is down")):
			journey.deliver_return(journey.customer_pays(journey.start()))
			sweep_until_settled(journey)
		return journey

	def sweep(self, minutes_later: int = 15):
		moment = add_to_date(now_datetime(), minutes=-minutes_later)
		for doctype, column in (("Payment Capture", "creation"), ("Payment Refund", "completed_at")):
			frappe.db.set_value(doctype, {"invoice": self.journey.invoice}, column, moment)
		frappe.db.commit()
		with jobs_start_at_once():
			payment_jobs.run_untold()

	def subjects(self, beginning: str) -> list[str]:
		return [mail.subject for mail in mails_to(self.user) if mail.subject.startswith(beginning)]


class TestUntold(UntoldCase):
	def test_a_lost_receipt_is_sent_once(self):
		self.assertEqual(self.subjects("Payment received"), [])
		for _run in range(2):
			self.sweep()
			self.assertEqual(len(self.subjects("Payment received")), 1)

	def test_a_job_that_may_still_run_is_not_repeated(self):
		self.sweep(minutes_later=5)
		self.assertEqual(self.subjects("Payment received"), [])

	def test_a_receipt_is_not_sent_after_a_week(self):
		self.sweep(minutes_later=8 * 24 * 60)
		self.assertEqual(self.subjects("Payment received"), [])

	def test_other_apps_learn_of_a_payment_whose_job_was_lost(self):
		with another_app(payment_succeeded=[f"{THIS}.payment_succeeded"]):
			hook_calls.clear()
			self.sweep()
		self.assertIn(self.journey.captures()[0].name, str(hook_calls))

	def test_a_lost_mail_about_a_refund_is_sent_once(self):
		with patch.object(frappe, "enqueue", side_effect=ConnectionError("Redis is down")):
			self.journey.refund(100)
			finish_refunds("payu", self.journey.invoice)
		for _run in range(2):
			self.sweep()
			self.assertEqual(len(self.subjects("Refund sent")), 1, [m.subject for m in mails_to(self.user)])

	def test_a_receipt_is_also_sent_when_money_went_back_meanwhile(self):
		self.journey.refund(100)
		finish_refunds("payu", self.journey.invoice)
		self.sweep()
		self.assertEqual(len(self.subjects("Payment received")), 1)

	def test_of_two_jobs_at_the_same_time_only_one_sends_its_mail(self):
		capture = self.journey.captures()[0]

		def tell():
			hooks.payment_succeeded(capture.name)  # the other job ends in the meantime
			frappe.sendmail(recipients=[self.user], subject="Payment received twice", message="x")

		self.assertFalse(untold.tell_once(capture, tell))
		self.assertEqual(self.subjects("Payment received"), [f"Payment received: {self.journey.invoice}"])

	def test_a_mail_that_cannot_be_made_is_tried_once(self):
		with broken(frappe, "sendmail"):
			self.sweep()
		self.sweep()
		self.assertEqual(self.subjects("Payment received"), [])

	def test_spent_credit_needs_no_receipt(self):
		self.assertFalse(frappe.db.exists("Payment Capture", {"gateway": "credit", "untold": 1}))
