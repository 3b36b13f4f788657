"""The health of gateways, queue and scheduler, measured by what they did."""

import time
from datetime import timedelta
from unittest.mock import patch

import frappe
from frappe.utils import get_datetime, now_datetime

from oropendola_payments.ai_billing.doctype.payment_gateway_settings.payment_gateway_settings import (
	DEGRADED_SECONDS,
)
from oropendola_payments.api import health as health_api
from oropendola_payments.engine.checkout import gateway_choice
from oropendola_payments.engine.gateway import call as calls
from oropendola_payments.engine.gateway import circuit_breaker, registry
from oropendola_payments.engine.inbound import status_query
from oropendola_payments.engine.jobs import payment_jobs
from oropendola_payments.engine.monitoring import alert_rules, health
from oropendola_payments.exceptions import Unavailable
from oropendola_payments.gateways.errors import CredentialsRefused, GatewayRefused, NotSent
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.factories import (
	as_user,
	backdate_trouble,
	create_invoice,
	create_user,
	enable_gateway,
	unique,
)
from oropendola_payments.tests.support.journey import Journey
from oropendola_payments.tests.support.outbox import mails_stay_queued
from oropendola_payments.tests.support.simulated import simulator

SETTINGS = "Payment Gateway Settings"
FACTS = ("last_success_on", "last_error", "last_error_on")


def settings_name(code: str) -> str:
	return frappe.db.get_value(SETTINGS, {"gateway": code}, "name")


def facts(code: str) -> dict:
	return frappe.db.get_value(SETTINGS, {"gateway": code}, FACTS, as_dict=True)


class GatewayHealthCase(TestCase):
	code = "payu"

	def setUp(self):
		simulator()
		enable_gateway(self.code)
		self.as_new(self.code)
		self.addCleanup(self.as_new, self.code)

	def as_new(self, code: str):
		frappe.db.rollback()
		circuit_breaker.report_success(code)
		calls.forget_success(code)
		frappe.db.set_value(SETTINGS, settings_name(code), dict.fromkeys(FACTS))
		frappe.db.commit()

	def row(self) -> dict:
		with as_user(self.manager()):
			return next(row for row in health_api.status()["gateways"] if row["id"] == self.code)

	def manager(self) -> str:
		if not hasattr(type(self), "_manager"):
			type(self)._manager = create_user("Payments Manager")
		return self._manager

	def state(self) -> str:
		return self.row()["credentials"]

	def test_connection(self) -> str:
		return calls.check_connection(frappe.get_doc(SETTINGS, settings_name(self.code)))


class TestCredentials(GatewayHealthCase):
	def fail(self, error: Exception):
		def refuse():
			raise error

		with self.assertRaises(type(error)):
			calls.call_gateway("payu", refuse)

	def test_unused_credentials_are_untested_until_a_call_succeeds(self):
		self.assertEqual(self.state(), "untested")
		calls.call_gateway("payu", lambda: True)
		self.assertEqual((self.state(), self.row()["missing"], self.row()["token"]), ("ok", [], "not used"))

	def test_missing_credentials_are_named(self):
		name = settings_name("payu")
		frappe.db.set_value(SETTINGS, name, {"mode": "Test", "key_id": None})
		self.addCleanup(enable_gateway, "payu")
		row = self.row()
		self.assertEqual((row["credentials"], row["status"]), ("missing", "Not Configured"))
		self.assertIn("Merchant Key", row["missing"])

	def test_refused_credentials_stay_refused_until_a_call_succeeds(self):
		self.fail(CredentialsRefused("The key is wrong."))
		self.assertEqual((self.state(), self.row()["status"]), ("refused", "Degraded"))
		backdate_trouble("payu", DEGRADED_SECONDS + 1)
		self.assertEqual((self.state(), self.row()["status"]), ("refused", "Degraded"))
		calls.call_gateway("payu", lambda: True)
		self.assertEqual((self.state(), self.row()["status"]), ("ok", "Simulator"))

	def test_an_outage_does_not_change_the_credential_status(self):
		calls.call_gateway("payu", lambda: True)
		for _time in range(circuit_breaker.FAILURES_TO_OPEN):
			self.fail(NotSent("No answer."))
		self.assertEqual((self.state(), self.row()["status"]), ("ok", "Degraded"))

	def test_a_success_with_other_credentials_or_mode_does_not_count(self):
		calls.call_gateway("payu", lambda: True)
		enable_gateway(
			"payu", sort_order=frappe.db.get_value(SETTINGS, settings_name("payu"), "sort_order") + 1
		)
		self.assertEqual(self.state(), "ok")
		enable_gateway("payu", key_secret="another-made-up-salt")
		self.addCleanup(enable_gateway, "payu", key_secret=None)
		self.assertEqual(self.state(), "untested")
		calls.call_gateway("payu", lambda: True)
		self.assertEqual(self.state(), "ok", "it is noted at once, not after an hour")

	def test_connection_reports_its_result(self):
		attempt = Journey("payu").start()
		simulator().configure("payu", key="Another")
		self.addCleanup(simulator().configure, "payu", key="SimPyU")
		with self.assertRaises(GatewayRefused):
			status_query.refresh(attempt)
		self.assertEqual(self.kinds(), ["Keys Refused"])
		circuit_breaker.report_success("payu")
		self.test_connection()
		self.assertEqual((self.kinds(), self.state()), (["Keys Refused"], "refused"))
		simulator().configure("payu", key="SimPyU")
		self.test_connection()
		self.assertEqual((self.kinds(), self.state()), ([], "ok"))

	def kinds(self) -> list[str]:
		label = frappe.db.get_value(SETTINGS, settings_name("payu"), "label")
		return [finding.kind for finding in alert_rules.gateways() if finding.subject == label]


