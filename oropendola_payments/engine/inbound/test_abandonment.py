"""Payments that customers abandon (R6, R10, R23)."""

from unittest.mock import patch

import frappe
from frappe.utils import add_to_date, now_datetime

from oropendola_payments.engine.checkout import initiate as checkout
from oropendola_payments.engine.gateway.registry import settings_of
from oropendola_payments.engine.jobs import payment_jobs
from oropendola_payments.engine.settlement.settle import settle
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.factories import create_invoice, enable_gateway
from oropendola_payments.tests.support.gateway_events import failed
from oropendola_payments.tests.support.http import send
from oropendola_payments.tests.support.journey import GATEWAYS, Journey
from oropendola_payments.tests.support.simulated import open_pay_page, simulator
from oropendola_payments.tests.support.time_travel import clear_due_records, make_due


class TestAbandonmentJob(TestCase):
	def setUp(self):
		simulator()
		enable_gateway("payu")

	def left_invoice(self, pay: bool = False):
		"""An invoice whose customer was sent to the gateway an hour ago."""
		invoice = create_invoice()
		started = checkout.initiate(invoice.user, invoice.name, "payu")
		if pay:
			open_pay_page(started)
			simulator().pay("payu", started["attempt"])
		before = add_to_date(now_datetime(), minutes=-61)
		frappe.db.set_value("AI Invoice", invoice.name, "processing_since", before)
		frappe.db.set_value("Payment Attempt", started["attempt"], "initiated_at", before)
		frappe.db.commit()
		return invoice, started["attempt"]

	def statuses(self, invoice, attempt):
		return frappe.db.get_value("AI Invoice", invoice.name, "status"), frappe.db.get_value(
			"Payment Attempt", attempt, "status"
		)

	def test_a_payment_unknown_to_the_gateway_is_abandoned_and_queried_again(self):
		invoice, attempt = self.left_invoice()
		payment_jobs.run_abandoned()
		self.assertEqual(self.statuses(invoice, attempt), ("Abandoned", "Expired"))
		self.assertTrue(frappe.db.get_value("Payment Attempt", attempt, "next_check_at"))

	def test_a_payment_that_the_gateway_captured_is_settled_instead(self):
		"""R6: the gateway is queried before anything becomes Abandoned."""
		invoice, attempt = self.left_invoice(pay=True)
		payment_jobs.run_abandoned()
		self.assertEqual(self.statuses(invoice, attempt), ("Paid", "Paid"))

	def test_an_unreachable_gateway_leaves_the_payment_open(self):
		invoice, attempt = self.left_invoice()
		fault = simulator().faults.add("payu", "status", "error_500_before", times=None)
		try:
			payment_jobs.run_abandoned()
		finally:
			simulator().faults.clear()
		self.assertEqual(self.statuses(invoice, attempt), ("Processing", "Processing"), fault)

	def test_one_bad_record_does_not_stop_the_others(self):
		"""R10."""
		bad, bad_attempt = self.left_invoice()
		good, good_attempt = self.left_invoice()
		frappe.db.set_value("Payment Attempt", bad_attempt, "gateway", "no-such-gateway")
		frappe.db.commit()
		payment_jobs.run_abandoned()
		self.assertEqual(self.statuses(good, good_attempt), ("Abandoned", "Expired"))
		self.assertEqual(self.statuses(bad, bad_attempt), ("Processing", "Processing"))
		frappe.db.set_value("Payment Attempt", bad_attempt, "gateway", "payu")
		frappe.db.commit()

	def test_the_number_of_statements_grows_with_batches_and_not_with_invoices(self):
		payment_jobs.run_abandoned()  # records of other tests
		few = self.statements_for(2)
		many = self.statements_for(12)
		self.assertLessEqual(many, few, "ten more invoices needed more statements")

	def statements_for(self, invoices: int) -> int:
		for _number in range(invoices):
			self.left_invoice()
		count, sql = [0], frappe.db.sql

		def counted(*args, **kwargs):
			count[0] += 1
			return sql(*args, **kwargs)

		with patch.object(frappe.db, "sql", counted):
			payment_jobs.run_abandoned()
		return count[0]


