"""A gateway is not asked more often than it can bear, and yet a customer who paid is served within seconds."""

from unittest.mock import patch

import frappe
from frappe.utils import add_to_date, get_datetime, now_datetime

from oropendola_payments.engine.inbound import inbox, status_query
from oropendola_payments.engine.inbound.status_query import GAP_SECONDS, RECENT_SECONDS, refresh
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.journey import Journey
from oropendola_payments.tests.support.simulated import deliver
from oropendola_payments.tests.support.time_travel import clear_due_records

LOG = "Payment Webhook Log"


class TestPauses(TestCase):
	def setUp(self):
		clear_due_records()
		self.queued = []
		self.enterContext(
			patch.object(frappe, "enqueue", lambda method, **options: self.queued.append((method, options)))
		)

	def checked_just_now(self, gateway: str) -> tuple[Journey, str]:
		"""A payment that was made right after a page had asked about it."""
		journey = Journey(gateway)
		attempt = journey.start()
		refresh(attempt)
		journey.customer_pays(attempt)
		return journey, attempt

	def pause_is_over(self, attempt: str):
		past = add_to_date(now_datetime(), seconds=-RECENT_SECONDS)
		frappe.db.set_value("Payment Attempt", attempt, {"last_check_at": past, "next_check_at": past})
		frappe.db.commit()

	def jobs(self, name: str) -> list[dict]:
		return [options for method, options in self.queued if method.endswith(f".{name}")]

	def test_a_query_that_comes_too_soon_is_made_when_the_pause_is_over(self):
		journey, attempt = self.checked_just_now("razorpay")
		self.assertEqual(refresh(attempt, unless_checked_within=RECENT_SECONDS), [])
		due = get_datetime(frappe.db.get_value("Payment Attempt", attempt, "next_check_at"))
		self.assertLessEqual((due - now_datetime()).total_seconds(), RECENT_SECONDS)
		self.assertEqual([job["attempt_name"] for job in self.jobs("refresh_when_due")], [attempt])
		self.pause_is_over(attempt)
		status_query.refresh_when_due(attempt)
		self.assertEqual(journey.status(), "Paid")

	def test_two_queries_that_come_too_soon_make_one_job(self):
		_journey, attempt = self.checked_just_now("razorpay")
		for _time in range(2):
			refresh(attempt, unless_checked_within=RECENT_SECONDS)
		options = self.jobs("refresh_when_due")
		self.assertTrue(all(job["deduplicate"] for job in options))
		self.assertEqual(len({job["job_id"] for job in options}), 1)

	def test_a_job_whose_query_somebody_else_made_asks_no_more(self):
		_journey, attempt = self.checked_just_now("razorpay")
		refresh(attempt, unless_checked_within=RECENT_SECONDS)
		self.pause_is_over(attempt)
		refresh(attempt)
		before = frappe.db.get_value("Payment Attempt", attempt, "check_count")
		with patch.object(status_query.time, "sleep"):
			status_query.refresh_when_due(attempt)
		self.assertEqual(frappe.db.get_value("Payment Attempt", attempt, "check_count"), before)

	def test_a_message_that_waits_for_the_pause_has_not_failed(self):
		journey, attempt = self.checked_just_now("payu")
		frappe.db.set_value("Payment Attempt", attempt, "last_check_at", now_datetime())
		frappe.db.commit()
		for message in journey.take_webhooks():
			deliver(message)
		rows = frappe.get_all(LOG, {"gateway": "payu", "status": "Received"}, ["name", "attempts", "error"])
		self.assertEqual([(row.attempts, row.error) for row in rows], [(0, None)])
		self.assertEqual([job["name"] for job in self.jobs("process_after_pause")], [rows[0].name])
		self.pause_is_over(attempt)
		frappe.db.set_value(LOG, rows[0].name, "next_attempt_at", now_datetime())
		frappe.db.commit()
		inbox.process_after_pause(rows[0].name)
		self.assertEqual(frappe.db.get_value(LOG, rows[0].name, "status"), "Processed")
		self.assertEqual(journey.status(), "Paid")

	def test_the_pause_for_signed_messages_is_shorter_than_the_one_for_strangers(self):
		self.assertLess(GAP_SECONDS, RECENT_SECONDS)


class TestOldNews(TestCase):
	def test_an_approval_of_a_payment_that_is_paid_is_processed_at_once(self):
		"""However recently the gateway was asked: there is nothing left to ask."""
		journey = Journey("paypal")
		attempt = journey.start()
		journey.customer_pays(attempt)
		messages = journey.take_webhooks()
		refresh(attempt)
		self.assertEqual(journey.status(), "Paid")
		since = now_datetime()
		frappe.db.set_value("Payment Attempt", attempt, "last_check_at", since)
		frappe.db.commit()
		for message in messages:
			deliver(message)
		states = frappe.get_all(LOG, {"gateway": "paypal", "creation": (">=", since)}, pluck="status")
		self.assertTrue(states)
		self.assertEqual(set(states), {"Processed"})
