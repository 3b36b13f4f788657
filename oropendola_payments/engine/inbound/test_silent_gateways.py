"""A gateway that takes connections and never answers keeps neither the payments nor the refunds nor the messages of the others waiting."""

import socket
from functools import partial
from unittest.mock import patch

import frappe
from frappe.utils import get_datetime, now_datetime

from oropendola_payments.engine.gateway import lost_time, registry
from oropendola_payments.engine.inbound import inbox, status_query
from oropendola_payments.engine.jobs import payment_jobs
from oropendola_payments.engine.refunds import gateway_calls
from oropendola_payments.gateways.base import Callback, Notice, Outcome, PaymentEvent
from oropendola_payments.gateways.errors import CredentialsRefused
from oropendola_payments.gateways.http import HttpClient
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.factories import enable_gateway, unique
from oropendola_payments.tests.support.journey import Journey
from oropendola_payments.tests.support.paid import paid_journey, status_of
from oropendola_payments.tests.support.time_travel import clear_due_records, make_due

SECONDS = 0.2


class SilentCase(TestCase):
	def be_silent(self):
		"""PayU's address takes connections and answers none. It costs three time-outs at most."""
		server = socket.create_server(("127.0.0.1", 0), backlog=50)
		self.addCleanup(server.close)
		enable_gateway("payu", api_base_url=f"http://127.0.0.1:{server.getsockname()[1]}")
		self.addCleanup(enable_gateway, "payu")
		impatient = partial(HttpClient, timeout=(5, SECONDS))
		self.enterContext(patch.object(registry, "HttpClient", impatient))
		self.enterContext(patch.object(lost_time, "MAX_LOST_SECONDS", 2.5 * SECONDS))

	def gateways_asked(self, room, function: str, run) -> list[str]:
		"""Run a sweep while every gateway refuses our keys. Return which ones it asked."""
		enable_gateway("payu")
		with patch.object(room, function, side_effect=CredentialsRefused("No.")) as query:
			run()
		return sorted(call.args[0].gateway for call in query.call_args_list)

	def was_tried(self, row) -> bool:
		return get_datetime(row.next_check_at) > now_datetime()


class TestSilentGateways(SilentCase):
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

	def columns(self, *fields: str) -> list:
		return frappe.get_all("Payment Attempt", {"name": ("in", self.attempts)}, [*fields])

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


class TestRefundsOfSilentGateways(SilentCase):
	def setUp(self):
		clear_due_records()
		silent, other = [paid_journey("payu") for _number in range(6)], paid_journey("razorpay")
		self.refunds = [journey.refund(300)["refund"] for journey in silent]
		other.sim.faults.add("razorpay", "refund", "timeout_before")
		self.other = other.refund(300)["refund"]
		self.assertEqual(status_of(self.other), "Unknown")
		for journey in (*silent, other):
			make_due(journey.invoice)
		self.be_silent()

	def tried(self) -> int:
		fields = ["next_check_at"]
		rows = frappe.get_all("Payment Refund", {"name": ("in", self.refunds)}, fields)
		return sum(map(self.was_tried, rows))

	def test_the_sweep_of_refunds_goes_on_to_the_next_gateway(self):
		"""R34."""
		payment_jobs.run_refunds()
		self.assertIn(self.tried(), (1, 2, 3))
		self.assertNotEqual(status_of(self.other), "Unknown")

	def test_the_next_run_tries_the_refunds_that_were_left_out(self):
		for _run in range(6):
			payment_jobs.run_refunds()
		self.assertEqual(self.tried(), 6)

	def test_a_gateway_that_refused_the_keys_is_asked_once(self):
		asked = self.gateways_asked(gateway_calls, "refund_status", payment_jobs.run_refunds)
		self.assertEqual(asked, ["payu", "razorpay"])


class TestMessagesOfSilentGateways(SilentCase):
	def setUp(self):
		clear_due_records()
		self.silent = [Journey("payu") for _number in range(6)]
		self.messages = [self.store("payu", journey.start()) for journey in self.silent]
		self.other = Journey("razorpay")
		attempt = self.other.start()
		self.other.customer_pays(attempt)
		self.other.take_webhooks()
		self.store("razorpay", attempt)
		self.be_silent()

	def store(self, gateway: str, attempt: str, **notice) -> str:
		"""A message about a payment that was not processed yet. Unless it is verified, the gateway is asked."""
		callback = Callback("webhook", "POST", {}, {}, attempt.encode())
		name = inbox.store(gateway, callback, Notice(reference=attempt, **notice))
		make_due("")
		return name

	def tries(self) -> list[int]:
		return frappe.get_all("Payment Webhook Log", {"name": ("in", self.messages)}, pluck="attempts")

	def test_the_sweep_of_messages_goes_on_to_the_next_gateway(self):
		"""R34."""
		payment_jobs.run_inbox()
		self.assertIn(sum(self.tries()), (1, 2, 3))
		self.assertEqual(self.other.status(), "Paid")

	def test_the_next_run_tries_the_messages_that_were_left_out(self):
		for _run in range(6):
			payment_jobs.run_inbox()
		self.assertEqual(self.tries(), [1] * 6)

	def test_messages_that_say_that_money_is_in_transit_wait_too_because_the_gateway_is_asked(self):
		frappe.db.delete("Payment Webhook Log", {"name": ("in", self.messages)})
		self.messages = []
		for journey in self.silent:
			event = PaymentEvent(Outcome.PENDING, reference=journey.attempts()[0], in_transit=True)
			verified = {"events": (event,), "verified": True, "event_key": unique("key")}
			self.messages.append(self.store("payu", event.reference, **verified))
		payment_jobs.run_inbox()
		self.assertIn(sum(self.tries()), (1, 2, 3))

	def test_a_message_for_which_nobody_is_asked_is_not_left_out(self):
		event = PaymentEvent(Outcome.FAILED, reference=self.silent[0].attempts()[0], reason="Declined")
		verified = {"events": (event,), "verified": True}
		# Before and behind those that are tried, whatever their names.
		names = [
			self.store("payu", event.reference, event_key=unique("key"), **verified) for _number in range(20)
		]
		payment_jobs.run_inbox()
		states = frappe.get_all("Payment Webhook Log", {"name": ("in", names)}, pluck="status")
		self.assertEqual(set(states), {"Processed"})

	def test_keys_that_were_refused_are_tried_once(self):
		asked = self.gateways_asked(status_query, "query_status", payment_jobs.run_inbox)
		self.assertEqual(asked, ["payu", "razorpay"])