class TestTokens(GatewayHealthCase):
	code = "paypal"

	def test_an_access_token_is_cached_after_first_use(self):
		for code, missing in (("paypal", "none"), ("phonepe", "none")):
			with self.subTest(code):
				self.code = code
				enable_gateway(code)
				self.as_new(code)
				frappe.cache.delete_keys(f"oropendola_token:{code}")
				self.assertEqual(self.row()["token"], missing)
				self.test_connection()
				self.assertEqual((self.row()["token"], self.state()), ("cached", "ok"))
		self.code = "paypal"


class TestSuspendedCredentials(GatewayHealthCase):
	code = "cashflows"

	def test_suspended_cashflows_credentials_stay_visible_until_the_next_call(self):
		"""The breaker forgets after a while; the suspension that keeps the account from being locked stays visible."""
		attempt = Journey("cashflows").start()
		simulator().configure("cashflows", key_secret="another")
		before = registry.adapter_of("cashflows").simulator_secrets["key_secret"]
		self.addCleanup(simulator().configure, "cashflows", key_secret=before)
		with self.assertRaises(CredentialsRefused):
			status_query.refresh(attempt)
		circuit_breaker.report_success("cashflows")
		self.assertEqual(self.state(), "refused")
		simulator().configure("cashflows", key_secret=before)
		self.test_connection()
		self.assertEqual(self.state(), "ok")


class TestStoredHealth(GatewayHealthCase):
	"""What every call stores in the gateway settings."""

	def test_last_success_follows_every_success_to_the_minute(self):
		calls.call_gateway("payu", lambda: True)
		first = facts("payu").last_success_on
		self.assertLess(now_datetime() - get_datetime(first), timedelta(minutes=1))
		for seconds, follows in ((calls.SUCCESS_SECONDS - 10, False), (calls.SUCCESS_SECONDS + 10, True)):
			before = self.as_if_the_last_success_was(seconds)
			calls.call_gateway("payu", lambda: True)
			self.assertEqual(get_datetime(facts("payu").last_success_on) > before, follows, seconds)

	def as_if_the_last_success_was(self, seconds: int):
		"""So many seconds ago."""
		moment = now_datetime() - timedelta(seconds=seconds)
		frappe.db.set_value(SETTINGS, settings_name("payu"), "last_success_on", moment)
		frappe.cache.set_value(calls._success_key("payu"), time.time() - seconds, expires_in_sec=60)
		return moment

	def test_an_outage_is_stored_even_when_the_caller_rolls_back(self):
		def fail():
			raise NotSent("PayU cannot be reached.")

		with self.assertRaises(NotSent):
			calls.call_gateway("payu", fail)
		frappe.db.rollback()
		self.assertEqual(facts("payu").last_error, "PayU cannot be reached.")
		self.assertTrue(facts("payu").last_error_on)

	def test_a_refused_payment_is_not_stored_as_a_gateway_error(self):
		def refuse():
			raise GatewayRefused("This card is not taken.")

		with self.assertRaises(GatewayRefused):
			calls.call_gateway("payu", refuse)
		self.assertFalse(facts("payu").last_error)


