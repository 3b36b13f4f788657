"""The numeric cases of a change of plan, each with the amounts that were worked out by hand. Period of 30 days, tax 18 % on top."""

from datetime import timedelta
from decimal import Decimal

import frappe

from oropendola_payments.ai_billing.periods import add_interval, today
from oropendola_payments.api import coupons
from oropendola_payments.api import subscription as api
from oropendola_payments.engine.metering import usage
from oropendola_payments.engine.plan_changes import lapse
from oropendola_payments.engine.refunds import create
from oropendola_payments.engine.subscriptions import credit
from oropendola_payments.money import from_minor, quantize, unused_share
from oropendola_payments.tests.support.customers import move_to, pay
from oropendola_payments.tests.support.factories import (
	create_coupon,
	create_invoice,
	create_plan,
	enable_gateway,
	payment_settings,
)
from oropendola_payments.tests.support.plan_changes import PlanChangeCase, shift


class TestUpgradesInTheSameInterval(PlanChangeCase):
	def amounts(self, quote: dict) -> tuple:
		return tuple(Decimal(str(line["amount"])) for line in quote["lines"])

	def test_case_1_half_the_period_costs_half_the_difference(self):
		before = self.start(days_left=15)
		quote = self.preview("P")
		self.assertEqual(self.amounts(quote), (Decimal("-249.50"), Decimal("499.50")))
		self.assertEqual((quote["net_amount"], quote["tax_amount"], quote["total_amount"]), (250, 45, 295))
		self.assertEqual((quote["timing"], quote["ends_on"], quote["due_now"]), ("Now", before.end_date, 295))
		made = self.upgrade("P")
		self.assertEqual((self.code(), self.doc().end_date), ("P", before.end_date))
		self.assertEqual(self.status_of(made), "Applied")
		self.assertEqual(self.doc().api_key_link, before.api_key_link)
		self.assert_sound()

	def test_case_2_on_the_first_day_the_whole_difference_is_due(self):
		self.start(days_left=30)
		self.assertEqual(self.preview("P")["net_amount"], 500)

	def test_case_3_on_the_last_day_each_line_is_rounded_once(self):
		self.start(days_left=1)
		quote = self.preview("P")
		self.assertEqual(self.amounts(quote), (Decimal("-16.63"), Decimal("33.30")))
		self.assertEqual(
			(quote["net_amount"], quote["tax_amount"], quote["total_amount"]),
			(Decimal("16.67"), 3, Decimal("19.67")),
		)

	def test_case_5_a_second_upgrade_credits_what_the_first_one_made_of_the_period(self):
		self.start(days_left=20)
		self.assertEqual(self.preview("P")["net_amount"], Decimal("333.33"))
		self.upgrade("P")
		shift(self.subscription, 10)
		quote = self.preview("M")
		self.assertEqual(self.amounts(quote), (Decimal("-333.00"), Decimal("833.00")))
		self.upgrade("M")
		used = Decimal("166.33") + 333
		(period,) = self.periods()
		paid = 499 + Decimal("333.33") + 500
		self.assertEqual(used + from_minor(period.unused(), "INR"), paid)
		self.assertEqual(paid, Decimal("1332.33"))

	def test_case_6_a_price_that_was_raised_since_does_not_count(self):
		self.start(days_left=15)
		plan = frappe.get_doc("AI Plan", self.plans["S"].name)
		plan.price = 599
		plan.save(ignore_permissions=True)
		self.assertEqual(self.preview("P")["net_amount"], 250)

	def test_case_8_a_period_that_was_bought_at_half_the_price_is_worth_half(self):
		self.start(days_left=15)
		frappe.db.set_value(
			"AI Invoice", self.invoice, {"net_amount": Decimal("249.50"), "tax_amount": Decimal("44.91")}
		)
		frappe.db.commit()
		self.assertEqual(self.preview("P")["net_amount"], Decimal("374.75"))

	def start_with_coupon(self, **coupon):
		invoice = create_invoice(self.user, plan=self.make_plan("S"))
		self.subscription, self.invoice = invoice.subscription, invoice.name
		self.succeed(coupons.apply, invoice_id=invoice.name, code=create_coupon(**coupon).name)
		pay(invoice.name)
		self.set_period(invoice.name, -15, 15)

	def test_case_9_a_coupon_that_runs_on_and_covers_the_new_plan_goes_along(self):
		self.start_with_coupon(duration="Forever")
		quote = self.preview("P")
		self.assertEqual(self.amounts(quote), (Decimal("-124.75"), Decimal("249.75")))
		self.upgrade("P")
		self.assertEqual([(p.full, self.code()) for p in self.periods()], [(499_50, "P")])
		self.assert_sound()

	def test_case_16_a_currency_without_decimals_has_whole_amounts(self):
		with payment_settings(tax_rate=0):
			self.start(days_left=7, days=31, price=800, currency="JPY")
			self.make_plan("P", price=1500, currency="JPY")
			quote = self.preview("P")
		self.assertEqual(self.amounts(quote), (-181, 339))
		self.assertEqual(quote["due_now"], 158)

	def test_case_20_what_was_used_today_counts_against_the_new_quota(self):
		self.start(days_left=15)
		move_to(self.subscription, daily_quota_remaining=300)
		self.assertEqual(self.preview("P")["quota"], {"limit": 5000, "remaining_today": 4300})
		self.assertEqual(self.preview("M")["quota"], {"limit": -1, "remaining_today": -1})
		self.upgrade("P")
		self.assertEqual(self.doc().daily_quota_remaining, 4300)
		self.upgrade("M")
		self.assertEqual(self.doc().daily_quota_remaining, -1)


