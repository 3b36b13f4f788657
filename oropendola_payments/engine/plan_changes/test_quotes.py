"""A quote is confirmed exactly, or refused: forged, old, foreign and impossible ones change nothing."""

from datetime import timedelta
from decimal import Decimal

import frappe

from oropendola_payments.api import subscription as api
from oropendola_payments.engine.entitlements.paid_periods import paid_periods
from oropendola_payments.engine.plan_changes import token
from oropendola_payments.engine.plan_changes.preview import make_offer
from oropendola_payments.tests.support.customers import move_to
from oropendola_payments.tests.support.factories import create_user, payment_settings
from oropendola_payments.tests.support.parallel import in_parallel
from oropendola_payments.tests.support.plan_changes import PlanChangeCase


class TestConfirming(PlanChangeCase):
	def confirm(self, quote: str, code: str = "P") -> dict:
		return self.call(api.change_plan, plan_id=self.plans[code].name, quote=quote)

	def nothing_changed(self):
		self.assertEqual(frappe.db.count("AI Plan Change", {"subscription": self.subscription}), 0)
		upgrades = {"subscription": self.subscription, "purpose": "Upgrade"}
		self.assertEqual(frappe.db.count("AI Invoice", upgrades), 0)

	def set_price(self, code: str, price: int):
		plan = frappe.get_doc("AI Plan", self.plans[code].name)
		plan.price = price
		plan.save(ignore_permissions=True)
		frappe.db.commit()

	def test_a_quote_holds_although_the_price_was_changed(self):
		self.start()
		quote = self.preview("P")
		self.set_price("P", 1999)
		self.assertEqual(self.change("P", quote)["due_now"], 295)
		self.assertEqual(self.preview("P")["net_amount"], 750)

	def test_a_quote_holds_over_midnight(self):
		self.start()
		terms = token.read_terms(self.preview("P")["quote"])
		move_to(self.subscription, end_date=self.doc().end_date - timedelta(days=1))
		row = frappe.get_doc("AI Invoice", self.invoice)
		days = {field: row.get(field) - timedelta(days=1) for field in ("period_start", "period_end")}
		frappe.db.set_value("AI Invoice", self.invoice, days)
		frappe.db.commit()
		yesterday = token.Terms(terms.on - timedelta(days=1), terms.currency, terms.price, terms.valid_until)
		self.assertEqual(self.confirm_terms(yesterday)["due_now"], 295)

	def confirm_terms(self, terms: token.Terms) -> dict:
		"""Confirm what these terms would have quoted."""
		offer = make_offer(self.doc(), self.plans["P"], paid_periods(self.subscription), None, terms=terms)
		answer = self.confirm(token.sign(terms, offer.signed_content()))
		self.assertTrue(answer["success"], answer)
		return answer

	def test_a_quote_whose_time_is_over_gets_the_new_one(self):
		self.start()
		terms = token.read_terms(self.preview("P")["quote"])
		over = token.Terms(terms.on, terms.currency, terms.price, terms.valid_until - timedelta(minutes=16))
		with self.assertRaises(AssertionError):
			self.confirm_terms(over)
		self.nothing_changed()

	def test_a_forged_price_changes_nothing_and_gets_the_right_quote(self):
		"""S61."""
		self.start()
		quote = self.preview("P")["quote"]
		for forged in (quote.replace(".99900.", ".49900."), quote[:-1] + ("0" if quote[-1] != "0" else "1")):
			answer = self.confirm(forged)
			self.assertEqual((answer["error_code"], answer["quote"]["due_now"]), ("quote_outdated", 295))
		self.nothing_changed()

	def test_something_that_is_no_quote_is_refused(self):
		self.start()
		self.make_plan("P")
		for nonsense in (
			"x",
			"20261116.INR.1.1.ff",
			"99999999.INR.1.1." + "0" * 64,
			"20261116.INR.-1.1." + "0" * 64,
		):
			self.assertEqual(self.confirm(nonsense)["error_code"], "bad_request", nonsense)
		self.nothing_changed()

	def test_a_quote_for_another_plan_is_refused(self):
		self.start()
		self.make_plan("M")
		self.assertEqual(self.confirm(self.preview("P")["quote"], "M")["error_code"], "quote_outdated")
		self.nothing_changed()

	def test_a_quote_of_another_customer_is_refused(self):
		"""S61."""
		self.start()
		quote = self.preview("P")["quote"]
		mine = self.subscription
		self.user = create_user()
		self.start()
		self.assertEqual(self.confirm(quote)["error_code"], "quote_outdated")
		self.assertNotEqual(self.subscription, mine)
		self.nothing_changed()

	def test_a_tax_that_was_changed_makes_the_quote_outdated(self):
		self.start()
		quote = self.preview("P")["quote"]
		with payment_settings(tax_rate=28):
			answer = self.confirm(quote)
		self.assertEqual(answer["error_code"], "quote_outdated")
		self.nothing_changed()

	def test_credit_that_was_spent_elsewhere_makes_the_quote_outdated(self):
		self.start()
		capture = self.give_credit(100)
		quote = self.preview("P")["quote"]
		frappe.db.set_value("Payment Capture", capture, "resolution", "Flag")
		frappe.db.commit()
		answer = self.confirm(quote)
		self.assertEqual((answer["error_code"], answer["quote"]["due_now"]), ("quote_outdated", 295))

	def test_a_second_click_on_a_change_without_payment_gets_the_same_answer(self):
		self.start()
		self.give_credit(400)
		quote = self.preview("P")
		first, second = self.change("P", quote), self.change("P", quote)
		self.assertEqual(first["plan_change"], second["plan_change"])

	def test_ten_confirmations_at_once_make_one_change(self):
		self.start()
		quote = self.preview("P")
		answers = in_parallel(10, lambda _number: self.change("P", quote))
		self.assertEqual(len({answer["plan_change"] for answer in answers}), 1, answers[:2])
		upgrades = {"subscription": self.subscription, "purpose": "Upgrade"}
		self.assertEqual(frappe.db.count("AI Invoice", upgrades), 1)
		self.assert_sound()

	def test_two_tabs_with_different_plans_leave_one_open_change(self):
		self.start()
		quotes = {code: self.preview(code) for code in ("P", "M")}
		in_parallel(6, lambda number: self.call(
			api.change_plan, plan_id=self.plans["PM"[number % 2]].name, quote=quotes["PM"[number % 2]]["quote"]
		))  # fmt: skip
		open_ones = {"subscription": self.subscription, "status": "Awaiting Payment"}
		self.assertEqual(frappe.db.count("AI Plan Change", open_ones), 1)
		unpaid = {"subscription": self.subscription, "purpose": "Upgrade", "status": "Pending"}
		self.assertEqual(frappe.db.count("AI Invoice", unpaid), 1)
		self.assert_sound()


