"""Replacing a key: what the old one can still do, until when, and who ends it."""

import inspect
from datetime import timedelta
from unittest.mock import patch

import frappe
from frappe.utils import get_datetime, now_datetime

from oropendola_payments.ai_billing.periods import today
from oropendola_payments.api import subscription as api
from oropendola_payments.engine.jobs import subscription_jobs
from oropendola_payments.engine.keys import retire
from oropendola_payments.engine.metering import usage
from oropendola_payments.engine.subscriptions import lifecycle
from oropendola_payments.exceptions import PaymentRequired, Unauthorized
from oropendola_payments.tests.support.customers import CustomerTestCase, move_to, pay
from oropendola_payments.tests.support.factories import (
	create_active_subscription,
	create_user,
	payment_settings,
)
from oropendola_payments.tests.support.outbox import mails_stay_queued, mails_to
from oropendola_payments.tests.support.parallel import in_parallel


class RotationCase(CustomerTestCase):
	def setUp(self):
		super().setUp()
		self.enterContext(mails_stay_queued())
		self.subscription = create_active_subscription(self.user, requests_limit_per_day=100)
		self.old = self.succeed(api.reveal_api_key)["api_key"]
		self.old_id = frappe.db.get_value("AI Subscription", self.subscription.name, "api_key_link")

	def rotate(self, **arguments) -> dict:
		return self.succeed(api.rotate_api_key, **arguments)

	def consume(self, key: str) -> dict:
		answer = usage.consume(key, 1)
		frappe.db.commit()
		return answer

	def refused_for(self, key: str) -> str:
		with self.assertRaises((Unauthorized, PaymentRequired)) as refused:
			usage.consume(key, 1)
		return refused.exception.reason

	def status_of(self, key_id: str) -> str:
		return frappe.db.get_value("AI API Key", key_id, "status")

	def overlap_ends(self):
		passed = now_datetime() - timedelta(seconds=1)
		frappe.db.set_value("AI API Key", self.old_id, "valid_until", passed)
		frappe.db.commit()


class TestOverlap(RotationCase):
	def test_without_an_overlap_the_old_key_stops_at_once(self):
		new = self.rotate()
		self.assertIsNone(new["old_key_valid_until"])
		self.assertEqual(self.refused_for(self.old), "key_retired")
		self.assertEqual(self.consume(new["api_key"])["remaining"], 99)

	def test_with_an_overlap_both_keys_use_one_quota(self):
		new = self.rotate(overlap_hours=24)
		self.assertEqual(self.consume(self.old)["remaining"], 99)
		self.assertEqual(self.consume(new["api_key"])["remaining"], 98)

	def test_an_answer_to_the_old_key_says_when_it_stops(self):
		new = self.rotate(overlap_hours=24)
		until = get_datetime(new["old_key_valid_until"])
		hours = (until.replace(tzinfo=None) - now_datetime()).total_seconds() / 3600
		self.assertAlmostEqual(hours, 24, delta=0.1)
		self.assertEqual(self.consume(self.old)["key_valid_until"], until.replace(tzinfo=None))
		self.assertNotIn("key_valid_until", self.consume(new["api_key"]))

	def test_the_time_ends_the_old_key_before_any_job_runs(self):
		"""S48."""
		self.rotate(overlap_hours=1)
		self.overlap_ends()
		self.assertEqual(self.status_of(self.old_id), "Retiring")
		self.assertEqual(self.refused_for(self.old), "key_retired")

	def test_the_job_ends_keys_whose_time_is_over_and_no_others(self):
		self.rotate(overlap_hours=1)
		retire.end_retired_keys()
		self.assertEqual(self.status_of(self.old_id), "Retiring")
		self.overlap_ends()
		self.assertGreaterEqual(subscription_jobs.run_retire_keys(), 1)
		self.assertEqual(self.status_of(self.old_id), "Revoked")
		self.assertEqual(self.refused_for(self.old), "key_retired")

	def test_an_overlap_outside_the_limit_of_the_site_is_refused(self):
		for limit, hours in ((168, -1), (168, 169), (24, 25), (0, 1)):
			with payment_settings(max_key_overlap_hours=limit), self.subTest(limit=limit, hours=hours):
				self.refused("bad_request", api.rotate_api_key, overlap_hours=hours)
		self.assertEqual(self.consume(self.old)["remaining"], 99)
		with payment_settings(max_key_overlap_hours=24):
			self.rotate(overlap_hours=24)

	def test_a_second_click_does_not_stop_the_old_key_early(self):
		self.rotate(overlap_hours=24)
		sentence = self.refused("rotation_in_progress", api.rotate_api_key, overlap_hours=24)
		self.assertIn("still works until", sentence)
		self.consume(self.old)

	def test_without_an_overlap_the_key_before_the_old_one_stops_too(self):
		"""S48: it may be the one that has leaked."""
		second = self.rotate(overlap_hours=24)
		self.rotate()
		for key in (self.old, second["api_key"]):
			self.assertEqual(self.refused_for(key), "key_retired")

	def test_two_tabs_replace_the_key_once(self):
		answers = in_parallel(4, lambda _number: self.call(api.rotate_api_key, overlap_hours=24))
		self.assertEqual(sorted(answer["success"] for answer in answers), [False] * 3 + [True])
		self.consume(self.old)

	def test_a_key_that_nobody_has_seen_gets_no_overlap(self):
		user = create_user()
		unseen = create_active_subscription(user).api_key_link
		self.user = user
		self.assertIsNone(self.rotate(overlap_hours=24)["old_key_valid_until"])
		self.assertEqual(self.status_of(unseen), "Revoked")

	def test_a_crash_before_the_commit_leaves_the_old_key_alone(self):
		with (
			patch.object(frappe.db, "commit", side_effect=[None, ConnectionError]),
			self.assertRaises(ConnectionError),
		):
			self.call(api.rotate_api_key, overlap_hours=24)
		frappe.db.rollback()
		self.assertEqual(self.status_of(self.old_id), "Active")
		self.consume(self.old)


