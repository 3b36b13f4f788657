"""A redemption is reserved with the invoice, used with the payment, and released when nobody will pay."""

from decimal import Decimal

import frappe
from frappe.utils import add_days, nowdate

from oropendola_payments.api import coupons as api
from oropendola_payments.engine.checkout import initiate as checkout
from oropendola_payments.engine.core.transactions import lock
from oropendola_payments.engine.coupons import expiry
from oropendola_payments.engine.ending import now
from oropendola_payments.engine.notifications import hooks
from oropendola_payments.engine.refunds import create
from oropendola_payments.engine.settlement import manual_payment, unfinished
from oropendola_payments.engine.settlement.settle import settle
from oropendola_payments.tests.support.coupons import CouponTestCase, counted, overdue, redemptions
from oropendola_payments.tests.support.customers import move_to, pay
from oropendola_payments.tests.support.factories import (
	create_coupon,
	create_invoice,
	create_plan,
	create_user,
	enable_gateway,
	payment_settings,
	unique,
)
from oropendola_payments.tests.support.gateway_events import paid
from oropendola_payments.tests.support.outbox import mails_stay_queued, mails_to


def events(invoice) -> list[str]:
	filters = {"invoice": invoice.name, "event": ("like", "coupon%")}
	return frappe.get_all("Payment Event", filters, pluck="event", order_by="sequence")


class TestRedemptions(CouponTestCase):
	def test_a_redemption_is_reserved_with_the_invoice_and_used_with_the_payment(self):
		coupon, invoice = self.redeem()
		self.assert_price(invoice, "249.50", "249.50")
		self.assertEqual((redemptions(coupon), counted(coupon)), (["Reserved"], 1))
		pay(invoice.name)
		self.assertEqual((redemptions(coupon), counted(coupon)), (["Used"], 1))
		self.assertEqual(events(invoice), ["coupon_reserved", "coupon_used"])
		self.assertEqual(self.subscription(invoice).status, "Active")

	def test_cancelling_releases_the_redemption_for_somebody_else(self):
		coupon, invoice = self.redeem(max_redemptions=1)
		self.refused_for_another(coupon)
		now.end(invoice.subscription)
		self.assertEqual((redemptions(coupon), counted(coupon)), (["Released"], 0))
		self.assertEqual(events(invoice), ["coupon_reserved", "coupon_released"])
		self.assertEqual(create_invoice(create_user(), self.plan, coupon).coupon, coupon)

	def refused_for_another(self, coupon: str):
		before, self.user = self.user, create_user()
		self.refused("coupon_not_valid", api.check, code=coupon, plan_id=self.plan.name)
		self.user = before

	def test_a_new_invoice_for_another_price_keeps_the_redemption_although_the_coupon_ended(self):
		"""A price that was promised is not lost because the seller changed his."""
		coupon, invoice = self.redeem(max_redemptions=1)
		frappe.db.set_value("AI Coupon", coupon, {"is_active": 0, "valid_to": "2020-01-01"})
		self.plan.price = 600
		self.plan.save(ignore_permissions=True)
		frappe.db.commit()
		newer = self.buy()
		self.assertNotEqual(newer.name, invoice.name)
		self.assert_price(newer, "300", "300")
		self.assertEqual((redemptions(coupon), counted(coupon)), (["Released", "Reserved"], 1))

	def test_an_open_invoice_keeps_its_price_although_the_coupon_ended(self):
		coupon, invoice = self.redeem()
		frappe.db.set_value("AI Coupon", coupon, {"is_active": 0, "valid_to": "2020-01-01"})
		frappe.db.commit()
		self.assertEqual(self.buy().name, invoice.name)
		self.assertEqual(self.buy(coupon.lower()).name, invoice.name, "typed again, with a second click")

	def test_an_overdue_invoice_releases_its_redemption_and_keeps_its_price(self):
		"""S45."""
		coupon, invoice = self.redeem(max_redemptions=1)
		expiry.release_unpaid()
		self.assertEqual(redemptions(coupon), ["Reserved"], "it is not overdue")
		overdue(invoice)
		expiry.release_unpaid()
		self.assertEqual((redemptions(coupon), counted(coupon)), (["Released"], 0))
		self.assert_price(invoice, "249.50", "249.50")

	def test_a_late_payment_is_honoured_although_the_count_goes_over(self):
		"""R38."""
		coupon, invoice = self.redeem(max_redemptions=1)
		overdue(invoice)
		expiry.release_unpaid()
		create_invoice(create_user(), self.plan, coupon)
		pay(invoice.name)
		self.assertEqual(self.invoice(invoice.name).status, "Paid")
		self.assertEqual((redemptions(coupon), counted(coupon)), (["Used", "Reserved"], 2))
		self.assertIn("coupon_limit_exceeded", events(invoice))

	def test_a_late_payment_within_the_limit_is_nothing_special(self):
		coupon, invoice = self.redeem(max_redemptions=1)
		overdue(invoice)
		expiry.release_unpaid()
		pay(invoice.name)
		self.assertEqual((redemptions(coupon), counted(coupon)), (["Used"], 1))
		self.assertNotIn("coupon_limit_exceeded", events(invoice))

	def test_a_customer_redeems_a_coupon_as_often_as_it_allows(self):
		coupon, invoice = self.redeem(max_per_customer=2)
		pay(invoice.name)
		self.plan = create_plan()
		pay(self.buy(coupon).name)
		self.plan = create_plan()
		again = {"code": coupon, "invoice_id": self.buy().name}
		self.assertIn("already used", self.refused("coupon_refused", api.apply, **again))
		self.assertEqual((redemptions(coupon), counted(coupon)), (["Used", "Used"], 2))

	def test_each_late_payment_counts_for_its_customer(self):
		coupon, first = self.redeem(max_per_customer=2)
		self.plan = create_plan()
		second = self.buy(coupon)
		overdue(first)
		overdue(second)
		expiry.release_unpaid()
		pay(first.name)
		pay(second.name)
		self.assertEqual((redemptions(coupon), counted(coupon)), (["Used", "Used"], 2))
		self.plan = create_plan()
		again = {"code": coupon, "invoice_id": self.buy().name}
		self.assertIn("already used", self.refused("coupon_refused", api.apply, **again))


