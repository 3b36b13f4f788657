"""A gateway that takes connections and never answers does not keep the payments of the others waiting."""

import socket
from functools import partial
from unittest.mock import patch

import frappe
from frappe.utils import get_datetime, now_datetime

from oropendola_payments.engine.gateway import registry
from oropendola_payments.engine.inbound import status_query
from oropendola_payments.engine.jobs import payment_jobs
from oropendola_payments.gateways.http import HttpClient
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.factories import enable_gateway
from oropendola_payments.tests.support.journey import Journey
from oropendola_payments.tests.support.time_travel import clear_due_records, make_due

SECONDS = 0.2


class TestSilentGateways(TestCase):
	def setUp(self):
		clear_due_records()
		self.silent = [Journey("payu") for _number in range(6)]
		self.attempts = [journey.start() for journey in self.silent]
		self.other = Journey("razorpay")
		self.other.customer_pays(self.other.start())
		self.other.take_webhooks()
		for journey in (*self.silent, self.other):
			make_due(journey.invoice)
		self.be_silent()

	def be_silent(self):
		"""PayU's address takes connections and answers none. It costs three time-outs at most."""
		server = socket.create_server(("127.0.0.1", 0), backlog=50)
		self.addCleanup(server.close)
		enable_gateway("payu", api_base_url=f"http://127.0.0.1:{server.getsockname()[1]}")
		self.addCleanup(enable_gateway, "payu")
		impatient = partial(HttpClient, timeout=(5, SECONDS))
		self.enterContext(patch.object(registry, "HttpClient", impatient))
		self.enterContext(patch.object(status_query, "MAX_LOST_SECONDS", 2.5 * SECONDS))

	def columns(self, *fields: str) -> list:
		return frappe.get_all("Payment Attempt", {"name": ("in", self.attempts)}, [*fields])

	def was_tried(self, row) -> bool:
		return get_datetime(row.next_check_at) > now_datetime()

	def test_the_status_checks_go_on_to_the_next_gateway(self):
		"""R34."""
		payment_jobs.run_reconcile()
		tried = [row for row in self.columns("next_check_at") if self.was_tried(row)]
		self.assertIn(len(tried), (1, 2, 3))
		self.assertEqual(self.other.status(), "Paid")

	def test_the_next_run_tries_the_payments_that_were_left_out(self):
		for _run in range(6):
			payment_jobs.run_reconcile()
		self.assertTrue(all(map(self.was_tried, self.columns("next_check_at"))))

	def test_looking_for_abandoned_payments_goes_on_to_the_next_gateway(self):
		payment_jobs.run_abandoned()
		self.assertEqual(self.other.status(), "Paid")
		self.assertEqual({journey.status() for journey in self.silent}, {"Processing"})
		calls = frappe.get_all(
			"Error Log", {"method": ("like", "The status of Payment Attempt%")}, pluck="method"
		)
		tried = [name for name in self.attempts if any(name in title for title in calls)]
		self.assertIn(len(tried), (1, 2, 3))
