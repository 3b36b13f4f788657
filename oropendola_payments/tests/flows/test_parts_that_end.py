"""What happens to parts that are paid already: cancelling, refunds, closing, races and crashes."""

from decimal import Decimal

import frappe

from oropendola_payments.api import payment
from oropendola_payments.api import subscription as api
from oropendola_payments.engine.entitlements.paid_periods import paid_periods
from oropendola_payments.engine.refunds import create
from oropendola_payments.engine.settlement import settle, unfinished
from oropendola_payments.exceptions import Conflict, Unprocessable
from oropendola_payments.tests.support import checks
from oropendola_payments.tests.support.crashes import count_crash_points, crashing
from oropendola_payments.tests.support.factories import payment_settings
from oropendola_payments.tests.support.gateway_events import failed, paid
from oropendola_payments.tests.support.parallel import in_parallel
from oropendola_payments.tests.support.parts import PARTS, PartsFlowCase


class TestCancelling(PartsFlowCase):
	def setUp(self):
		super().setUp()
		self.in_instalments()
		self.pay(PARTS[0])

	def test_cancelling_keeps_what_was_earned_and_asks_for_no_more(self):
		self.succeed(api.cancel_subscription, subscription_id=self.subscription, at_period_end=0)
		invoice = self.doc()
		self.assertEqual(
			(invoice.status, invoice.outstanding(), invoice.outstanding_amount), ("Closed", 0, 0)
		)
		self.assertEqual(self.captures()[0].resolution or "", "")
		self.refused("conflict", payment.initiate_payment, invoice_id=self.invoice, gateway="payu")

	def test_a_part_that_arrives_after_the_end_falls_under_the_policy(self):
		attempt = self.start(PARTS[1])
		self.succeed(payment.cancel_payment, attempt=attempt)
		self.succeed(api.cancel_subscription, subscription_id=self.subscription, at_period_end=0)
		self.settle(attempt)
		captures = self.captures()
		self.assertEqual([c.resolution or "" for c in captures], ["", "Refund"])
		self.assertEqual(self.doc().status, "Closed")

	def test_a_part_under_way_when_the_subscription_ends_falls_under_the_policy(self):
		attempt = self.start(PARTS[1])
		self.succeed(api.cancel_subscription, subscription_id=self.subscription, at_period_end=0)
		self.settle(attempt)
		self.assertEqual([c.resolution or "" for c in self.captures()], ["", "Refund"])
		self.assertEqual(self.served().status, "Cancelled")


class TestAnotherWayToPay(PartsFlowCase):
	def test_a_part_of_a_schedule_that_was_removed_meanwhile_needs_a_look(self):
		self.in_instalments()
		attempt = self.start(PARTS[0])
		self.succeed(payment.choose_instalments, invoice_id=self.invoice, instalment_plan="")
		self.assertFalse(self.doc().paid_in_parts())
		self.settle(attempt)
		self.assertEqual((self.doc().status, self.doc().needs_review), ("Partly Paid", 1))


class TestPartsThatBoughtNothing(PartsFlowCase):
	def test_what_a_refund_left_of_a_part_is_credit(self):
		self.new_invoice(price=499, billing_interval="Month", part_payments=1)
		self.pay_by_transfer("200")
		create.create_refund(self.invoice, Decimal(50), "A mistake")
		with payment_settings(double_payment_policy="Credit"):
			self.succeed(api.cancel_subscription, subscription_id=self.subscription, at_period_end=0)
		capture = frappe.get_doc("Payment Capture", {"invoice": self.invoice})
		self.assertEqual(capture.credit_left(), 150)


class TestRefunds(PartsFlowCase):
	def setUp(self):
		super().setUp()
		self.in_instalments()
		for part in PARTS[:2]:
			self.pay_by_transfer(part)

	def refund(self, amount: str | None):
		create.create_refund(self.invoice, amount and Decimal(amount), "Asked for")

	def refunds(self) -> list[str]:
		"""What each capture gives back, the older first."""
		return [str(Decimal(str(c.amount_refunded))) for c in self.captures()]

	def test_a_refund_that_no_part_holds_alone_takes_the_youngest_first(self):
		self.refund("5000.00")
		self.assertEqual(self.refunds(), ["2642.36", "2357.64"])

	def test_a_refund_that_the_youngest_part_holds_comes_from_it(self):
		self.refund("2000.00")
		self.assertEqual(self.refunds(), ["0.0", "2000.0"])

	def test_more_than_all_parts_hold_is_refused(self):
		with self.assertRaises(Unprocessable):
			self.refund("7072.93")
		self.assertEqual(self.refunds(), ["0.0", "0.0"])

	def test_a_partial_refund_changes_no_service_and_is_not_due_again(self):
		self.refund("2000.00")
		invoice = self.doc()
		self.assertEqual((invoice.amount_refunded, invoice.outstanding()), (2000, Decimal("4715.28")))
		self.assertEqual(invoice.outstanding_amount, 4715.28)
		self.assertEqual(self.ends_in(), self.covered("7072.92"))
		self.pay(None)
		self.assertEqual((self.doc().status, self.ends_in()), ("Partly Refunded", self.days()))

	def test_a_full_refund_during_a_payment_counts_when_the_payment_ends(self):
		attempt = self.start(PARTS[2])
		self.refund(None)
		self.assertEqual((self.doc().status, self.served().status), ("Processing", "Active"))
		settle.settle("payu", failed(attempt))
		self.assertEqual((self.doc().status, self.served().status), ("Refunded", "Cancelled"))

	def test_a_full_refund_ends_the_service(self):
		self.refund(None)
		self.assertEqual((self.doc().status, self.served().status), ("Refunded", "Cancelled"))
		self.assertEqual(paid_periods(self.subscription), [])


