"""Twenty callers at once, each with its own connection: nothing happens twice."""

import random

import frappe

from oropendola_payments.engine.checkout import cancel
from oropendola_payments.engine.checkout import initiate as checkout
from oropendola_payments.engine.inbound import status_query
from oropendola_payments.engine.jobs import payment_jobs
from oropendola_payments.engine.refunds import create
from oropendola_payments.engine.refunds import process as refunds
from oropendola_payments.engine.subscriptions import lifecycle, renewal
from oropendola_payments.exceptions import Refusal
from oropendola_payments.gateways.errors import GatewayError
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.factories import create_plan, create_user, payment_settings
from oropendola_payments.tests.support.journey import GATEWAYS, Journey
from oropendola_payments.tests.support.parallel import in_parallel
from oropendola_payments.tests.support.simulated import deliver, deliver_return
from oropendola_payments.tests.support.time_travel import clear_due_records, make_due, sweep_until_settled

CROWD = 20


class RaceCase(TestCase):
	def setUp(self):
		clear_due_records()
		settings = payment_settings(double_payment_policy="Refund")
		settings.__enter__()
		self.addCleanup(settings.__exit__, None, None, None)

	def assert_only_refusals(self, results: list):
		"""Callers that lose a race get a refusal and never an unexpected error."""
		bugs = [r for r in results if isinstance(r, Exception) and not isinstance(r, Refusal | GatewayError)]
		self.assertEqual(bugs, [])


class TestOnePayment(RaceCase):
	def race_for_one_payment(self, gateway: str):
		journey = Journey(gateway)
		attempt = journey.start()
		back = journey.customer_pays(attempt)
		messages = journey.take_webhooks()
		callers = [
			lambda: deliver_return(back),
			lambda: status_query.refresh(attempt),
			*(lambda m=m: deliver(m) for m in messages),
		]
		everybody = [callers[number % len(callers)] for number in range(CROWD)]
		random.shuffle(everybody)
		results = in_parallel(CROWD, lambda number: everybody[number]())
		self.assert_only_refusals(results)
		return journey

	def test_parallel_callbacks_webhooks_and_polls_create_one_capture_and_one_period(self):
		"""payu.md pitfall 8, razorpay.md pitfall 5: return, webhook and a redelivery while the first run is still working. R1, R28: twenty callers report one payment."""
		for gateway in GATEWAYS:
			with self.subTest(gateway):
				journey = self.race_for_one_payment(gateway)
				sweep_until_settled(journey)
				self.assertEqual([capture.disposition for capture in journey.captures()], ["Applied"])
				self.assertEqual(journey.events().count("subscription_served"), 1)
				subscription = frappe.get_doc("AI Subscription", journey.subscription)
				self.assertEqual(subscription.end_date, journey.doc().period_end)
				self.assertEqual(journey.problems(), [])

	def test_two_parallel_sweeps_process_each_record_once(self):
		for gateway in GATEWAYS:
			with self.subTest(gateway):
				clear_due_records()
				journey = Journey(gateway)
				journey.customer_pays(journey.start())
				journey.take_webhooks()
				make_due(journey.invoice)
				work = (
					payment_jobs.run_reconcile,
					payment_jobs.run_abandoned,
					payment_jobs.run_inbox,
					payment_jobs.run_refunds,
				)
				results = in_parallel(8, lambda number, work=work: work[number % 4]())
				self.assertEqual([r for r in results if isinstance(r, Exception)], [])
				sweep_until_settled(journey)
				self.assertEqual(journey.events().count("subscription_served"), 1)
				self.assertEqual(journey.problems(), [])