class TestWithoutMoney(CouponTestCase):
	def test_a_coupon_of_100_percent_activates_without_a_gateway(self):
		coupon, invoice = self.redeem(basis_points=10_000)
		self.assert_price(invoice, "0", "499")
		self.assertEqual(self.subscription(invoice).status, "Pending", "the customer has not confirmed yet")
		answer = checkout.initiate(self.user, invoice.name)
		self.assertIsNone(answer["attempt"])
		self.assertEqual(self.invoice(invoice.name).status, "Paid")
		subscription = self.subscription(invoice)
		self.assertEqual((subscription.status, subscription.daily_quota_limit), ("Active", 100))
		self.assertEqual(redemptions(coupon), ["Used"])
		self.assertEqual(frappe.db.count("Payment Attempt", {"invoice": invoice.name}), 0)

	def test_a_free_order_is_confirmed_by_mail_with_its_receipt(self):
		with mails_stay_queued(), payment_settings(send_payment_mails=1):
			_coupon, invoice = self.redeem(basis_points=10_000)
			checkout.initiate(self.user, invoice.name)
			hooks.nothing_to_pay(invoice.name)
			self.assertIn("Your order is confirmed", mails_to(self.user)[-1].subject)
			self.assertIn("Your API key is ready", mails_to(self.user)[-1].html)

	def test_a_failed_invoice_that_a_coupon_makes_free_is_confirmed_without_a_gateway(self):
		invoice = self.buy()
		invoice.mark_as_processing()
		invoice.mark_as_failed("The bank said no.")
		frappe.db.commit()
		self.apply(invoice, create_coupon(basis_points=10_000).name)
		checkout.retry(self.user, invoice.name)
		self.assertEqual(self.invoice(invoice.name).status, "Paid")