class TestPricesWithTax(PlanChangeCase):
	settings = {**PlanChangeCase.settings, "prices_include_tax": 1}

	def test_case_10_prices_that_include_tax_are_compared_with_it(self):
		self.start(days_left=9)
		quote = self.preview("P")
		self.assertEqual([float(line["amount"]) for line in quote["lines"]], [-149.70, 299.70])
		self.assertEqual(
			(quote["total_amount"], quote["net_amount"], quote["tax_amount"]),
			(150, Decimal("127.12"), Decimal("22.88")),
		)
		invoice = self.invoice_of(self.upgrade("P"))
		self.assertEqual((invoice.total(), invoice.status, self.code()), (150, "Paid", "P"))


class TestCredit(PlanChangeCase):
	def free_credit(self) -> Decimal:
		return credit.available(self.user, "INR")

	def test_case_12_credit_that_an_unpaid_change_used_is_free_again(self):
		self.start(days_left=15)
		self.give_credit(100)
		quote = self.preview("P")
		self.assertEqual((quote["total_amount"], quote["credit_used"], quote["due_now"]), (295, 100, 195))
		made = self.change("P", quote)
		self.assertEqual(
			(made["due_now"], made["invoice_status"], self.free_credit()), (195, "Partly Paid", 0)
		)
		self.lapse(made)
		lapse.lapse_due()
		self.assertEqual((self.free_credit(), self.status_of(made), self.code()), (100, "Expired", "S"))
		self.assertEqual(self.invoice_of(made).outstanding(), 0)
		self.assert_sound()

	def test_a_new_quote_counts_the_credit_that_the_open_change_holds(self):
		self.start(days_left=15)
		self.give_credit(100)
		made = self.change("P")
		self.assertEqual(self.preview("P")["due_now"], 195)
		self.assertEqual(self.preview("M")["credit_used"], 100)
		second = self.change("M")
		self.assertEqual((self.status_of(made), second["invoice_status"]), ("Superseded", "Partly Paid"))
		self.assert_sound()

	def test_case_13_a_change_that_credit_covers_is_applied_at_once(self):
		self.start(days_left=15)
		self.give_credit(400)
		self.assertEqual(self.preview("P")["due_now"], 0)
		made = self.change("P")
		self.assertEqual((made["status"], made["invoice_status"], self.code()), ("Applied", "Paid", "P"))
		self.assertEqual(self.free_credit(), 105)
		self.assert_sound()


class TestTooLittleToPay(PlanChangeCase):
	settings = {**PlanChangeCase.settings, "tax_rate": 0}

	def test_case_15_what_no_gateway_takes_is_waived(self):
		enable_gateway("razorpay")
		self.start(days_left=1, price=30)
		self.make_plan("P", price=45)
		quote = self.preview("P")
		self.assertEqual((quote["waived_amount"], quote["due_now"]), (Decimal("0.50"), 0))
		made = self.change("P")
		self.assertEqual((made["status"], made["due_now"], self.code()), ("Applied", 0, "P"))
		self.assertEqual(
			float(frappe.db.get_value("AI Plan Change", made["plan_change"], "waived_amount")), 0.50
		)
		self.assert_sound()