class TestRefusals(PlanChangeCase):
	def refusal(self, code: str, plan: str, **arguments) -> str:
		return self.refused(code, api.preview_plan_change, plan_id=plan, **arguments)

	def test_a_plan_that_does_not_exist_is_not_found(self):
		self.start()
		self.refusal("not_found", "no-such-plan")

	def test_a_plan_that_is_not_sold_any_more_is_refused(self):
		self.start()
		plan = self.make_plan("P")
		frappe.get_doc("AI Plan", plan.name).update({"is_active": 0}).save(ignore_permissions=True)
		self.refusal("unprocessable", plan.name)

	def test_the_same_plan_is_refused(self):
		self.start()
		self.assertIn("already have Starter", self.refusal("conflict", self.plans["S"].name))

	def test_a_currency_that_the_plan_lacks_is_refused(self):
		self.start()
		self.refusal("bad_request", self.make_plan("P").name, currency="USD")

	def test_a_subscription_of_another_customer_is_not_found(self):
		self.start()
		theirs = self.subscription
		self.user = create_user()
		self.start()
		self.refusal("not_found", self.make_plan("P").name, subscription_id=theirs)

	def test_a_customer_without_a_subscription_is_told_to_choose_a_plan(self):
		self.refusal("not_found", self.make_plan("P").name)

	def test_of_several_subscriptions_one_must_be_named(self):
		self.start("S")
		self.start("M")
		self.refusal("ambiguous_subscription", self.make_plan("P").name)
		quote = self.preview("P", subscription_id=self.subscription)
		self.assertEqual(quote["from_plan_name"], "Max")

	def test_a_subscription_that_was_never_paid_is_refused(self):
		self.subscribe(self.make_plan("S"))
		self.refusal("conflict", self.make_plan("P").name)

	def test_a_change_of_tax_since_the_sale_credits_the_tax_that_was_paid(self):
		self.start()
		with payment_settings(tax_rate=28):
			quote = self.preview("P")
			self.assertEqual((quote["net_amount"], quote["tax_amount"]), (250, Decimal("94.95")))
			made = self.upgrade("P")
		self.assertEqual(self.invoice_of(made).total(), Decimal("344.95"))
		self.assert_sound()

	def test_a_preview_writes_nothing(self):
		self.start()
		before = frappe.db.count("AI Invoice"), frappe.db.count("AI Plan Change"), self.doc().modified
		self.preview("P")
		self.assertEqual(
			(frappe.db.count("AI Invoice"), frappe.db.count("AI Plan Change"), self.doc().modified), before
		)