class TestClicks(RaceCase):
	def test_twenty_clicks_create_one_attempt_and_one_order(self):
		"""R15 for payments: the attempt is committed before the call, and the gateway is called once."""
		for gateway in GATEWAYS:
			with self.subTest(gateway):
				journey = Journey(gateway)
				orders = len(journey.sim.providers[gateway].ledger.orders)
				results = in_parallel(
					CROWD, lambda _n: checkout.initiate(journey.user, journey.invoice, journey.gateway)
				)
				self.assert_only_refusals(results)
				self.assertEqual(len(journey.attempts()), 1, results)
				opened = [answer["attempt"] for answer in results if isinstance(answer, dict)]
				self.assertEqual(set(opened), set(journey.attempts()))
				made = len(journey.sim.providers[gateway].ledger.orders) - orders
				self.assertEqual(
					made, 0 if gateway == "payu" else 1, "PayU hears of an order when the form is posted"
				)

	def test_parallel_requests_with_one_idempotency_key_create_one_attempt(self):
		first = Journey("payu")
		second = Journey("payu", user=first.user)
		invoices = (first.invoice, second.invoice)

		def click(number: int):
			return checkout.initiate(first.user, invoices[number % 2], "payu", idempotency_key=first.invoice)

		self.assert_only_refusals(in_parallel(CROWD, click))
		self.assertEqual(len(first.attempts()) + len(second.attempts()), 1)

	def test_twenty_parallel_retries_count_as_one(self):
		journey = Journey("payu")
		journey.deliver_return(journey.customer_pays(journey.start(), "failure"))
		self.assertEqual(journey.status(), "Failed")
		self.assert_only_refusals(
			in_parallel(CROWD, lambda _n: checkout.retry(journey.user, journey.invoice, "payu"))
		)
		self.assertEqual((journey.doc().retry_count, len(journey.attempts())), (1, 2))

	def test_cancelling_during_a_payment_never_loses_the_payment(self):
		for gateway in GATEWAYS:
			with self.subTest(gateway):
				journey = Journey(gateway)
				attempt = journey.start()
				back = journey.customer_pays(attempt)
				callers = (lambda: deliver_return(back), lambda: cancel.cancel(journey.user, attempt))
				self.assert_only_refusals(in_parallel(8, lambda number: callers[number % 2]()))
				sweep_until_settled(journey)
				self.assertEqual(journey.status(), "Paid")
				self.assertEqual(journey.problems(), [])


class TestRefunds(RaceCase):
	def paid(self, gateway: str) -> Journey:
		journey = Journey(gateway)
		journey.deliver_return(journey.customer_pays(journey.start()))
		sweep_until_settled(journey)
		self.assertEqual(journey.status(), "Paid")
		return journey

	def test_twenty_refunds_never_exceed_the_payment(self):
		"""R15: the total is checked under a lock, however many managers click."""
		for gateway in GATEWAYS:
			with self.subTest(gateway):
				journey = self.paid(gateway)
				results = in_parallel(CROWD, lambda _n: create.create_refund(journey.invoice, 100, "A test"))
				self.assert_only_refusals(results)
				sweep_until_settled(journey)
				self.assertEqual(sum(refund.amount for refund in journey.refunds()), 400)
				self.assertEqual(journey.problems(), [])

	def test_parallel_requests_with_one_idempotency_key_create_one_refund(self):
		journey = self.paid("payu")
		results = in_parallel(
			CROWD, lambda _n: create.create_refund(journey.invoice, 100, "A test", journey.invoice)
		)
		self.assertEqual([r for r in results if isinstance(r, Exception)], [])
		self.assertEqual(
			{answer["refund"] for answer in results}, {refund.name for refund in journey.refunds()}
		)
		self.assertEqual(len(journey.refunds()), 1)

	def test_two_parallel_workers_send_a_refund_once(self):
		"""The refund is locked before it is sent."""
		journey = self.paid("payu")
		with payment_settings(double_payment_policy="Refund"):
			name = create.create_refund(journey.invoice, 100, "A test")["refund"]
		frappe.db.set_value("Payment Refund", name, "next_check_at", "2020-01-01")
		in_parallel(8, lambda _n: refunds.process(name))
		self.assertEqual(len([r for r in journey.sim.refunds("payu") if r.key == name]), 1)


class TestSubscribing(RaceCase):
	def test_twenty_clicks_create_one_subscription_and_one_invoice(self):
		"""R29: no second invoice for the same period."""
		user, plan = create_user(), create_plan()
		results = in_parallel(CROWD, lambda _n: lifecycle.subscribe(user, plan.name, None))
		self.assert_only_refusals(results)
		self.assertEqual(frappe.db.count("AI Subscription", {"user": user}), 1)
		self.assertEqual(frappe.db.count("AI Invoice", {"user": user}), 1)

	def test_twenty_parallel_renewals_create_one_invoice(self):
		journey = Journey("payu", user=create_user())
		journey.deliver_return(journey.customer_pays(journey.start()))
		results = in_parallel(CROWD, lambda _n: renewal.renew(journey.user))
		self.assert_only_refusals(results)
		self.assertEqual(frappe.db.count("AI Invoice", {"user": journey.user}), 2)

	def test_twenty_parallel_renewals_after_expiry_create_one_invoice(self):
		"""R29: a request sees the invoice that another one just created, although it had queried before."""
		journey = Journey("payu", user=create_user())
		journey.deliver_return(journey.customer_pays(journey.start()))
		frappe.get_doc("AI Subscription", journey.subscription).expire()
		frappe.db.commit()
		plan = journey.doc().plan
		results = in_parallel(CROWD, lambda _n: lifecycle.subscribe(journey.user, plan, None))
		self.assert_only_refusals(results)
		self.assertEqual(frappe.db.count("AI Invoice", {"user": journey.user}), 2)
