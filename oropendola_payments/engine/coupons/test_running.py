"""What a running coupon takes off another plan, as a change of plan needs it."""

from decimal import Decimal

import frappe

from oropendola_payments.engine.coupons import running
from oropendola_payments.tests.support.coupons import CouponTestCase, amounts
from oropendola_payments.tests.support.customers import pay
from oropendola_payments.tests.support.factories import create_plan

DAYS, LEFT = 30, 15


def unused(full: Decimal) -> Decimal:
	"""The part of a period's price for the days that are left, rounded half up to paise."""
	return Decimal((2 * int(full * 100) * LEFT + DAYS) // (2 * DAYS)) / 100


class TestUpgrades(CouponTestCase):
	def setUp(self):
		super().setUp()
		self.pro = create_plan(plan_name="Pro", price=999)

	def due(self, **coupon) -> Decimal:
		"""What an upgrade to Pro costs in the middle of a period that was bought with this coupon."""
		_name, invoice = self.redeem(**coupon)
		pay(invoice.name)
		paid = self.invoice(invoice.name)
		new = Decimal(999) - running.discount_on_rest(paid.coupon, self.pro, Decimal(999), "INR")
		return unused(new) - unused(paid.total())

	def test_a_coupon_that_does_not_cover_the_new_plan_reduces_only_the_old_one(self):
		only = [{"plan": self.plan.name}]
		self.assertEqual(self.due(duration="Forever", plans=only), Decimal("374.75"))

	def test_a_coupon_that_runs_on_and_covers_the_new_plan_goes_along(self):
		self.assertEqual(self.due(duration="Forever"), Decimal("125.00"))

	def test_a_coupon_goes_along_in_its_last_period_too(self):
		self.assertEqual(self.due(duration="Periods", periods=1), Decimal("125.00"))

	def test_a_coupon_for_one_invoice_does_not_go_along(self):
		self.assertEqual(self.due(duration="Once"), Decimal("374.75"))


class TestNextPeriod(CouponTestCase):
	def discount(self, invoice, plan=None, currency: str = "INR") -> Decimal:
		subscription = frappe.get_doc("AI Subscription", invoice.subscription)
		plan = plan or self.plan
		coupon = running.running_coupon(subscription, plan, currency)
		return coupon.discount_on(plan.price_in(currency)[0], currency) if coupon else 0

	def test_the_next_period_gets_the_coupon_while_periods_are_left(self):
		_coupon, invoice = self.redeem(duration="Periods", periods=2)
		self.assertEqual(self.discount(invoice), 0, "nothing is paid yet")
		pay(invoice.name)
		self.assertEqual(self.discount(invoice), Decimal("249.50"))
		pay(self.renew().name)
		self.assertEqual(self.discount(invoice), 0)

	def test_a_plan_or_currency_that_the_coupon_does_not_know_gets_no_discount(self):
		self.plan = create_plan(prices=[{"currency": "USD", "price": 9}])
		_coupon, invoice = self.redeem(
			duration="Forever", plans=[{"plan": self.plan.name}], **amounts(INR=100)
		)
		pay(invoice.name)
		self.assertEqual(self.discount(invoice), 100)
		self.assertEqual(self.discount(invoice, currency="USD"), 0)
		self.assertEqual(self.discount(invoice, plan=create_plan()), 0)
