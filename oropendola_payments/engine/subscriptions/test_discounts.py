"""Customers look codes up, apply them to unpaid invoices and remove them, and get a clear refusal for what cannot be."""

from decimal import Decimal

import frappe
from frappe.utils import add_days, nowdate

from oropendola_payments.ai_billing import invoice_price
from oropendola_payments.api import coupons as api
from oropendola_payments.api import payment, subscription
from oropendola_payments.engine.settlement import manual_payment
from oropendola_payments.engine.settlement.settle import settle
from oropendola_payments.tests.support.coupons import CouponTestCase, amounts, counted, redemptions
from oropendola_payments.tests.support.customers import pay
from oropendola_payments.tests.support.factories import (
	create_coupon,
	create_plan,
	create_user,
	enable_gateway,
	forget_counters,
	payment_settings,
	unique,
)
from oropendola_payments.tests.support.gateway_events import paid
from oropendola_payments.tests.support.journey import Journey

TAX = {"tax_rate": 18, "prices_include_tax": 0}
IN_PRICES = {"tax_rate": 18, "prices_include_tax": 1}


class TestCheck(CouponTestCase):
	def check(self, coupon, **arguments) -> dict:
		return self.succeed(api.check, code=coupon.name, plan_id=self.plan.name, **arguments)

	def test_the_answer_has_the_new_price_in_figures_and_as_a_sentence(self):
		answer = self.check(create_coupon())
		self.assertEqual(
			(answer["price"], answer["discount"], answer["new_price"]),
			(499, Decimal("249.50"), Decimal("249.50")),
		)
		self.assertEqual(answer["sentence"], "You pay ₹249.50 instead of ₹499.00 for this period.")

	def test_the_sentence_says_for_how_long(self):
		forever = create_coupon(duration="Forever")
		self.assertIn("for every period", self.check(forever)["sentence"])
		three = create_coupon(duration="Periods", periods=3)
		self.assertIn("for each of 3 periods", self.check(three)["sentence"])

	def test_looking_a_code_up_reserves_nothing(self):
		coupon = create_coupon(max_redemptions=1)
		for _time in range(3):
			self.check(coupon)
		self.assertEqual((counted(coupon.name), redemptions(coupon.name)), (0, []))

	def test_the_total_is_that_of_the_invoice_with_tax_on_top_or_included(self):
		for settings, total, discount in ((TAX, "294.41", "249.50"), (IN_PRICES, "249.50", "249.50")):
			with self.subTest(settings), payment_settings(**settings):
				self.plan, coupon = create_plan(), create_coupon()
				checked = self.check(coupon)
				invoice = self.buy(coupon.name)
				self.assertEqual((checked["total_amount"], invoice.total()), (Decimal(total), Decimal(total)))
				self.assertEqual(invoice_price.discount(invoice), Decimal(discount))

	def test_a_code_is_recognised_in_any_case_and_with_spaces_around_it(self):
		coupon = create_coupon()
		for typed in (coupon.code.lower(), coupon.code.title(), f"  {coupon.code}\n"):
			self.assertEqual(
				self.succeed(api.check, code=typed, plan_id=self.plan.name)["coupon"], coupon.name
			)


