"""Cancelling and pausing meet a change of plan: what was paid for the better plan counts, and no change outlives its subscription."""

from decimal import Decimal

import frappe

from oropendola_payments.ai_billing.periods import today
from oropendola_payments.api import subscription as api
from oropendola_payments.tests.support.customers import move_to, pay, violations
from oropendola_payments.tests.support.plan_changes import PlanChangeCase, shift


class TestEndingAfterAChange(PlanChangeCase):
	def end(self) -> dict:
		return self.succeed(api.cancel_subscription, at_period_end=0)

	def credit_of(self, invoice: str) -> Decimal:
		return frappe.get_doc("Payment Capture", {"invoice": invoice}).credit_left()

	def test_the_unused_days_have_the_value_of_the_new_plan_and_come_from_the_younger_payment_first(self):
		"""Both payments together hold 883.82; 15 of 30 days of the better plan are worth 499.50 + 89.91 tax."""
		self.make_plan("P", unused_on_cancel="Credit")
		self.start(days_left=15)
		change = self.upgrade("P")
		self.assertEqual(self.end()["given_back"][0]["amount"], Decimal("589.41"))
		self.assertEqual(self.credit_of(change["invoice_id"]), Decimal("295.00"))
		self.assertEqual(self.credit_of(self.invoice), Decimal("294.41"))
		self.assert_sound()

	def test_the_preview_shows_exactly_what_the_end_gives_back(self):
		"""Five of thirty days are left."""
		self.make_plan("P", unused_on_cancel="Credit")
		self.start(days_left=15)
		self.upgrade("P")
		shift(self.subscription, 10)
		preview = self.succeed(api.preview_cancellation)["now"][0]
		self.assertEqual((preview["days_left"], preview["unused_amount"]), (5, Decimal("196.47")))
		self.assertEqual(self.end()["given_back"][0]["amount"], Decimal("196.47"))

	def test_a_scheduled_downgrade_ends_with_the_subscription(self):
		self.start("P")
		change = self.change("S")
		self.assertEqual(self.status_of(change), "Scheduled")
		self.end()
		self.assertEqual(
			(self.status_of(change), self.doc().next_plan, self.doc().switch_on), ("Withdrawn", None, None)
		)
		self.assert_sound()

	def test_a_change_that_waits_for_its_payment_ends_too(self):
		self.start("S")
		change = self.change("P")
		self.end()
		self.assertEqual((self.status_of(change), self.invoice_of(change).status), ("Withdrawn", "Cancelled"))
		self.assert_sound()

	def test_a_paid_change_withdraws_a_scheduled_cancellation(self):
		self.start("S")
		change = self.change("P")
		self.succeed(api.cancel_subscription)
		self.assertEqual(self.invoice_of(change).status, "Pending", "the customer may still change the mind")
		pay(change["invoice_id"])
		self.assertEqual((self.code(), self.doc().cancel_at_period_end), ("P", 0))
		self.assert_sound()

	def test_a_scheduled_downgrade_waits_while_the_cancellation_stands_and_comes_back_with_undo(self):
		self.start("P")
		change = self.change("S")
		self.succeed(api.cancel_subscription)
		move_to(self.subscription, end_date=today(), switch_on=today())
		self.assertEqual(self.my_subscription()["status"], "Cancelled")
		self.assertEqual((self.status_of(change), self.code()), ("Withdrawn", "P"))


class TestPauseAndChange(PlanChangeCase):
	def test_a_waiting_change_refuses_the_pause_and_a_scheduled_one_moves_with_it(self):
		self.make_plan("P", allow_pause=1)
		self.start("P")
		waiting = self.change("M")
		self.refused("conflict", api.pause_subscription)
		self.succeed(api.withdraw_plan_change)
		self.assertEqual(self.status_of(waiting), "Withdrawn")
		self.change("S")
		before = self.doc()
		self.succeed(api.pause_subscription, days=10)
		row = self.doc()
		shift(self.subscription, 10)
		move_to(
			self.subscription,
			paused_on=row.paused_on - (before.end_date - self.doc().end_date),
			pause_until=row.pause_until - (before.end_date - self.doc().end_date),
		)
		self.succeed(api.resume_subscription)
		self.assertEqual((self.doc().end_date, self.doc().switch_on), (before.end_date, before.switch_on))
		self.assertEqual(violations(self.user, "paused_without_dates", "plan_not_switched"), {})
