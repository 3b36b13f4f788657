"""Cancelling a payment that is not finished."""

from frappe.utils import add_to_date, now_datetime

from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.factories import enable_gateway
from oropendola_payments.tests.support.journey import GATEWAYS, Journey
from oropendola_payments.tests.support.time_travel import sweep_until_settled


class TestCancelling(TestCase):
	def test_a_cancelled_attempt_returns_the_invoice_to_pending(self):
		for gateway in GATEWAYS:
			with self.subTest(gateway):
				journey = Journey(gateway)
				attempt = journey.start()
				self.assertEqual(journey.cancel(attempt)["status"], "Cancelled")
				self.assertEqual(journey.status(), "Pending")
				self.assertTrue(journey.initiate()["success"])
				self.assertEqual(journey.doc().retry_count, 0, "withdrawn before any money could move")

	def test_an_attempt_whose_creation_timed_out_can_be_cancelled(self):
		for gateway in GATEWAYS:
			if gateway == "payu":
				continue  # the browser opens it: there is no call that could be lost
			with self.subTest(gateway):
				journey = Journey(gateway)
				journey.sim.faults.add(gateway, "create", "timeout_after")
				self.assertFalse(journey.initiate()["success"])
				answer = journey.cancel(journey.attempts()[0])
				self.assertTrue(answer["success"], answer)
				self.assertEqual(answer["status"], "Cancelled")
				self.assertTrue(journey.initiate()["success"])

	def test_an_attempt_that_never_reached_its_gateway_is_cancelled_and_not_abandoned(self):
		"""An abandoned invoice costs the customer one of few retries."""
		for gateway in ("razorpay", "stripe", "paypal", "phonepe", "cashfree"):
			with self.subTest(gateway):
				journey = Journey(gateway)
				journey.sim.faults.add(gateway, "create", "timeout_before")
				self.assertFalse(journey.initiate()["success"])
				self.assertEqual(journey.cancel(journey.attempts()[0])["status"], "Cancelled")
				self.assertEqual(journey.status(), "Pending")

	def test_a_successful_payment_cannot_be_cancelled(self):
		for gateway in GATEWAYS:
			with self.subTest(gateway):
				journey = Journey(gateway)
				attempt = journey.start()
				journey.customer_pays(attempt)
				journey.take_webhooks()
				journey.cancel(attempt)
				sweep_until_settled(journey)
				self.assertEqual(journey.status(), "Paid")
				self.assertEqual(journey.problems(), [])

	def test_cancelling_twice_is_no_error(self):
		journey = Journey("payu")
		attempt = journey.start()
		self.assertEqual([journey.cancel(attempt)["status"] for _time in range(2)], ["Cancelled"] * 2)


class TestAnswersOfACancel(TestCase):
	"""Whatever a gateway answers to a cancel is an answer about the payment."""

	def test_an_order_that_was_paid_meanwhile_is_settled_and_not_cancelled(self):
		for gateway in ("cashfree", "cashflows", "stripe"):
			with self.subTest(gateway):
				journey = Journey(gateway)
				attempt = journey.start()
				journey.customer_pays(attempt)
				journey.take_webhooks()  # lost
				self.assertEqual(journey.cancel(attempt)["status"], "Paid")
				self.assertEqual(journey.status(), "Paid")
				self.assertEqual(journey.problems(), [])

	def test_an_order_that_is_still_closing_stays_open_until_the_gateway_says_otherwise(self):
		journey = Journey("cashfree")
		attempt = journey.start()
		journey.customer_pays(attempt, "pending")
		self.assertEqual(journey.cancel(attempt)["status"], "Processing")
		self.assertEqual(journey.status(), "Processing")
		journey.sim.finish("cashfree", attempt, "success")
		sweep_until_settled(journey)
		self.assertEqual(journey.status(), "Paid")

	def test_an_attempt_in_the_account_of_earlier_keys_stays_open(self):
		"""The account of today does not know it, and its page may still be paid in the other one."""
		for gateway in ("cashfree", "stripe"):
			with self.subTest(gateway):
				journey = Journey(gateway)
				journey.sim.faults.add(gateway, "create", "timeout_before")
				self.assertFalse(journey.initiate()["success"])
				(attempt,) = journey.attempts()
				settings = enable_gateway(gateway)
				settings.db_set("keys_changed_on", add_to_date(now_datetime(), minutes=1))
				self.assertEqual(journey.cancel(attempt)["status"], "Processing")
				enable_gateway(gateway)
				self.assertEqual(journey.cancel(attempt)["status"], "Cancelled")