class TestRefusals(CouponTestCase):
	def setUp(self):
		super().setUp()
		self.open = self.buy()
		self.before = self.invoice(self.open.name).as_dict()

	def assert_refused(self, error: str, text: str, code: str):
		"""By every endpoint that takes the code, and nothing has changed."""
		arguments = {"code": code, "plan_id": self.plan.name}
		self.assertIn(text, self.refused(error, api.check, **arguments))
		self.assertIn(text, self.refused(error, api.apply, invoice_id=self.open.name, code=code))
		buy = {"plan_id": self.plan.name, "coupon": code}
		self.assertIn(text, self.refused(error, subscription.create_subscription_and_invoice, **buy))
		self.assertEqual(self.invoice(self.open.name).as_dict(), self.before)
		forget_counters()

	def test_letters_that_look_like_others_are_refused(self):
		coupon = create_coupon().name
		for code in (
			coupon.replace("A", "А"),
			coupon.replace("L", "Ｌ"),
			f"{coupon}\u200b",
			"ＨＡＬＦ",
			"ﬁfty",
			"ıı",
		):
			with self.subTest(code):
				self.assert_refused("coupon_refused", "letters from A to Z", code)

	def test_codes_that_cannot_be_codes_are_refused(self):
		coupon = create_coupon().name
		for code in (f"{coupon[:4]} {coupon[4:]}", "%", "HALF_%'--", "AB", "A" * 33, "0x", coupon + "/"):
			with self.subTest(code):
				self.assert_refused("coupon_refused", "letters from A to Z", code)

	def test_an_expired_coupon_is_refused_after_its_last_day(self):
		expired = create_coupon(valid_to=add_days(nowdate(), -1))
		self.assert_refused("coupon_refused", "expired on", expired.name)
		last_day = create_coupon(valid_from=nowdate(), valid_to=nowdate())
		self.succeed(api.check, code=last_day.name, plan_id=self.plan.name)

	def test_a_coupon_of_another_plan_is_refused(self):
		coupon = create_coupon(plans=[{"plan": create_plan().name}])
		self.assert_refused("coupon_refused", "cannot be used for Starter", coupon.name)

	def test_a_coupon_without_an_amount_in_the_currency_is_refused(self):
		coupon = create_coupon(**amounts(USD=5))
		self.assert_refused("coupon_refused", "no discount on Starter in INR", coupon.name)

	def test_a_discount_that_rounds_to_nothing_is_refused(self):
		self.plan = create_plan(currency="JPY", price=10)
		self.refused(
			"coupon_refused", api.check, code=create_coupon(basis_points=1).name, plan_id=self.plan.name
		)

	def test_a_first_purchase_is_the_first_of_the_customer_and_not_of_the_plan(self):
		coupon = create_coupon(first_purchase_only=1).name
		self.succeed(api.check, code=coupon, plan_id=self.plan.name)
		pay(self.open.name)
		self.refused("coupon_refused", api.check, code=coupon, plan_id=create_plan().name)

	def test_days_that_parts_have_bought_are_a_first_purchase(self):
		self.plan = create_plan(part_service="Covered Days")
		manual_payment.record_payment(self.buy().name, Decimal(250), unique("transfer"), None, None)
		coupon = create_coupon(first_purchase_only=1).name
		self.refused("coupon_refused", api.check, code=coupon, plan_id=create_plan().name)

	def test_two_first_purchases_at_the_same_time_are_one(self):
		self.apply(self.open, create_coupon(first_purchase_only=1).name)
		self.plan = create_plan()
		second = {"invoice_id": self.buy().name, "code": create_coupon(first_purchase_only=1).name}
		self.assertIn("first purchase", self.refused("coupon_refused", api.apply, **second))

	def test_a_coupon_for_some_customers_is_for_them(self):
		coupon = create_coupon(customers=[{"user": create_user()}, {"user": self.user}])
		self.succeed(api.check, code=coupon.name, plan_id=self.plan.name)

	def test_a_free_plan_and_a_trial_take_no_coupon_and_do_not_start(self):
		coupon = create_coupon().name
		for values, text in (({"price": 0, "is_free": 1}, "is free"), ({"trial_days": 7}, "free trial")):
			plan = create_plan(**values)
			buy = {"plan_id": plan.name, "coupon": coupon}
			error = self.refused("unprocessable", subscription.create_subscription_and_invoice, **buy)
			self.assertIn(text, error)
			self.assertFalse(frappe.db.exists("AI Subscription", {"user": self.user, "plan": plan.name}))