class TestAbandoningAtEveryGateway(TestCase):
	def test_the_gateway_is_queried_before_a_payment_becomes_abandoned(self):
		"""R6: the customer paid and closed the tab, and no notice arrived."""
		for gateway in GATEWAYS:
			with self.subTest(gateway):
				clear_due_records()
				journey = Journey(gateway)
				journey.customer_pays(journey.start())
				journey.take_webhooks()
				make_due(journey.invoice)
				payment_jobs.run_abandoned()
				self.assertEqual(journey.status(), "Paid")
				self.assertEqual(journey.problems(), [])

	def test_nothing_is_abandoned_while_the_gateway_is_unreachable(self):
		"""R6: an outage does not mean unpaid."""
		for gateway in GATEWAYS:
			with self.subTest(gateway):
				clear_due_records()
				journey = Journey(gateway)
				journey.start()
				make_due(journey.invoice)
				fault = journey.sim.faults.add(gateway, "*", "error_500_before", None)
				try:
					payment_jobs.run_abandoned()
				finally:
					journey.sim.faults._waiting.remove(fault)
				self.assertEqual(journey.status(), "Processing")

	def test_a_closed_tab_is_abandoned_and_its_late_success_is_settled(self):
		"""R5, R21, R23: Abandoned is only displayed; the gateway is queried for days."""
		clear_due_records()
		journey = Journey("payu")
		attempt = journey.start()
		make_due(journey.invoice)
		payment_jobs.run_abandoned()
		self.assertEqual(journey.status(), "Abandoned")
		journey.customer_pays(attempt)
		journey.take_webhooks()
		make_due(journey.invoice, minutes=4 * 24 * 60)
		payment_jobs.run_reconcile()
		self.assertEqual((journey.status(), journey.subscription_status()), ("Paid", "Active"))

	def test_a_closed_attempt_is_queried_for_at_least_five_days(self):
		"""P19. R23: RBI's turnaround rules reverse unconfirmed money within T+5 days."""
		journey = Journey("payu")
		settle("payu", failed(journey.start()))
		days = []
		clear_due_records()
		frappe.db.set_value("Payment Attempt", journey.attempts()[0], "next_check_at", now_datetime())
		for day in range(8):
			make_due(journey.invoice, minutes=day * 24 * 60)
			payment_jobs.run_reconcile()
			if frappe.db.get_value("Payment Attempt", journey.attempts()[0], "next_check_at"):
				days.append(day)
		self.assertEqual(days, [0, 1, 2, 3, 4, 5])


class TestChangedKeys(TestCase):
	"""An operator enters the keys of another account while payments are open. That account does not know them."""

	def another_account(self, journey, minutes: int = 61):
		"""The customer went to pay this long ago; then the keys were changed."""
		before = add_to_date(now_datetime(), minutes=-minutes)
		frappe.db.set_value("AI Invoice", journey.invoice, "processing_since", before)
		frappe.db.set_value("Payment Attempt", journey.attempts()[0], "initiated_at", before)
		frappe.db.commit()
		settings = frappe.get_doc("Payment Gateway Settings", settings_of(journey.gateway).name)
		settings.update({"key_secret": "the-key-of-another-account"})
		settings.save()
		self.addCleanup(enable_gateway, journey.gateway, key_secret=None)
		frappe.db.commit()
		journey.sim.reset()

	def test_a_payment_in_the_earlier_account_is_not_called_unpaid(self):
		"""R6: its page can still be paid, so the customer must not be told to pay again."""
		for gateway in GATEWAYS:
			with self.subTest(gateway):
				journey = Journey(gateway)
				attempt = journey.start()
				self.another_account(journey)
				payment_jobs.run_abandoned()
				make_due(journey.invoice)
				payment_jobs.run_reconcile()
				self.assertEqual(
					(journey.status(), frappe.db.get_value("Payment Attempt", attempt, "status")),
					("Processing", "Processing"),
				)

	def test_nobody_is_sent_to_the_page_of_the_earlier_account_again(self):
		for gateway in GATEWAYS:
			with self.subTest(gateway):
				journey = Journey(gateway)
				attempt = journey.start(idempotency_key=journey.invoice)
				self.another_account(journey, minutes=1)
				page = send("GET", f"/pay?attempt={attempt}", journey.user, headers={"Accept": "text/html"})
				self.assertIn("The payment settings were changed", page.get_data(as_text=True))
				self.assertEqual(journey.initiate(idempotency_key=journey.invoice)["error_code"], "conflict")
				self.assertNotEqual(journey.initiate()["attempt"], attempt)
				self.assertEqual(frappe.db.get_value("Payment Attempt", attempt, "status"), "Processing")