class TestWithoutService(RotationCase):
	def lapse(self):
		move_to(self.subscription.name, end_date=today())
		frappe.get_doc("AI Subscription", self.subscription.name).mark_past_due()
		frappe.db.commit()

	def renew(self):
		invoice = lifecycle.open_or_create_invoice(
			frappe.get_doc("AI Subscription", self.subscription.name), "Renewal", None
		)["invoice_id"]
		pay(invoice)

	def test_a_renewal_gives_back_both_keys_of_an_overlap(self):
		new = self.rotate(overlap_hours=24)["api_key"]
		self.lapse()
		for key in (self.old, new):
			self.assertEqual(self.refused_for(key), "subscription_ended")
		self.renew()
		for key in (self.old, new):
			self.consume(key)

	def test_an_overlap_that_ran_out_meanwhile_is_not_given_back(self):
		"""S48."""
		new = self.rotate(overlap_hours=24)["api_key"]
		self.lapse()
		self.overlap_ends()
		self.assertEqual(self.refused_for(self.old), "key_retired")
		self.renew()
		self.assertEqual(self.refused_for(self.old), "key_retired")
		self.assertEqual(self.status_of(self.old_id), "Revoked")
		self.consume(new)

	def test_cancelling_ends_both_keys_for_good(self):
		new = self.rotate(overlap_hours=24)["api_key"]
		self.succeed(api.cancel_subscription, at_period_end=False)
		for key in (self.old, new):
			self.assertEqual(self.refused_for(key), "subscription_cancelled")
		self.refused("conflict", api.rotate_api_key)

	def test_a_lapsed_subscription_replaces_no_key(self):
		self.lapse()
		self.refused("conflict", api.rotate_api_key, overlap_hours=1)


class TestTelling(RotationCase):
	def mail_about(self, **arguments):
		"""The email that a rotation queues, as a worker sends it."""
		queued = []
		with patch.object(frappe, "enqueue", lambda method, **how: queued.append((method, how))):
			self.new = self.rotate(**arguments)
		for method, how in queued:
			names = inspect.signature(frappe.get_attr(method)).parameters
			frappe.get_attr(method)(**{name: value for name, value in how.items() if name in names})
		return mails_to(self.user)[-1]

	def test_the_email_says_when_the_old_key_stops(self):
		sent = self.mail_about(overlap_hours=24)
		self.assertEqual(sent.subject, "Your API key was changed")
		self.assertRegex(
			sent.html, r"The old key works until .*\(GMT[+-]\d\d:\d\d\)"
		)  # its reader may live elsewhere
		self.assertIn(self.new["prefix"], sent.html)
		self.assertNotIn(self.new["api_key"], sent.html)

	def test_the_email_says_that_the_old_key_has_stopped(self):
		self.assertIn("the old one no longer works", self.mail_about().html)

	def test_the_audit_trail_names_both_keys_and_contains_neither(self):
		new = self.rotate(overlap_hours=24)
		event = frappe.get_last_doc("Payment Event", {"reference_name": new["key_id"]})
		self.assertEqual(event.event, "api_key_replaced")
		self.assertIn(self.old_id, event.details)
		self.assertNotIn(new["api_key"][12:], event.details)
