from decimal import Decimal

import frappe

from oropendola_payments.api import payment
from oropendola_payments.engine.inbound import status_query
from oropendola_payments.engine.notifications import hooks as notification_hooks
from oropendola_payments.engine.settlement.settle import settle, should_capture
from oropendola_payments.exceptions import Conflict, NotFound
from oropendola_payments.gateways.base import Outcome, PaymentEvent
from oropendola_payments.tests.support.another_app import another_app
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.checks import broken_audit_trail, violated_invariants
from oropendola_payments.tests.support.factories import as_user, create_user, enable_gateway, payment_settings
from oropendola_payments.tests.support.gateway_events import failed, paid, payment_id
from oropendola_payments.tests.support.journey import Journey


class SettlementCase(TestCase):
	def setUp(self):
		self.journey = Journey("payu")
		self.attempt = self.journey.start()

	def tearDown(self):
		frappe.db.rollback()
		self.assertEqual(violated_invariants(self.journey) + broken_audit_trail(self.journey), [])

	def attempt_status(self) -> str:
		return frappe.db.get_value("Payment Attempt", self.attempt, "status")

	def dispositions(self) -> list[str]:
		return [capture.disposition for capture in self.journey.captures()]


class TestMatchingPayments(SettlementCase):
	def test_the_full_amount_pays_the_invoice_and_starts_the_service(self):
		settled = settle("payu", paid(self.attempt))
		self.assertEqual((settled.changed, settled.disposition), (True, "Applied"))
		self.assertEqual((self.journey.status(), self.attempt_status()), ("Paid", "Paid"))
		self.assertEqual(self.journey.subscription_status(), "Active")
		self.assertTrue(self.journey.doc().fulfilled_on)

	def test_the_same_event_again_changes_nothing_and_is_no_error(self):
		"""R11, R28: callback, webhook and poll report the same payment."""
		fact = paid(self.attempt)
		settle("payu", fact)
		before = self.journey.doc().as_dict()
		for _time in range(3):
			self.assertFalse(settle("payu", fact).changed)
		self.assertEqual(self.journey.doc().as_dict(), before)
		self.assertEqual(self.journey.events().count("subscription_served"), 1)

	def test_a_guest_request_starts_the_service(self):
		"""R2: the request that reports the payment comes in as Guest."""
		frappe.set_user("Guest")
		try:
			settle("payu", paid(self.attempt))
		finally:
			frappe.set_user("Administrator")
		self.assertEqual(self.journey.subscription_status(), "Active")

	def test_amounts_that_floats_cannot_hold_are_exact(self):
		"""R17: int(8.35 * 100) is 834."""
		journey = Journey("payu", price=8.35)
		attempt = journey.start()
		settle("payu", paid(attempt, "8.35"))
		self.assertEqual(journey.status(), "Paid")
		self.assertEqual([capture.disposition for capture in journey.captures()], ["Applied"])

	def test_a_failing_hook_does_not_undo_the_payment(self):
		"""R27: hooks and mails run in their own transactions, after the commit."""
		settled = settle("payu", paid(self.attempt))
		with another_app(payment_succeeded=["oropendola_payments.engine.there_is_no_such_module"]):
			notification_hooks.payment_succeeded(settled.capture)
		self.assertEqual(self.journey.status(), "Paid")
		self.assertTrue(frappe.db.exists("Payment Capture", settled.capture))