class TestRefunds(CouponTestCase):
	def refund(self, invoice, amount=None):
		create.create_refund(invoice.name, amount, "Asked for")

	def test_a_refund_is_never_more_than_what_was_paid(self):
		_coupon, invoice = self.redeem()
		pay(invoice.name)
		with self.assertRaisesRegex(frappe.ValidationError, "too much"):
			self.refund(invoice, 250)
		self.refund(invoice)
		refunds = frappe.get_all("Payment Refund", {"invoice": invoice.name}, pluck="amount")
		self.assertEqual([float(amount) for amount in refunds], [249.5])

	def test_a_full_refund_keeps_the_redemption(self):
		coupon, invoice = self.redeem()
		pay(invoice.name)
		self.refund(invoice)
		self.assertEqual((redemptions(coupon), counted(coupon)), (["Used"], 1))

	def test_a_refund_of_parts_that_bought_nothing_releases_the_redemption(self):
		coupon, invoice = self.redeem(max_redemptions=1)
		manual_payment.record_payment(invoice.name, Decimal(100), unique("transfer"), None, None)
		self.refund(invoice)
		self.assertEqual(self.invoice(invoice.name).status, "Refunded")
		self.assertEqual((redemptions(coupon), counted(coupon)), (["Released"], 0))
		self.assertEqual(self.buy(coupon).coupon, coupon)

	def test_a_full_refund_releases_the_redemption_where_the_settings_say_so(self):
		with payment_settings(release_coupon_on_refund=1):
			coupon, invoice = self.redeem()
			pay(invoice.name)
			self.refund(invoice, 100)
			self.assertEqual(redemptions(coupon), ["Used"], "a part was refunded")
			self.refund(invoice)
		self.assertEqual((redemptions(coupon), counted(coupon)), (["Released"], 0))
		self.assertEqual(events(invoice)[-1], "coupon_released")


class TestRenewals(CouponTestCase):
	def test_a_coupon_for_three_periods_reduces_the_first_three_invoices(self):
		coupon, first = self.redeem(duration="Periods", periods=3)
		pay(first.name)
		for left in (2, 1):
			self.assertEqual(self.subscription(first).coupon_periods_left, left)
			renewal = self.renew()
			self.assert_price(renewal, "249.50", "249.50")
			self.assertEqual(self.renew().name, renewal.name, "a second click")
			pay(renewal.name)
		self.assertFalse(self.subscription(first).coupon)
		self.assert_price(self.renew(), "499", "0")
		self.assertEqual((redemptions(coupon), counted(coupon)), (["Used"], 1))

	def test_a_coupon_for_ever_reduces_every_renewal_also_when_it_can_no_longer_be_redeemed(self):
		coupon, invoice = self.redeem(duration="Forever", max_redemptions=1)
		pay(invoice.name)
		frappe.db.set_value("AI Coupon", coupon, {"is_active": 0, "valid_to": "2020-01-01"})
		frappe.db.commit()
		for _period in range(4):
			renewal = self.renew()
			self.assert_price(renewal, "249.50", "249.50")
			pay(renewal.name)
		self.assertEqual(self.subscription(invoice).coupon_periods_left, -1)

	def test_a_coupon_for_one_invoice_does_not_reduce_the_renewal(self):
		_coupon, invoice = self.redeem()
		pay(invoice.name)
		self.assert_price(self.renew(), "499", "0")

	def test_an_unpaid_renewal_uses_no_period(self):
		_coupon, first = self.redeem(duration="Periods", periods=2)
		pay(first.name)
		renewal = self.renew()
		renewal.mark_as_cancelled()
		frappe.db.commit()
		self.assertEqual(self.subscription(first).coupon_periods_left, 1)
		self.assert_price(self.renew(), "249.50", "249.50")

	def test_a_renewal_after_the_end_still_gets_the_coupon(self):
		_coupon, first = self.redeem(duration="Periods", periods=2)
		pay(first.name)
		move_to(first.subscription, end_date=add_days(nowdate(), -10))
		frappe.get_doc("AI Subscription", first.subscription).expire()
		frappe.db.commit()
		self.assert_price(self.renew(), "249.50", "249.50")

	def test_a_refunded_renewal_gives_its_period_back(self):
		_coupon, first = self.redeem(duration="Periods", periods=2)
		pay(first.name)
		renewal = self.renew()
		pay(renewal.name)
		self.assertFalse(self.subscription(first).coupon)
		create.create_refund(renewal.name, None, "Asked for")
		subscription = self.subscription(first)
		self.assertEqual((subscription.coupon, subscription.coupon_periods_left), (first.coupon, 1))

	def test_a_refunded_renewal_gives_its_period_back_although_a_later_one_is_paid(self):
		_coupon, first = self.redeem(duration="Periods", periods=3)
		pay(first.name)
		second = self.renew()
		pay(second.name)
		pay(self.renew().name)
		self.assertFalse(self.subscription(first).coupon)
		create.create_refund(second.name, None, "Asked for")
		subscription = self.subscription(first)
		self.assertEqual((subscription.coupon, subscription.coupon_periods_left), (first.coupon, 1))

	def test_the_coupon_ends_with_its_redemption_although_a_later_period_is_paid(self):
		with payment_settings(release_coupon_on_refund=1):
			coupon, first = self.redeem(duration="Forever")
			pay(first.name)
			pay(self.renew().name)
			create.create_refund(first.name, None, "Asked for")
		self.assertEqual((redemptions(coupon), counted(coupon)), (["Released"], 0))
		self.assertFalse(self.subscription(first).coupon)
		self.assert_price(self.renew(), "499", "0")

	def test_another_price_of_the_plan_changes_the_discount_of_an_open_renewal(self):
		_coupon, first = self.redeem(duration="Forever")
		pay(first.name)
		renewal = self.renew()
		self.plan.price = 600
		self.plan.save(ignore_permissions=True)
		frappe.db.commit()
		newer = self.renew()
		self.assertNotEqual(newer.name, renewal.name)
		self.assert_price(newer, "300", "300")

	def test_a_once_coupon_on_a_renewal_leaves_the_running_one_as_it_is(self):
		coupon, first = self.redeem(duration="Periods", periods=3)
		pay(first.name)
		renewal = self.renew()
		self.succeed(api.remove, invoice_id=renewal.name)
		self.apply(renewal, create_coupon(basis_points=9000).name)
		self.assert_price(renewal, "49.90", "449.10")
		pay(renewal.name)
		subscription = self.subscription(first)
		self.assertEqual((subscription.coupon, subscription.coupon_periods_left), (coupon, 2))

	def test_the_running_coupon_can_be_removed_from_a_renewal_and_applied_again(self):
		coupon, first = self.redeem(duration="Periods", periods=2)
		pay(first.name)
		renewal = self.renew()
		self.succeed(api.remove, invoice_id=renewal.name)
		self.assert_price(renewal, "499", "0")
		self.apply(renewal, coupon)
		self.assert_price(renewal, "249.50", "249.50")
		self.assertEqual((redemptions(coupon), counted(coupon)), (["Used"], 1))