class TestApply(CouponTestCase):
	def test_a_coupon_is_taken_off_before_tax_and_comes_back_when_it_is_removed(self):
		for settings, full, reduced in (
			(TAX, ("499", "0", "588.82"), ("249.50", "249.50", "294.41")),
			(IN_PRICES, ("422.88", "0", "499"), ("211.44", "249.50", "249.50")),
		):
			with self.subTest(settings), payment_settings(**settings):
				self.plan, coupon = create_plan(), create_coupon(max_per_customer=0).name
				invoice = self.buy()
				self.assert_price(invoice, *full)
				answer = self.apply(invoice, coupon)
				self.assert_price(invoice, *reduced)
				self.assertEqual(answer["outstanding_amount"], Decimal(reduced[2]))
				self.succeed(api.remove, invoice_id=invoice.name)
				self.assert_price(invoice, *full)
				self.assertEqual((redemptions(coupon), counted(coupon)), (["Released"], 0))

	def test_an_amount_is_taken_off_the_price_that_the_customer_sees(self):
		with payment_settings(**IN_PRICES):
			self.plan = create_plan()
			invoice = self.buy(create_coupon(**amounts(INR=50)).name)
		self.assertEqual(invoice.total(), 449)

	def test_a_second_click_changes_nothing(self):
		coupon, invoice = create_coupon().name, self.buy()
		first = self.apply(invoice, coupon)
		self.assertEqual(self.apply(invoice, coupon.lower()), first)
		self.assertEqual(redemptions(coupon), ["Reserved"])
		for _click in range(2):
			self.succeed(api.remove, invoice_id=invoice.name)
		self.assertEqual(redemptions(coupon), ["Released"])

	def test_a_second_coupon_is_refused(self):
		coupon, invoice = self.redeem()
		error = self.refused("conflict", api.apply, invoice_id=invoice.name, code=create_coupon().name)
		self.assertIn(coupon, error)

	def test_the_invoice_of_another_customer_is_not_found(self):
		invoice, self.user = self.buy(), create_user()
		self.refused("not_found", api.apply, invoice_id=invoice.name, code=create_coupon().name)
		self.refused("not_found", api.remove, invoice_id=invoice.name)

	def test_a_paid_partly_paid_or_cancelled_invoice_is_refused(self):
		coupon = create_coupon().name
		settled, self.plan = self.buy(), create_plan()
		partly, self.plan = self.buy(), create_plan()
		cancelled = self.buy()
		pay(settled.name)
		manual_payment.record_payment(partly.name, Decimal(1), unique("transfer"), None, None)
		cancelled.mark_as_cancelled()
		frappe.db.commit()
		for invoice in (settled, partly, cancelled):
			self.refused("conflict", api.apply, invoice_id=invoice.name, code=coupon)
		self.assertEqual(redemptions(coupon), [])

	def test_neither_applying_nor_removing_is_possible_during_a_payment(self):
		enable_gateway("payu")
		coupon, invoice = self.redeem()
		attempt = self.succeed(payment.initiate_payment, invoice_id=invoice.name, gateway="payu")["attempt"]
		self.assertIn("in progress", self.refused("conflict", api.remove, invoice_id=invoice.name))
		self.succeed(payment.cancel_payment, attempt=attempt)
		self.succeed(api.remove, invoice_id=invoice.name)
		self.assertEqual(redemptions(coupon), ["Released"])

	def test_an_invoice_with_an_old_price_takes_no_coupon(self):
		invoice = self.buy()
		self.plan.price = 600
		self.plan.save(ignore_permissions=True)
		frappe.db.commit()
		error = self.refused("conflict", api.apply, invoice_id=invoice.name, code=create_coupon().name)
		self.assertIn("out of date", error)

	def test_an_invoice_without_a_plan_or_for_an_upgrade_takes_no_coupon(self):
		invoice = self.buy()
		for values in ({"purpose": "Upgrade"}, {"purpose": "Other"}):
			frappe.db.set_value("AI Invoice", invoice.name, values)
			frappe.db.commit()
			self.refused("unprocessable", api.apply, invoice_id=invoice.name, code=create_coupon().name)

	def test_subscribing_again_with_a_code_applies_it_to_the_open_invoice(self):
		invoice, coupon = self.buy(), create_coupon().name
		self.assertEqual(self.buy(coupon).name, invoice.name)
		self.assert_price(invoice, "249.50", "249.50")

	def test_another_currency_keeps_the_coupon_if_it_has_an_amount_there(self):
		self.plan = create_plan(prices=[{"currency": "USD", "price": 9}, {"currency": "EUR", "price": 9}])
		coupon, _invoice = self.redeem(**amounts(INR=100, USD=2))
		self.assert_price(self.buy(currency="USD"), "7", "2")
		self.assert_price(self.buy(currency="EUR"), "9", "0")
		self.assertEqual((redemptions(coupon), counted(coupon)), (["Released", "Released"], 0))

	def test_credit_is_spent_after_tax_on_what_the_coupon_left(self):
		with payment_settings(double_payment_policy="Credit", **TAX):
			settle("payu", paid(Journey("payu", user=self.user).start(), "688.82"))
			self.plan = create_plan()
			invoice = self.buy(create_coupon().name)
		self.assertEqual((invoice.total(), invoice.outstanding()), (Decimal("294.41"), Decimal("194.41")))
