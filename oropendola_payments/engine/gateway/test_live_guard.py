"""A restored copy of the database calls no live gateway until a manager confirms the site."""

import frappe
from frappe.utils import now_datetime

from oropendola_payments.ai_billing.doctype.payment_attempt.payment_attempt import new_attempt
from oropendola_payments.api import admin
from oropendola_payments.engine.checkout import gateway_choice
from oropendola_payments.engine.gateway import live_guard
from oropendola_payments.engine.gateway.registry import adapter_of
from oropendola_payments.engine.inbound import status_query
from oropendola_payments.engine.jobs import payment_jobs
from oropendola_payments.exceptions import Unavailable
from oropendola_payments.gateways.base import Callback
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.factories import (
	as_user,
	create_invoice,
	create_user,
	enable_gateway,
	payment_settings,
)
from oropendola_payments.tests.support.http import call
from oropendola_payments.tests.support.journey import Journey
from oropendola_payments.tests.support.live import live_site
from oropendola_payments.tests.support.time_travel import clear_due_records, make_due

KEYS = {"key_id": "Qm7TzX", "key_secret": "s3LtDemo9Kx2-live"}


class TestRestoredCopies(TestCase):
	def setUp(self):
		self.journey = Journey("payu")
		self.attempt = self.journey.start()
		self.enterContext(live_site("payu"))
		before = payment_settings(confirmed_site="pay.example.com https://pay.example.com")
		enable_gateway("payu", mode="Live", **KEYS)
		before.__enter__()
		self.addCleanup(before.__exit__, None, None, None)
		self.addCleanup(enable_gateway, "payu", key_id="", key_secret="")

	def test_a_restored_copy_calls_no_live_gateway(self):
		"""S28: a copy must not query, refund or charge."""
		with self.assertRaises(Unavailable):
			adapter_of("payu")
		frappe.db.set_value("Payment Attempt", self.attempt, "mode", "Live")
		with self.assertRaises(Unavailable):
			status_query.refresh(self.attempt)

	def test_a_restored_copy_says_once_in_a_sweep_that_it_calls_no_live_gateway(self):
		"""R10: the open payments of the real site are thousands, and sweeps run each minute."""
		clear_due_records()
		attempts = [self.attempt, *(self.open_another() for _number in range(2))]
		frappe.db.set_value("Payment Attempt", {"name": ("in", attempts)}, "mode", "Live")
		for name in attempts:
			make_due(frappe.db.get_value("Payment Attempt", name, "invoice"))
		for sweep in (payment_jobs.run_reconcile, payment_jobs.run_abandoned):
			before = frappe.db.count("Error Log")
			sweep()
			self.assertEqual(frappe.db.count("Error Log") - before, 1)
		statuses = frappe.get_all("Payment Attempt", {"name": ("in", attempts)}, pluck="status")
		self.assertEqual(set(statuses), {"Processing"})

	def open_another(self) -> str:
		invoice = create_invoice(currency="INR")
		attempt = new_attempt(invoice, gateway="payu", mode="Live", amount=invoice.outstanding())
		attempt.add()
		attempt.mark_as_processing(next_check_at=now_datetime())
		invoice.mark_as_processing()
		frappe.db.commit()
		return attempt.name

	def test_a_customer_of_a_restored_copy_sees_the_stored_status(self):
		frappe.db.set_value("Payment Attempt", self.attempt, {"mode": "Live", "last_check_at": None})
		answer = self.journey.poll(self.attempt)
		self.assertEqual((answer["success"], answer.get("status")), (True, "Processing"), answer)

	def test_a_restored_copy_offers_no_live_gateway(self):
		entry = next(e for e in gateway_choice.available("INR")["gateways"] if e["id"] == "payu")
		self.assertFalse(entry["available"])
		self.assertFalse(self.journey.initiate()["success"])

	def test_a_webhook_to_a_restored_copy_gets_a_5xx(self):
		"""After a 5xx the provider repeats the webhook until the site is confirmed."""
		answer = call("webhooks.receive", query_string={"gateway": "payu"}, data=b"status=success")
		self.assertEqual(answer.status_code, 503)

	def test_a_manager_confirms_the_site_and_the_audit_trail_records_it(self):
		with as_user(create_user("Payments Manager")):
			self.assertTrue(admin.confirm_live_site()["success"])
		self.assertTrue(live_guard.is_confirmed())
		self.assertEqual(adapter_of("payu").mode, "Live")
		self.assertTrue(frappe.db.exists("Payment Event", {"event": "live_site_confirmed"}))

	def test_only_a_manager_can_confirm_the_site(self):
		"""S28."""
		for user in (create_user(), create_user("Payments Auditor")):
			with as_user(user):
				self.assertEqual(admin.confirm_live_site()["error_code"], "not_allowed")
		self.assertFalse(live_guard.is_confirmed())

	def test_gateways_in_test_mode_work_in_a_restored_copy(self):
		enable_gateway("payu", mode="Test", **KEYS)
		callback = Callback("return", "GET", {}, {"attempt": self.attempt})
		self.assertEqual(adapter_of("payu").receive(callback).reference, self.attempt)

	def tearDown(self):
		frappe.db.rollback()
		enable_gateway("payu", key_id="", key_secret="")