class TestOtherStarts(PlanChangeCase):
	def test_case_18_a_year_starts_today_and_what_is_left_of_the_month_is_taken_off(self):
		self.start(days_left=15)
		quote = self.preview("PY")
		self.assertEqual(
			(quote["net_amount"], quote["tax_amount"], quote["total_amount"]),
			(Decimal("9740.50"), Decimal("1753.29"), Decimal("11493.79")),
		)
		made = self.upgrade("PY")
		now = self.doc()
		self.assertEqual((now.start_date, now.end_date), (today(), add_interval(today(), "Year", 1)))
		(period,) = self.periods()
		self.assertEqual(
			(period.invoice, period.full, period.unused()), (made["invoice_id"], 9990_00, 9990_00)
		)
		self.assert_sound()

	def test_case_21_a_trial_is_followed_by_its_own_plan_or_replaced_by_another(self):
		trial = create_plan(plan_name="Starter", price=499, trial_days=14)
		answer = self.succeed(api.create_subscription_and_invoice, plan_id=trial.name)
		self.subscription = answer["subscription_id"]
		end, key = self.doc().end_date, answer["api_key"]
		quote = self.preview("P")
		self.assertEqual(
			(quote["net_amount"], quote["timing"], quote["lines"][0]["kind"]), (999, "Now", "price")
		)
		self.upgrade("P")
		now = self.doc()
		self.assertEqual((now.status, now.start_date), ("Active", today()))
		self.assertEqual(now.end_date, add_interval(today(), "Month", 1))
		self.assertTrue(usage.consume(key, 1)["allowed"])
		self.assertNotEqual(now.end_date, end)
		self.assert_sound()

	def test_case_22_a_free_subscription_becomes_the_paid_one_with_the_same_key(self):
		answer = self.subscribe(self.make_plan("F"))
		self.subscription, key = answer["subscription_id"], answer["api_key"]
		usage.consume(key, 4)
		made = self.change("P")
		self.assertEqual((made["due_now"], self.doc().daily_quota_limit), (Decimal("1178.82"), 10))
		pay(made["invoice_id"])
		now = self.doc()
		self.assertEqual((now.plan, now.end_date), (self.plans["P"].name, add_interval(today(), "Month", 1)))
		self.assertEqual(usage.consume(key, 1)["remaining"], 5000 - 4 - 1)
		self.assertEqual(frappe.db.count("AI Subscription", {"user": self.user}), 1)
		self.assert_sound()


class TestTakenBack(PlanChangeCase):
	def test_case_23_a_refunded_upgrade_goes_back_to_the_old_plan_and_end(self):
		before = self.start(days_left=15)
		made = self.upgrade("P")
		shift(self.subscription, 10)
		move_to(self.subscription, daily_quota_remaining=4300, quota_reset_on=today() + timedelta(days=1))
		(period,) = self.periods()
		still_unused = period.unused() - unused_share(499_00, 5, 30)
		self.assertEqual((period.days_left(), still_unused), (5, 83_33))
		self.assertEqual(quantize(from_minor(still_unused, "INR") * 18 / 100, "INR"), 15)
		create.create_refund(made["invoice_id"], None, "Asked for")
		now = self.doc()
		self.assertEqual((self.code(), now.status), ("S", "Active"))
		self.assertEqual(now.end_date, before.end_date - timedelta(days=10))
		self.assertEqual(now.daily_quota_remaining, 300)
		self.assertEqual((self.status_of(made), [p.full for p in self.periods()]), ("Reverted", [499_00]))
		self.assert_sound()


class TestTwoAtOnce(PlanChangeCase):
	def test_case_25_the_same_change_twice_is_one(self):
		self.start(days_left=15)
		first, second = self.preview("P"), self.preview("P")
		made = [self.change("P", quote) for quote in (first, first, second)]
		self.assertEqual(len({change["plan_change"] for change in made}), 1)
		upgrades = {"subscription": self.subscription, "purpose": "Upgrade"}
		self.assertEqual(frappe.db.count("AI Invoice", upgrades), 1)

	def test_case_25_another_plan_replaces_a_change_that_nobody_is_paying(self):
		self.start(days_left=15)
		first = self.change("P")
		second = self.change("M")
		self.assertEqual((self.status_of(first), self.status_of(second)), ("Superseded", "Awaiting Payment"))
		self.assertEqual(self.invoice_of(first).status, "Cancelled")
		self.assert_sound()

	def test_case_25_an_expired_subscription_to_the_new_plan_makes_room(self):
		expired = self.start("P", days_left=-40)
		expired.expire()
		frappe.db.commit()
		self.start("S", days_left=15)
		self.upgrade("P")
		self.assertEqual((self.code(), expired.reload().status), ("P", "Cancelled"))

	def test_case_25_a_plan_that_is_in_use_beside_is_refused(self):
		self.start("P", days_left=15)
		self.start("S", days_left=15)
		sentence = self.refused(
			"conflict",
			api.preview_plan_change,
			plan_id=self.plans["P"].name,
			subscription_id=self.subscription,
		)
		self.assertIn("another subscription", sentence)
