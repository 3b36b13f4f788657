"""What was paid for and is not over yet."""

from datetime import timedelta
from decimal import Decimal

import frappe

from oropendola_payments.ai_billing.periods import today
from oropendola_payments.api import subscription_renewal as renewal
from oropendola_payments.engine.entitlements.paid_periods import paid_periods
from oropendola_payments.engine.refunds import create
from oropendola_payments.tests.support.customers import CustomerTestCase, move_to, pay
from oropendola_payments.tests.support.factories import create_active_subscription, create_plan


class TestPaidPeriods(CustomerTestCase):
	def setUp(self):
		super().setUp()
		self.subscription = create_active_subscription(self.user)
		self.invoice = self.subscription.current_invoice
		self.set_period(self.invoice, -15, 15)

	def set_period(self, invoice: str, start: int, end: int, **values):
		"""As if the invoice had paid for these days, counted from today."""
		dates = {
			f"period_{name}": today() + timedelta(days=n) for name, n in (("start", start), ("end", end))
		}
		frappe.db.set_value("AI Invoice", invoice, {**dates, **values})
		move_to(self.subscription.name, end_date=dates["period_end"])

	def periods(self):
		return paid_periods(self.subscription.name)

	def renew(self) -> str:
		invoice = self.succeed(renewal.renew_subscription)["invoice_id"]
		pay(invoice)
		return invoice

	def test_the_running_period_is_worth_its_days_left(self):
		(period,) = self.periods()
		self.assertEqual((period.invoice, period.plan), (self.invoice, self.subscription.plan))
		self.assertEqual((period.days, period.days_left(), period.currency), (30, 15, "INR"))
		self.assertEqual((period.full, period.unused()), (499_00, 249_50))

	def test_today_counts_as_unused(self):
		self.set_period(self.invoice, 0, 30)
		self.assertEqual(self.periods()[0].unused(), 499_00)
		self.set_period(self.invoice, -29, 1)
		self.assertEqual((self.periods()[0].days_left(), self.periods()[0].unused()), (1, 16_63))

	def test_a_period_that_is_over_does_not_count(self):
		self.set_period(self.invoice, -30, 0)
		self.assertEqual(self.periods(), [])

	def test_a_renewal_paid_ahead_is_a_period_with_all_its_days(self):
		renewal_invoice = self.renew()
		first, second = self.periods()
		self.assertEqual((first.invoice, second.invoice), (self.invoice, renewal_invoice))
		self.assertEqual(second.starts_on, first.ends_on)
		self.assertEqual((second.days_left(), second.unused()), (second.days, 499_00))

	def test_the_price_as_sold_counts_and_not_the_price_of_today(self):
		plan = frappe.get_doc("AI Plan", self.subscription.plan)
		plan.price = 599
		plan.save(ignore_permissions=True)
		self.assertEqual(self.periods()[0].full, 499_00)

	def test_paused_days_lengthen_the_period_and_not_what_was_sold(self):
		self.set_period(self.invoice, -20, 15, paused_days=5)
		(period,) = self.periods()
		self.assertEqual((period.days, period.days_left(), period.unused()), (30, 15, 249_50))

	def test_a_pause_before_the_first_day_leaves_no_more_days_than_were_sold(self):
		self.set_period(self.invoice, 0, 40, paused_days=10)
		self.assertEqual((self.periods()[0].days_left(), self.periods()[0].unused()), (30, 499_00))

	def test_a_refunded_renewal_is_no_period(self):
		renewal_invoice = self.renew()
		create.create_refund(renewal_invoice, None, "Asked for")
		self.assertEqual([period.invoice for period in self.periods()], [self.invoice])

	def test_a_partly_refunded_invoice_still_is_a_period(self):
		create.create_refund(self.invoice, Decimal(100), "Asked for")
		self.assertEqual([period.full for period in self.periods()], [499_00])

	def test_an_unpaid_invoice_is_no_period(self):
		self.succeed(renewal.renew_subscription)
		self.assertEqual(len(self.periods()), 1)

	def test_a_subscription_without_a_payment_has_no_periods(self):
		free = self.succeed_free()
		self.assertEqual(paid_periods(free), [])

	def succeed_free(self) -> str:
		return self.subscribe(create_plan(price=0, is_free=1))["subscription_id"]