class TestMismatches(SettlementCase):
	def test_a_difference_of_one_minor_unit_counts(self):
		"""R8: one paisa less starts no service, one paisa more is an overpayment."""
		for amount, disposition, status in (("498.99", "Short", "Pending"), ("499.01", "Overpaid", "Active")):
			with self.subTest(amount):
				journey = Journey("payu")
				settle("payu", paid(journey.start(), amount))
				self.assertEqual([c.disposition for c in journey.captures()], [disposition])
				self.assertEqual(journey.subscription_status(), status)

	def test_an_underpayment_is_kept_and_starts_no_service(self):
		"""R8, S2: one rupee does not settle an invoice."""
		settle("payu", paid(self.attempt, 1))
		invoice = self.journey.doc()
		self.assertEqual(
			(invoice.status, invoice.paid(), invoice.outstanding()), ("Partly Paid", Decimal(1), Decimal(498))
		)
		self.assertTrue(invoice.needs_review)
		self.assertEqual(self.dispositions(), ["Short"])
		self.assertEqual(self.journey.subscription_status(), "Pending")

	def test_the_rest_of_an_underpayment_can_be_paid_and_starts_the_service(self):
		settle("payu", paid(self.attempt, 100))
		second = self.journey.start()
		self.assertEqual(frappe.db.get_value("Payment Attempt", second, "amount"), 399)
		settle("payu", paid(second, 399))
		self.assertEqual((self.journey.status(), self.journey.subscription_status()), ("Paid", "Active"))

	def test_a_failed_second_attempt_keeps_the_first_partial_payment(self):
		settle("payu", paid(self.attempt, 100))
		second = self.journey.start()
		settle("payu", failed(second))
		self.assertEqual((self.journey.status(), self.journey.doc().paid()), ("Partly Paid", Decimal(100)))

	def test_cancelling_a_second_attempt_keeps_the_first_partial_payment(self):
		settle("payu", paid(self.attempt, 100))
		self.journey.cancel(self.journey.start())
		self.assertEqual((self.journey.status(), self.journey.doc().paid()), ("Partly Paid", Decimal(100)))

	def test_an_overpayment_pays_and_its_surplus_follows_the_policy(self):
		with payment_settings(double_payment_policy="Flag"):
			settle("payu", paid(self.attempt, 600))
		capture = self.journey.captures()[0]
		self.assertEqual(
			(capture.disposition, capture.surplus, capture.resolution), ("Overpaid", 101, "Flag")
		)
		self.assertEqual((self.journey.status(), self.journey.doc().needs_review), ("Paid", 1))

	def test_a_payment_in_another_currency_is_never_applied(self):
		"""R18, S2: 499 in another currency is not the invoice's amount."""
		settle("payu", paid(self.attempt, 499, "USD"))
		invoice = self.journey.doc()
		self.assertEqual((invoice.status, invoice.paid(), invoice.needs_review), ("Failed", Decimal(0), 1))
		self.assertEqual(self.dispositions(), ["Mismatch"])
		self.assertEqual(self.journey.subscription_status(), "Pending")
		self.assertTrue(invoice.can_retry(), "the customer may pay as was asked")

	def test_a_payment_of_another_gateway_order_is_not_applied(self):
		"""S2: its payment id belongs to another order."""
		frappe.db.set_value("Payment Attempt", self.attempt, "gateway_order_id", "order_ours")
		settle("payu", paid(self.attempt, order_id="order_another"))
		self.assertEqual((self.dispositions(), self.journey.subscription_status()), (["Mismatch"], "Pending"))

	def test_a_payment_of_zero_is_not_applied(self):
		settle("payu", paid(self.attempt, 0))
		self.assertEqual((self.dispositions(), self.journey.subscription_status()), (["Mismatch"], "Pending"))

	def test_an_event_without_payment_id_amount_or_currency_is_refused(self):
		for missing in ("payment_id", "amount", "currency"):
			with self.subTest(missing), self.assertRaises(Conflict):
				values = {
					"payment_id": payment_id(),
					"amount": Decimal(499),
					"currency": "INR",
					missing: None,
				}
				settle("payu", PaymentEvent(Outcome.PAID, reference=self.attempt, **values))
		self.assertEqual(self.journey.captures(), [])

	def test_a_payment_of_another_invoice_pays_only_that_invoice(self):
		"""S2, S12: a payment for another invoice is replayed."""
		other = Journey("payu")
		fact = paid(other.start())
		settle("payu", fact)
		settle("payu", paid(self.attempt, payment_id=fact.payment_id))
		self.assertEqual(
			(self.journey.status(), self.journey.subscription_status()), ("Processing", "Pending")
		)
		self.assertEqual(self.journey.captures(), [])
		self.assertIn("already belongs to invoice", self.journey.doc().review_reason)

	def test_an_event_of_another_gateway_does_not_settle_the_attempt(self):
		with self.assertRaises(NotFound):
			settle("razorpay", paid(self.attempt))
		self.assertEqual(self.journey.captures(), [])

	def test_a_payment_with_an_unknown_reference_is_not_found(self):
		"""S2: the reference was never issued."""
		with self.assertRaises(NotFound):
			settle("payu", paid("ZZZZZZZZZZZZZZZZZZZZ"))