class TestClosing(PartsFlowCase):
	def close(self):
		from oropendola_payments.engine.core.transactions import in_transaction, lock

		in_transaction(
			lambda: unfinished.close(lock("AI Invoice", self.invoice), unfinished.NOT_COMPLETED_REASON)
		)

	def test_a_closed_invoice_cannot_be_paid_and_renewing_makes_a_new_one(self):
		from oropendola_payments.api import subscription_renewal

		self.in_instalments()
		self.pay(PARTS[0])
		self.close()
		self.refused("conflict", payment.initiate_payment, invoice_id=self.invoice, gateway="payu")
		with self.assertRaises(Conflict):
			self.pay_by_transfer(PARTS[1])
		plan = self.doc().plan
		answer = self.succeed(subscription_renewal.renew_subscription, plan_id=plan)
		self.assertNotEqual(answer["invoice_id"], self.invoice)

	def test_money_that_arrives_after_the_end_falls_under_the_policy(self):
		self.in_instalments()
		self.pay(PARTS[0])
		attempt = self.start(PARTS[1])
		self.succeed(payment.cancel_payment, attempt=attempt)
		self.close()
		for policy in ("Credit", "Flag"):
			with payment_settings(double_payment_policy=policy):
				self.settle(attempt)
		self.assertEqual([c.resolution or "" for c in self.captures()], ["", "Credit", "Flag"])
		self.assertEqual((self.doc().status, self.ends_in()), ("Closed", self.covered(PARTS[0])))


class TestRacesAndCrashes(PartsFlowCase):
	def test_twenty_reports_of_two_parts_cover_their_days_once(self):
		self.new_invoice(
			price=499,
			billing_interval="Day",
			interval_count=100,
			part_payments=1,
			part_service="Covered Days",
		)
		events = [paid(self.start(amount), amount) for amount in ("120", "130")]
		results = in_parallel(20, lambda number: settle.settle("payu", events[number % 2]))
		self.assertEqual([r for r in results if isinstance(r, Exception)], [])
		self.assertEqual(len(self.captures()), 2)
		self.assertEqual(self.ends_in(), int(100 * Decimal(250) // Decimal("588.82")))

	def test_twenty_choices_at_once_make_one_schedule(self):
		name = self.in_instalments()
		in_parallel(20, lambda n: self.choose_and_change(name, n))
		self.assertIn(len(self.parts()), (0, 4))
		self.assertEqual(bool(self.parts()), self.doc().instalment_plan == name)

	def choose_and_change(self, name: str, number: int):
		from oropendola_payments.engine.parts.choose import choose

		choose(self.user, self.invoice, name if number % 2 else None)

	def test_a_crash_at_any_statement_of_a_part_loses_and_doubles_nothing(self):
		"""R32: for the settlement of a part."""
		self.in_instalments()
		self.pay(PARTS[0])
		event = paid(self.start(PARTS[1]), PARTS[1])
		points = count_crash_points(lambda: settle.settle("payu", paid(self.start_other(), "1")))
		self.assertGreater(points, 5)
		for point in range(1, 40):
			with crashing(point) as crash:
				settle.settle("payu", event)
			before = checks.violated_invariants(self)
			self.assertEqual(before, [], f"after a crash at {point}")
			if not crash.has_crashed:
				break
		settle.settle("payu", event)
		self.assertEqual((self.ends_in(), len(self.captures())), (self.covered("7072.92"), 2))

	def start_other(self) -> str:
		mine = (self.invoice, self.subscription)
		self.new_invoice(price=5, part_payments=1)
		attempt = self.start("2")
		self.invoice, self.subscription = mine
		return attempt
