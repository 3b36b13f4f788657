"""Failed tries: three retries for an invoice, a limit by the hour for a customer, and a way on after both."""

import frappe

from oropendola_payments.api import admin
from oropendola_payments.api import subscription as api
from oropendola_payments.api import subscription_renewal as renewal
from oropendola_payments.api.form_actions import invoice_actions
from oropendola_payments.engine.gateway.causes import cause_of
from oropendola_payments.engine.gateway.registry import adapter_of
from oropendola_payments.engine.monitoring import audit
from oropendola_payments.engine.settlement.settle import settle
from oropendola_payments.gateways.base import FailureClass
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.customers import pay
from oropendola_payments.tests.support.factories import as_user, create_user, payment_settings
from oropendola_payments.tests.support.gateway_events import failed
from oropendola_payments.tests.support.journey import Journey
from oropendola_payments.tests.support.time_travel import forget_failures

TRIES = 4  # the first one and three retries


class RetryCase(TestCase):
	def setUp(self):
		self.journey = Journey("payu", user=create_user())

	def fail(self, times: int = 1):
		for _time in range(times):
			attempt = self.journey.initiate()["attempt"]
			settle("payu", failed(attempt))

	def as_customer(self, endpoint, **arguments) -> dict:
		with as_user(self.journey.user):
			return endpoint(**arguments)

	def take(self, answer: dict) -> str:
		"""Go on with the invoice of this answer."""
		self.assertTrue(answer["success"], answer)
		self.journey.invoice = answer["invoice_id"]
		return answer["invoice_id"]

	def subscribe_again(self) -> str:
		plan = frappe.db.get_value("AI Invoice", self.journey.invoice, "plan")
		return self.take(self.as_customer(api.create_subscription_and_invoice, plan_id=plan))


class TestExhaustedInvoices(RetryCase):
	def test_renewing_replaces_an_invoice_without_retries(self):
		"""R30."""
		self.fail(TRIES)
		exhausted = self.journey.invoice
		self.assertNotEqual(self.take(self.as_customer(renewal.renew_subscription)), exhausted)
		self.assertEqual(frappe.db.get_value("AI Invoice", exhausted, "status"), "Cancelled")
		forget_failures(self.journey.user)
		self.assertTrue(self.journey.initiate()["success"])
		pay(self.journey.invoice)
		self.assertEqual(self.journey.status(), "Paid")

	def test_subscribing_again_replaces_an_invoice_without_retries(self):
		self.fail(TRIES)
		exhausted = self.journey.invoice
		self.assertNotEqual(self.subscribe_again(), exhausted)
		self.assertEqual(frappe.db.get_value("AI Invoice", exhausted, "status"), "Cancelled")

	def test_an_invoice_with_retries_left_is_not_replaced(self):
		self.fail(TRIES - 1)
		self.assertEqual(self.take(self.as_customer(renewal.renew_subscription)), self.subscribe_again())

	def test_money_that_arrives_for_a_replaced_invoice_falls_under_the_policy(self):
		self.fail(TRIES - 1)
		attempt = self.journey.start()
		back = self.journey.customer_pays(attempt)
		settle("payu", failed(attempt))
		exhausted = self.journey.invoice
		self.take(self.as_customer(renewal.renew_subscription))
		with payment_settings(double_payment_policy="Credit"):
			self.journey.deliver_return(back)
		self.assertEqual(
			frappe.db.get_value("Payment Capture", {"invoice": exhausted}, "resolution"), "Credit"
		)
		self.assertEqual(self.journey.status(), "Pending")


