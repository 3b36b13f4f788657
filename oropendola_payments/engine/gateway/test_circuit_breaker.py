import hmac
import json
import time
from unittest.mock import patch

import frappe

from oropendola_payments.ai_billing.doctype.payment_gateway_settings.payment_gateway_settings import (
	DEGRADED_SECONDS,
)
from oropendola_payments.engine.checkout import gateway_choice
from oropendola_payments.engine.gateway import circuit_breaker
from oropendola_payments.engine.gateway.call import call_gateway, forget_success
from oropendola_payments.engine.gateway.registry import SETTINGS, settings_of
from oropendola_payments.engine.inbound import status_query
from oropendola_payments.gateways.errors import Blocked, GatewayRefused, MaybeSent, NotSent
from oropendola_payments.simulator import Delivery
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.factories import backdate_trouble, enable_gateway, unique
from oropendola_payments.tests.support.journey import Journey
from oropendola_payments.tests.support.simulated import deliver


class TestBreaker(TestCase):
	def setUp(self):
		circuit_breaker.report_success("payu")
		self.addCleanup(circuit_breaker.report_success, "payu")

	def fail(self, times: int, error=NotSent):
		for _time in range(times):
			circuit_breaker.report_failure("payu", error("PayU cannot be reached."))

	def test_failures_below_the_threshold_leave_the_breaker_closed(self):
		self.fail(circuit_breaker.FAILURES_TO_OPEN - 1)
		self.assertFalse(circuit_breaker.is_degraded("payu"))

	def test_repeated_failures_in_a_short_time_open_the_breaker(self):
		self.fail(circuit_breaker.FAILURES_TO_OPEN, MaybeSent)
		self.assertTrue(circuit_breaker.is_degraded("payu"))

	def test_failures_far_apart_do_not_add_up(self):
		now = time.time()
		for number in range(circuit_breaker.FAILURES_TO_OPEN * 2):
			with patch.object(
				circuit_breaker.time,
				"time",
				lambda number=number: now + number * circuit_breaker.WINDOW_SECONDS,
			):
				self.fail(1)
		self.assertFalse(circuit_breaker.is_degraded("payu"))

	def test_a_refusal_does_not_count_as_a_failure(self):
		self.fail(circuit_breaker.FAILURES_TO_OPEN * 2, GatewayRefused)
		self.assertFalse(circuit_breaker.is_degraded("payu"))

	def test_a_success_is_committed_so_that_a_sweep_calls_no_gateway_with_a_row_locked(self):
		last = {"last_success_on": None}
		frappe.db.set_value(SETTINGS, settings_of("payu").name, last, update_modified=False)
		frappe.db.commit()
		forget_success("payu")
		self.assertEqual(call_gateway("payu", lambda: "an answer"), "an answer")
		frappe.db.rollback()
		self.assertTrue(frappe.db.get_value(SETTINGS, settings_of("payu").name, "last_success_on"))

	def test_one_success_closes_the_breaker(self):
		self.fail(circuit_breaker.FAILURES_TO_OPEN)
		circuit_breaker.report_success("payu")
		self.assertFalse(circuit_breaker.is_degraded("payu"))
		self.fail(1)
		self.assertFalse(circuit_breaker.is_degraded("payu"), "the count starts anew")

	def test_after_the_pause_the_next_call_decides(self):
		self.fail(circuit_breaker.FAILURES_TO_OPEN)
		backdate_trouble("payu", DEGRADED_SECONDS + 1)
		self.assertFalse(circuit_breaker.is_degraded("payu"))
		self.fail(1)
		self.assertTrue(circuit_breaker.is_degraded("payu"), "the trial failed: open again at once")

	def test_a_degraded_gateway_stays_usable_and_is_not_recommended(self):
		enable_gateway("payu", is_default=1)
		enable_gateway("razorpay")
		self.fail(circuit_breaker.FAILURES_TO_OPEN)
		listing = gateway_choice.available("INR")
		entry = next(e for e in listing["gateways"] if e["id"] == "payu")
		self.assertTrue(entry["available"] and entry["degraded"])
		self.assertNotEqual(listing["default"], "payu")
		self.assertEqual(settings_of("payu").get_status(), "Degraded")
		self.assertEqual(gateway_choice.choose("payu", "INR"), "payu")
		circuit_breaker.report_success("payu")
		self.assertEqual(gateway_choice.available("INR")["default"], "payu")
		enable_gateway("payu", is_default=0)

	def test_real_timeouts_open_the_breaker_and_a_real_answer_closes_it(self):
		"""R34."""
		journey = Journey("payu")
		attempt = journey.start()
		fault = journey.sim.faults.add("payu", "status", "timeout_before", None)
		for _time in range(circuit_breaker.FAILURES_TO_OPEN):
			with self.assertRaises(MaybeSent):
				status_query.refresh(attempt)
		self.assertTrue(circuit_breaker.is_degraded("payu"))
		journey.sim.faults._waiting.remove(fault)
		status_query.refresh(attempt)
		self.assertFalse(circuit_breaker.is_degraded("payu"))

	def test_a_downtime_notice_for_one_bank_does_not_degrade_razorpay(self):
		"""P7: they concern one method of many, so they are accepted and ignored."""
		journey = Journey("razorpay")
		secret = journey.sim.providers["razorpay"].config["webhook_secret"].encode()
		down = {"id": "down_1", "method": "netbanking", "status": "started", "instrument": {"bank": "HDFC"}}
		notice = {"entity": "event", "event": "payment.downtime.started", "contains": ["payment.downtime"]}
		body = json.dumps({**notice, "payload": {"payment.downtime": {"entity": down}}}).encode()
		headers = {"X-Razorpay-Signature": hmac.new(secret, body, "sha256").hexdigest()}
		answer = deliver(Delivery("razorpay", "", {**headers, "x-razorpay-event-id": unique("evt")}, body))
		self.assertEqual((answer["status"], circuit_breaker.is_degraded("razorpay")), ("ignored", False))

	def test_refused_credentials_open_the_breaker_at_once(self):
		"""R34: Cashflows locks an account after repeated refusals of its keys."""
		journey = Journey("payu")
		attempt = journey.start()
		journey.sim.configure("payu", key="Another")
		try:
			with self.assertRaises(GatewayRefused):
				status_query.refresh(attempt)
		finally:
			journey.sim.configure("payu", key="SimPyU")
		self.assertTrue(circuit_breaker.is_degraded("payu"))

	def test_a_firewall_that_blocks_us_counts_as_an_outage_and_not_as_refused_keys(self):
		self.fail(1, Blocked)
		self.assertFalse(circuit_breaker.is_degraded("payu"))
		self.fail(circuit_breaker.FAILURES_TO_OPEN, Blocked)
		self.assertEqual((circuit_breaker.is_degraded("payu"), settings_of("payu").keys_refused), (True, 0))

	def tearDown(self):
		frappe.db.rollback()
