"""Holds that Razorpay gives back because nobody captured them: no payment, no refund, and the customer can pay again."""

import frappe

from oropendola_payments.engine.dunning import planning, sending
from oropendola_payments.engine.jobs import payment_jobs
from oropendola_payments.engine.link_checkout import outcome
from oropendola_payments.engine.notifications import hooks
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.factories import payment_settings
from oropendola_payments.tests.support.journey import Journey
from oropendola_payments.tests.support.outbox import mails_stay_queued, mails_to
from oropendola_payments.tests.support.pages import page
from oropendola_payments.tests.support.time_travel import clear_due_records, make_due, sweep

THREE_DAYS = 3 * 24 * 60


class ReturnedHoldsCase(TestCase):
	def setUp(self):
		clear_due_records()
		self.journey = Journey("razorpay")
		self.provider = self.journey.sim.provider("razorpay")
		self.attempt = self.journey.start()

	def hold(self) -> str:
		"""A payment of the order that is only authorized, and whose webhooks are lost."""
		ledger = self.provider.ledger
		payment_id = f"pay_Sim{ledger.next_number():013d}"
		order = ledger.find_order_by_reference(self.attempt)
		ledger.add_charge(order, payment_id, "authorized", method="upi")
		return payment_id

	def give_back(self, payment_id: str, deliver: bool = False):
		self.provider.return_hold(payment_id)
		return self.journey.deliver_all() if deliver else self.journey.take_webhooks()

	def attempt_state(self) -> tuple:
		return frappe.db.get_value("Payment Attempt", self.attempt, ("status", "error_code"))

	def assert_nothing_was_taken(self):
		self.assertEqual((self.journey.captures(), self.journey.refunds()), ([], []))
		self.assertEqual((self.journey.status(), self.journey.subscription_status()), ("Failed", "Pending"))
		self.assertEqual(self.attempt_state(), ("Failed", "hold_returned"))
		self.assertEqual(self.journey.problems(), [])


class TestUnpaidInvoices(ReturnedHoldsCase):
	def test_a_hold_that_was_given_back_unseen_pays_nothing(self):
		"""P20."""
		self.give_back(self.hold())
		make_due(self.journey.invoice, THREE_DAYS)
		payment_jobs.run_reconcile()
		self.assert_nothing_was_taken()

	def test_it_pays_nothing_either_when_the_list_of_refunds_cannot_be_read(self):
		self.give_back(self.hold())
		self.journey.sim.faults.add("razorpay", "list_refunds", "error_500_before", times=None)
		make_due(self.journey.invoice, THREE_DAYS)
		payment_jobs.run_reconcile()
		self.assert_nothing_was_taken()

	def test_a_hold_that_could_not_be_captured_ends_when_it_is_given_back(self):
		held = self.hold()
		self.journey.sim.faults.add("razorpay", "capture", "error_500_before", times=None)
		sweep(self.journey.invoice)
		self.assertEqual(self.attempt_state(), ("Authorized", None))
		self.give_back(held)
		make_due(self.journey.invoice, THREE_DAYS)
		payment_jobs.run_reconcile()
		self.assert_nothing_was_taken()

	def test_the_webhook_of_its_refund_ends_it_at_once(self):
		answers = self.give_back(self.hold(), deliver=True)
		self.assertEqual([answer["status"] for answer in answers], ["processed"] * 2)
		self.assert_nothing_was_taken()

	def test_the_customer_is_told_and_can_pay_again(self):
		self.enterContext(mails_stay_queued())
		self.give_back(self.hold(), deliver=True)
		hooks.payment_failed(self.attempt)
		told = (
			self.journey.poll()["failure_reason"],
			page(f"/payment-result?attempt={self.attempt}", self.journey.user).text,
			page(f"/checkout?invoice={self.journey.invoice}", self.journey.user).text,
			mails_to(self.journey.user)[-1].html,
		)
		for text in told:
			self.assertIn("is returning it to you", text)
			self.assertNotIn("not charged", text)
		self.journey.customer_pays(self.journey.start())
		self.journey.deliver_all()
		self.assertEqual((self.journey.status(), self.journey.problems()), ("Paid", []))

	def test_who_paid_without_a_login_is_told_too(self):
		"""The payer of a link, or the visitor of a frontend, was told that the payment is recorded as soon as it arrives."""
		self.give_back(self.hold(), deliver=True)
		frappe.db.set_value("Payment Attempt", self.attempt, "return_origin", "https://shop.example")
		frappe.db.commit()
		text = page(outcome.result_path(self.attempt), None).text
		self.assertIn("is returning it to you", text)
		self.assertNotIn("we will record it", text)

	def test_the_reminder_does_not_say_that_the_account_shows_no_payment(self):
		self.give_back(self.hold(), deliver=True)
		with mails_stay_queued(), payment_settings(quiet_from=0, quiet_to=0):
			planning.plan_all()
			sending.send_due()
		text = mails_to(self.journey.user)[-1].html
		self.assertIn("it is on its way back to you", text)
		self.assertNotIn("not charged", text)


class TestPaidInvoices(ReturnedHoldsCase):
	def setUp(self):
		super().setUp()
		self.journey.customer_pays(self.attempt)
		self.journey.deliver_all()

	def test_the_second_hold_of_a_paid_order_changes_nothing_under_any_policy(self):
		for policy in ("Refund", "Credit", "Flag"):
			with self.subTest(policy), payment_settings(double_payment_policy=policy):
				self.give_back(self.hold())
				make_due(self.journey.invoice, THREE_DAYS)
				sweep(self.journey.invoice)
				self.assert_paid_once()

	def test_its_webhooks_change_nothing_either(self):
		answers = self.give_back(self.hold(), deliver=True)
		self.assertEqual([answer["status"] for answer in answers], ["processed"] * 2)
		self.assert_paid_once()

	def test_a_refund_in_the_dashboard_is_still_recorded_beside_it(self):
		self.give_back(self.hold())
		self.journey.sim.refund_from_dashboard("razorpay", self.attempt)
		self.journey.take_webhooks()
		sweep(self.journey.invoice)
		self.assertEqual((self.journey.status(), self.journey.problems()), ("Refunded", []))

	def assert_paid_once(self):
		self.assertEqual([c.disposition for c in self.journey.captures()], ["Applied"])
		self.assertEqual((self.journey.refunds(), self.journey.doc().needs_review), ([], 0))
		self.assertEqual((self.journey.status(), self.journey.problems()), ("Paid", []))