class TestForbiddenSimulator(GatewayHealthCase):
	def test_a_forbidden_simulator_gateway_is_not_offered_from_the_cached_list(self):
		self.assertTrue(self.offered())
		self.addCleanup(frappe.conf.update, {"allow_payment_simulator": 1})
		frappe.conf.allow_payment_simulator = 0
		self.assertFalse(self.offered())
		with self.assertRaises(Unavailable):
			registry.adapter_of("payu")
		frappe.conf.allow_payment_simulator = 1
		self.assertTrue(self.offered())

	def offered(self) -> bool:
		return "payu" in [entry["id"] for entry in gateway_choice.available()["gateways"]]


class TestParts(TestCase):
	"""The scheduler leaves a heartbeat when it enqueues, the queue when a worker runs."""

	def setUp(self):
		self.forget()
		self.addCleanup(self.forget)

	@staticmethod
	def forget():
		frappe.cache.delete_keys("oropendola_alive:")

	def test_scheduler_and_queue_without_a_heartbeat_are_unknown(self):
		status = health.full()
		self.assertEqual((status["queue"], status["scheduler"]), ("not seen yet", "not seen yet"))
		self.assertEqual(status["status"], "attention")

	def test_scheduler_and_queue_have_separate_heartbeats(self):
		payment_jobs.run_inbox()
		self.assertEqual((health._alive("queue"), health._alive("scheduler")), ("ok", "not seen yet"))
		self.forget()
		with patch.object(payment_jobs, "_queue"):
			payment_jobs.process_inbox()
		self.assertEqual((health._alive("queue"), health._alive("scheduler")), ("not seen yet", "ok"))

	def test_an_old_heartbeat_is_late(self):
		for seconds, state in ((health.LATE_SECONDS - 5, "ok"), (health.LATE_SECONDS + 5, "late")):
			with self.subTest(state):
				moment = now_datetime() - timedelta(seconds=seconds)
				with patch.object(health, "now_datetime", return_value=moment):
					health.record_heartbeat("queue")
				self.assertEqual(health._alive("queue"), state)

	def test_the_overall_status_is_ok_only_when_every_part_is_ok(self):
		health.record_heartbeat("queue")
		health.record_heartbeat("scheduler")
		self.addCleanup(frappe.db.rollback)
		self.invoice = create_invoice().name
		for doctype, field, bad, good in self.TROUBLE:
			frappe.db.set_value(doctype, {field: bad}, field, good)
		with (
			mails_stay_queued(),
			patch.object(health.checks, "last", return_value=frappe._dict(checked_on=str(now_datetime()))),
			patch.object(health.alerts, "open_alerts", return_value=[]),
		):
			self.assertEqual(health.full()["status"], "ok")
			for change in (self.fail_invariant, self.dead_letter, self.open_review, self.outage):
				with self.subTest(change.__name__):
					frappe.db.savepoint("well")
					change()
					self.assertEqual(health.full()["status"], "attention")
					frappe.db.rollback(save_point="well")
					health.checks.last.return_value.pop("violations", None)

	TROUBLE = (
		("Payment Webhook Log", "status", "Dead", "Processed"),
		("AI Invoice", "needs_review", 1, 0),
		(SETTINGS, "enabled", 1, 0),
	)

	def fail_invariant(self):
		health.checks.last.return_value.violations = {"Paid without service": ["INV-1"]}

	def dead_letter(self):
		log = frappe.new_doc("Payment Webhook Log")
		log.update({"name": unique("log"), "gateway": "payu", "event_id": unique("event"), "status": "Dead"})
		log.db_insert()

	def open_review(self):
		frappe.db.set_value("AI Invoice", self.invoice, "needs_review", 1)

	def outage(self):
		values = {"enabled": 1, "mode": "Simulator", "degraded_since": now_datetime()}
		frappe.db.set_value(SETTINGS, settings_name("payu"), values)