class TestTriesPerHour(RetryCase):
	def test_cancelling_and_subscribing_does_not_bring_new_tries(self):
		"""R30."""
		self.fail(TRIES)
		self.assertTrue(self.as_customer(api.cancel_subscription, at_period_end=0)["success"])
		self.subscribe_again()
		with payment_settings(failed_tries_per_hour=5):
			self.fail()
			answer = self.journey.initiate()
		self.assertEqual(answer["error_code"], "too_many_requests", answer)
		self.assertRegex(answer["error"], "failed 5 times .* in (59|60) minutes")

	def test_after_the_hour_the_customer_can_try_again(self):
		with payment_settings(failed_tries_per_hour=2):
			self.fail(2)
			self.assertEqual(self.journey.initiate()["error_code"], "too_many_requests")
			self.assertEqual(self.journey.doc().retry_count, 1, "a refused try is not counted")
			forget_failures(self.journey.user)
			self.assertTrue(self.journey.initiate()["success"])

	def test_a_gateway_that_refuses_our_keys_or_cannot_be_reached_uses_up_no_tries(self):
		journey = Journey("cashflows", user=create_user())
		with payment_settings(failed_tries_per_hour=1):
			for status, code in ((429, "gateway_unreachable"), (401, "gateway_credentials_refused")):
				journey.sim.faults.add("cashflows", "create", "error_500_before", status=status)
				self.assertEqual(journey.initiate()["error_code"], code)
				attempt = frappe.get_doc("Payment Attempt", journey.attempts()[-1])
				self.assertEqual((attempt.status, cause_of(attempt)), ("Failed", FailureClass.OURS))
			adapter_of("cashflows").client.end_suspension()
			self.assertTrue(journey.initiate()["success"])

	def test_an_open_payment_can_be_continued(self):
		with payment_settings(failed_tries_per_hour=0):
			self.fail(2)
			attempt = self.journey.start()
		with payment_settings(failed_tries_per_hour=2):
			self.assertEqual(self.journey.initiate()["attempt"], attempt)

	def test_other_customers_are_not_limited(self):
		with payment_settings(failed_tries_per_hour=1):
			self.fail()
			self.assertTrue(Journey("payu", user=create_user()).initiate()["success"])

	def test_the_limit_is_five_unless_the_settings_say_otherwise(self):
		self.assertEqual(frappe.get_meta("Payment Settings").get_field("failed_tries_per_hour").default, "5")


class TestAllowingARetry(RetryCase):
	def setUp(self):
		super().setUp()
		self.manager = create_user("Payments Manager")

	def allow(self, reason: str = "The bank confirmed the limit was raised.") -> dict:
		with as_user(self.manager):
			return admin.allow_retry(invoice_id=self.journey.invoice, reason=reason)

	def offered(self) -> bool:
		with as_user(self.manager):
			return bool(invoice_actions(self.journey.doc()).get("allow_retry"))

	def test_a_manager_can_allow_one_more_try(self):
		with payment_settings(failed_tries_per_hour=TRIES):
			self.fail(TRIES)
			self.assertTrue(self.offered())
			self.assertEqual(self.allow()["retries_remaining"], 1)
			self.assertFalse(self.offered())
			self.fail()
			self.assertEqual(self.journey.initiate()["error_code"], "conflict")
			self.assertTrue(self.offered())
		self.assertEqual(self.journey.doc().retry_count, TRIES)

	def test_the_reason_is_kept_in_the_audit_trail(self):
		self.fail(TRIES)
		self.allow("A mistake of the bank.")
		filters = {"invoice": self.journey.invoice, "event": "retry_allowed"}
		event = frappe.get_last_doc("Payment Event", filters)
		self.assertEqual((event.note, event.actor), ("A mistake of the bank.", self.manager))
		self.assertIsNone(audit.verify(self.journey.invoice)["broken"])

	def test_an_invoice_that_can_be_paid_needs_no_permission(self):
		self.fail()
		self.assertFalse(self.offered())
		self.assertEqual(self.allow()["error_code"], "conflict")

	def test_a_reason_is_required(self):
		self.fail(TRIES)
		self.assertEqual(self.allow("")["error_code"], "bad_request")

	def test_a_customer_cannot_allow_a_retry(self):
		self.fail(TRIES)
		answer = self.as_customer(admin.allow_retry, invoice_id=self.journey.invoice, reason="Please")
		self.assertEqual(answer["error_code"], "not_allowed")