class TestLatePayments(SettlementCase):
	def test_a_success_after_a_failure_is_settled(self):
		"""R5, R21: Failed is not final."""
		for outcome in (Outcome.FAILED, Outcome.EXPIRED, Outcome.CANCELLED, Outcome.NOT_FOUND):
			with self.subTest(outcome):
				journey = Journey("payu")
				attempt = journey.start()
				settle("payu", failed(attempt, outcome))
				self.assertIn(journey.status(), ("Failed", "Abandoned"))
				settle("payu", paid(attempt))
				self.assertEqual((journey.status(), journey.subscription_status()), ("Paid", "Active"))

	def test_a_failure_after_a_success_changes_nothing(self):
		"""S10: Paid never becomes Failed."""
		settle("payu", paid(self.attempt))
		for outcome in (
			Outcome.FAILED,
			Outcome.EXPIRED,
			Outcome.CANCELLED,
			Outcome.NOT_FOUND,
			Outcome.PENDING,
		):
			with self.subTest(outcome):
				self.assertFalse(settle("payu", failed(self.attempt, outcome)).changed)
				self.assertEqual((self.journey.status(), self.attempt_status()), ("Paid", "Paid"))

	def test_one_failed_attempt_does_not_fail_the_invoice_while_another_is_open(self):
		"""R19: each tab has its own attempt."""
		other = Journey("razorpay", user=self.journey.user)
		other.invoice = self.journey.invoice
		second = other.start()
		settle("payu", failed(self.attempt))
		self.assertEqual(self.journey.status(), "Processing")
		settle("razorpay", failed(second))
		self.assertEqual(self.journey.status(), "Failed")

	def test_a_decline_inside_an_open_order_keeps_the_order_open(self):
		settle("payu", failed(self.attempt, Outcome.PENDING))
		self.assertEqual((self.journey.status(), self.attempt_status()), ("Processing", "Processing"))
		self.assertEqual(
			frappe.db.get_value("Payment Attempt", self.attempt, "error_message"), "The bank said no."
		)

	def test_a_payment_of_a_cancelled_invoice_is_recorded_and_refunded(self):
		self.journey.cancel(self.attempt)
		frappe.get_doc("AI Invoice", self.journey.invoice).mark_as_cancelled()
		frappe.db.commit()
		settle("payu", paid(self.attempt))
		self.assertEqual((self.journey.status(), self.journey.subscription_status()), ("Paid", "Pending"))
		self.assertEqual([(r.amount, r.status) for r in self.journey.refunds()], [(499, "Created")])

	def test_a_payment_of_a_cancelled_subscription_is_refunded_without_service(self):
		frappe.get_doc("AI Subscription", self.journey.subscription).cancel()
		frappe.db.commit()
		settle("payu", paid(self.attempt))
		self.assertEqual((self.journey.status(), self.journey.subscription_status()), ("Paid", "Cancelled"))
		self.assertEqual([refund.amount for refund in self.journey.refunds()], [499])

	def test_all_partial_payments_are_refunded_when_the_subscription_is_cancelled(self):
		settle("payu", paid(self.attempt, 100))
		second = self.journey.start()
		frappe.get_doc("AI Subscription", self.journey.subscription).cancel()
		frappe.db.commit()
		settle("payu", paid(second, 399))
		self.assertEqual(sorted(refund.amount for refund in self.journey.refunds()), [100, 399])


class TestDoublePayments(SettlementCase):
	def test_a_second_capture_of_one_order_is_a_separate_record(self):
		"""R7, R16: the second payment neither disappears nor replaces the first."""
		first, second = paid(self.attempt), paid(self.attempt)
		settle("payu", first)
		settle("payu", second)
		self.assertEqual(self.dispositions(), ["Applied", "Duplicate"])
		ids = [capture.gateway_payment_id for capture in self.journey.captures()]
		self.assertEqual(ids, [first.payment_id, second.payment_id])
		self.assertEqual(self.journey.doc().transaction_id, first.payment_id)
		self.assertEqual(self.journey.events().count("subscription_served"), 1)

	def test_two_paid_attempts_start_the_service_once(self):
		other = Journey("razorpay", user=self.journey.user)
		other.invoice = self.journey.invoice
		second = other.start()
		settle("payu", paid(self.attempt))
		settle("razorpay", paid(second))
		self.assertEqual(self.dispositions(), ["Applied", "Duplicate"])
		self.assertEqual([(r.gateway, r.amount) for r in self.journey.refunds()], [("razorpay", 499)])


class TestAuthorizations(SettlementCase):
	"""R8 for authorizations: authorized is not captured."""

	def authorized(self) -> PaymentEvent:
		return PaymentEvent(
			Outcome.AUTHORIZED, reference=self.attempt, payment_id=payment_id(), currency="INR"
		)

	def test_an_authorization_pays_nothing(self):
		settle("payu", self.authorized())
		self.assertTrue(should_capture(frappe.get_doc("Payment Attempt", self.attempt)))
		self.assertEqual((self.attempt_status(), self.journey.status()), ("Authorized", "Processing"))
		self.assertEqual((self.journey.captures(), self.journey.subscription_status()), ([], "Pending"))

	def test_an_authorization_for_a_paid_invoice_is_not_captured(self):
		settle("payu", paid(self.attempt))
		settle("payu", self.authorized())
		self.assertFalse(should_capture(frappe.get_doc("Payment Attempt", self.attempt)))

	def test_an_authorization_is_not_captured_when_another_attempt_paid(self):
		enable_gateway("razorpay")
		with as_user(self.journey.user):
			answer = payment.initiate_payment(invoice_id=self.journey.invoice, gateway="razorpay")
		settle("razorpay", paid(answer["attempt"]))
		self.assertFalse(should_capture(frappe.get_doc("Payment Attempt", self.attempt)))

	def test_a_status_query_settles_what_the_gateway_answers(self):
		back = self.journey.customer_pays(self.attempt)
		self.assertIsNotNone(back)
		status_query.refresh(self.attempt)
		self.assertEqual(self.journey.status(), "Paid")


class TestOwnership(TestCase):
	def test_other_users_neither_see_nor_pay_the_invoice(self):
		"""S12, S13: invoices of others are not found."""
		journey = Journey("payu")
		attempt = journey.start()
		own, journey.user = journey.user, create_user()
		answers = [
			journey.initiate(),
			journey.retry(),
			journey.cancel(attempt),
			journey.poll(attempt),
			journey.poll(),
		]
		self.assertEqual([answer["error_code"] for answer in answers], ["not_found"] * 5)
		journey.user = own
		self.assertEqual(journey.status(), "Processing")
