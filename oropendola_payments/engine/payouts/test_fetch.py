"""Fetching from APIs: what a crash or an outage leaves behind, and what it must not break."""

from datetime import timedelta

import frappe
from frappe.utils import now_datetime

from oropendola_payments.engine.gateway.registry import settings_of
from oropendola_payments.engine.monitoring import alert_rules
from oropendola_payments.engine.payouts import fetch
from oropendola_payments.exceptions import Conflict
from oropendola_payments.gateways.errors import CredentialsRefused, GatewayError
from oropendola_payments.tests.support import payouts as support
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.crashes import count_crash_points, crashing
from oropendola_payments.tests.support.simulated import simulator

GATEWAY = "razorpay"


class TestFetch(TestCase):
	def setUp(self):
		support.start_afresh(GATEWAY)
		self.addCleanup(support.start_afresh, GATEWAY)
		self.addCleanup(simulator().configure, GATEWAY, key_secret="SimulatorRazorpayKeySecret")

	def stored(self, field: str):
		return frappe.db.get_value("Payment Gateway Settings", {"gateway": GATEWAY}, field)

	def test_a_failure_is_noted_alerted_and_does_not_take_the_gateway_out_of_service(self):
		"""B15: an account whose keys may not read reports still takes payments."""
		simulator().configure(GATEWAY, key_secret="another")
		with self.assertRaises(CredentialsRefused):
			fetch.fetch(GATEWAY)
		self.assertIn("Key Id", self.stored("payout_error"))
		self.assertFalse(self.stored("degraded_since") or self.stored("keys_refused"))
		self.assertEqual(settings_of(GATEWAY).get_status(), "Simulator")
		kinds = [f.kind for f in alert_rules.payouts() if f.subject == settings_of(GATEWAY).label]
		self.assertEqual(kinds, ["Payouts Not Fetched"])
		simulator().configure(GATEWAY, key_secret="SimulatorRazorpayKeySecret")
		fetch.fetch(GATEWAY)
		self.assertIsNone(self.stored("payout_error"))

	def test_a_gateway_that_fails_stops_no_other(self):
		support.start_afresh("stripe")
		self.addCleanup(support.start_afresh, "stripe")
		simulator().faults.add(GATEWAY, "settlements", "error_500_before")
		support.paid("stripe")
		simulator().settle("stripe")
		self.assertEqual(fetch.fetch_all().get("stripe"), {"new": 1})
		self.assertEqual(frappe.db.count("Payment Payout", {"gateway": GATEWAY}), 0)

	def test_an_outage_in_the_middle_records_nothing_and_the_next_fetch_everything(self):
		support.paid(GATEWAY)
		simulator().settle(GATEWAY)
		simulator().faults.add(GATEWAY, "recon", "error_500_before")
		with self.assertRaises(GatewayError):
			fetch.fetch(GATEWAY)
		self.assertEqual(support.payouts(GATEWAY), [])
		self.assertEqual(fetch.fetch(GATEWAY), {"new": 1})

	def test_later_fetches_look_back_some_days_only(self):
		fetch.fetch(GATEWAY)
		first = self.stored("payouts_fetched_until")
		self.assertLess(now_datetime() - first, timedelta(minutes=1))
		support.set_payouts(GATEWAY, payouts_fetched_until=now_datetime() - timedelta(days=20))
		fetch.fetch(GATEWAY)
		self.assertGreaterEqual(self.stored("payouts_fetched_until"), first)

	def test_a_gateway_without_an_api_is_refused_with_what_to_do(self):
		with self.assertRaisesRegex(Conflict, "as a file"):
			fetch.fetch("phonepe")

	def test_after_a_crash_anywhere_the_next_fetch_records_the_payout_once(self):
		"""B10."""
		support.paid(GATEWAY)
		simulator().settle(GATEWAY)
		recent = {"payouts_fetched_until": now_datetime()}
		support.set_payouts(GATEWAY, **recent)
		points = count_crash_points(lambda: fetch.fetch(GATEWAY))
		for point in range(1, points + 1, 5):
			for doctype in ("Payment Payout Difference", "Payment Payout Line", "Payment Payout"):
				frappe.db.delete(doctype, {"gateway": GATEWAY})
			support.set_payouts(GATEWAY, **recent)
			with crashing(point):
				fetch.fetch(GATEWAY)
			fetch.fetch(GATEWAY)
			(payout,) = support.payouts(GATEWAY)
			self.assertEqual((payout.status, payout.line_count), ("Balanced", 3), point)
			self.assertTrue(payout.checked_on, point)
			self.assertEqual(support.differences(GATEWAY), [], point)