class TestParts(CouponTestCase):
	def pay_half(self, service: str):
		"""A renewable invoice with a coupon for three periods, of which half is paid and the rest is given up."""
		self.plan = create_plan(part_service=service)
		coupon, invoice = self.redeem(duration="Periods", periods=3)
		manual_payment.record_payment(invoice.name, Decimal("124.75"), unique("transfer"), None, None)
		self.assertEqual(redemptions(coupon), ["Reserved"])
		unfinished.close(lock("AI Invoice", invoice.name), unfinished.NOT_COMPLETED_REASON)
		frappe.db.commit()
		return coupon, invoice

	def test_an_invoice_that_is_given_up_uses_its_coupon_if_parts_bought_days(self):
		coupon, invoice = self.pay_half("Covered Days")
		self.assertEqual((redemptions(coupon), counted(coupon)), (["Used"], 1))
		self.assertEqual(self.subscription(invoice).coupon_periods_left, 2)

	def test_an_invoice_that_is_given_up_releases_its_coupon_if_parts_bought_nothing(self):
		coupon, invoice = self.pay_half("Full")
		self.assertEqual((redemptions(coupon), counted(coupon)), (["Released"], 0))
		self.assertFalse(self.subscription(invoice).coupon)

	def test_days_that_parts_bought_use_the_coupon_although_the_last_payment_came_after_the_end(self):
		enable_gateway("payu")
		self.plan = create_plan(part_service="Covered Days")
		coupon, invoice = self.redeem()
		manual_payment.record_payment(invoice.name, Decimal("124.75"), unique("transfer"), None, None)
		attempt = checkout.initiate(self.user, invoice.name, "payu")["attempt"]
		now.end(invoice.subscription)
		settle("payu", paid(attempt, "124.75"))
		self.assertEqual(self.invoice(invoice.name).status, "Paid")
		self.assertEqual((redemptions(coupon), counted(coupon)), (["Used"], 1))
