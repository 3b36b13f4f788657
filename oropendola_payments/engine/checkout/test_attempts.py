"""Attempts: idempotency keys of clients, and retries within the limit."""

from datetime import timedelta

import frappe
from frappe.utils import now_datetime

from oropendola_payments.api import payment
from oropendola_payments.engine.settlement.settle import settle
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.factories import as_user, create_user, enable_gateway, payment_settings
from oropendola_payments.tests.support.gateway_events import failed
from oropendola_payments.tests.support.journey import GATEWAYS, Journey
from oropendola_payments.tests.support.time_travel import clear_due_records


class TestIdempotencyKeys(TestCase):
	def setUp(self):
		self.journey = Journey("payu")
		self.key = f"key-{self.journey.invoice}"

	def test_the_same_key_gives_the_same_answer(self):
		first, second = (self.journey.initiate(idempotency_key=self.key) for _time in range(2))
		self.assertEqual(first, second)

	def test_the_same_key_gives_the_same_attempt_even_after_it_ended(self):
		attempt = self.journey.initiate(idempotency_key=self.key)["attempt"]
		settle("payu", failed(attempt))
		again = self.journey.initiate(idempotency_key=self.key)
		self.assertEqual((again["attempt"], again["status"]), (attempt, "Failed"))
		self.assertEqual(self.journey.attempts(), [attempt])

	def test_the_same_key_with_another_gateway_is_a_conflict(self):
		self.journey.initiate(idempotency_key=self.key)
		enable_gateway("razorpay")
		with as_user(self.journey.user):
			other = payment.initiate_payment(
				invoice_id=self.journey.invoice, gateway="razorpay", idempotency_key=self.key
			)
		self.assertEqual(other["error_code"], "conflict")

	def test_a_key_that_returned_an_open_attempt_is_remembered(self):
		attempt = self.journey.start()
		self.assertEqual(self.journey.initiate(idempotency_key=self.key)["attempt"], attempt)
		settle("payu", failed(attempt))
		self.assertEqual(self.journey.initiate(idempotency_key=self.key)["attempt"], attempt)

	def test_two_customers_may_use_the_same_key(self):
		from oropendola_payments.tests.support.factories import create_user

		other = Journey("payu", user=create_user())
		mine, theirs = (j.initiate(idempotency_key=self.key)["attempt"] for j in (self.journey, other))
		self.assertNotEqual(mine, theirs)


class TestRetrying(TestCase):
	def fail(self, journey):
		settle("payu", failed(journey.attempts()[-1]))

	def test_the_retry_limit_holds_for_every_endpoint(self):
		"""R30: a failed payment can be tried again, within the limit."""
		for retry in (Journey.retry, Journey.initiate):
			with self.subTest(retry.__name__), payment_settings(max_retries=3):
				journey = Journey("payu")
				journey.start()
				for number in (1, 2, 3):
					self.fail(journey)
					self.assertEqual(journey.status(), "Failed")
					self.assertTrue(retry(journey)["success"])
					self.assertEqual(journey.doc().retry_count, number)
				self.fail(journey)
				for call_again in (Journey.retry, Journey.initiate):
					self.assertEqual(call_again(journey)["error_code"], "conflict")
				self.assertEqual(len(journey.attempts()), 4)

	def test_a_retry_with_an_unavailable_gateway_is_not_counted(self):
		journey = Journey("payu")
		journey.start()
		self.fail(journey)
		with as_user(journey.user):
			answer = payment.retry_payment(invoice_id=journey.invoice, gateway="nonsense")
		self.assertEqual((answer["error_code"], journey.status()), ("bad_request", "Failed"))
		self.assertEqual(journey.doc().retry_count, 0)
		self.assertTrue(journey.retry()["success"])

	def test_a_signed_return_is_processed_right_after_a_status_query_of_the_page(self):
		"""P11: the status is verified after every return, even when the page has just queried it."""
		journey = Journey("payu")
		attempt = journey.start()
		back = journey.customer_pays(attempt)
		just_now = now_datetime() - timedelta(seconds=4)
		frappe.db.set_value("Payment Attempt", attempt, "last_check_at", just_now)
		frappe.db.commit()
		journey.deliver_return(back)
		self.assertEqual(journey.status(), "Paid")

	def test_only_a_failed_or_abandoned_payment_is_retried(self):
		journey = Journey("payu")
		self.assertEqual(journey.retry()["error_code"], "conflict")
		journey.start()
		self.assertEqual(journey.retry()["error_code"], "conflict")

	def test_each_retry_is_an_attempt_with_a_reference_of_its_own(self):
		"""payu.md pitfall 9: a retry needs a new txnid, and all attempts stay linked to one invoice."""
		for gateway in GATEWAYS:
			with self.subTest(gateway):
				clear_due_records()
				journey = Journey(gateway)
				settle(gateway, failed(journey.start()))
				answer = journey.retry()
				self.assertTrue(answer["success"], answer)
				self.assertEqual(len(set(journey.attempts())), 2)

	def test_a_payment_that_succeeded_without_notice_is_found_before_a_retry(self):
		"""R5: the customer paid although we recorded Failed; the retry must not charge twice."""
		journey = Journey("payu")
		attempt = journey.start()
		journey.customer_pays(attempt)
		journey.take_webhooks()
		frappe.db.set_value("Payment Attempt", attempt, "last_check_at", None)
		answer = journey.retry()
		self.assertEqual((answer["success"], journey.status()), (False, "Paid"))


class TestMissingPhone(TestCase):
	def test_a_missing_phone_is_named_before_an_attempt_exists(self):
		for gateway in ("payu", "cashfree"):
			with self.subTest(gateway):
				journey = Journey(gateway, user=create_user())
				frappe.db.set_value("User", journey.user, {"mobile_no": None, "phone": None})
				frappe.db.commit()
				answers = [journey.initiate() for _click in range(7)]
				self.assertEqual({answer["error_code"] for answer in answers}, {"phone_missing"})
				self.assertEqual(list(answers[0]["missing"]), ["phone"])
				self.assertEqual(journey.attempts(), [])
				self.assertEqual(journey.status(), "Pending")
				self.assertTrue(journey.initiate(phone="+919876543210")["success"])
