"""A change of plan neither buys an allowance for a fraction of its price, nor credits one that is used up."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from functools import partial
from unittest.mock import patch

import frappe

from oropendola_payments.ai_billing import formatting
from oropendola_payments.ai_billing.periods import add_interval, today
from oropendola_payments.api import subscription as api
from oropendola_payments.api import subscription_renewal as renewal
from oropendola_payments.engine.jobs import plan_change_jobs
from oropendola_payments.engine.metering import gate
from oropendola_payments.engine.parts import choose
from oropendola_payments.engine.parts.schedule import rows_of
from oropendola_payments.engine.plan_changes import token
from oropendola_payments.engine.plan_changes.preview import make_offer
from oropendola_payments.engine.refunds import create
from oropendola_payments.engine.settlement import disputes, manual_payment
from oropendola_payments.gateways.base import DisputeEvent
from oropendola_payments.money import from_minor, unused_share
from oropendola_payments.tests.support.customers import pay
from oropendola_payments.tests.support.factories import create_plan, payment_settings, unique
from oropendola_payments.tests.support.metered import WINDOW, Metered, at_midnight, limit
from oropendola_payments.tests.support.parts import create_instalment_plan
from oropendola_payments.tests.support.plan_changes import PlanChangeCase
from oropendola_payments.web.plan_changes import shown_quote


class AllowanceCase(Metered, PlanChangeCase):
	def plans_with(self, small: dict, large: dict, **values):
		self.make_plan("S", requests_limit_per_day=0, limits=[small] if small else [], **values)
		self.make_plan("P", requests_limit_per_day=0, limits=[large] if large else [], **values)

	def left(self) -> int:
		return self.consume(1)[f"requests:{self.window.lower()}"] + 1

	def limits(self) -> list[dict]:
		return gate.check(self.api_key())["windows"]


class TestTheShareOfAnAllowance(AllowanceCase):
	window = "Period"

	def test_an_upgrade_on_the_last_day_buys_a_days_share_of_the_allowance(self):
		"""U36: 29 of 30 days are over, so of 89,000 requests more it buys a thirtieth."""
		self.plans_with(limit(1000), limit(90_000))
		self.start("S", days_left=1)
		self.consume(1000)
		self.upgrade("P")
		self.assertEqual(self.consume(2_966), {"requests:period": 1})
		row = self.limits()[0]
		self.assertEqual((row["limit"], row["used"], row["remaining"]), (3_967, 3_966, 1))
		self.consume(1)
		self.used_up()

	def test_it_does_so_before_the_first_call_too_and_the_quote_says_it(self):
		self.plans_with(limit(1000), limit(90_000))
		ends_on = self.start("S", days_left=15).end_date
		quote = self.preview("P")
		said = {"window": "requests:period", "limit": 90_000, "until_then": 45_500, "ends_on": ends_on}
		self.assertEqual(quote["limits"], [said])
		self.assertEqual(
			shown_quote(quote)["limits"],
			[
				f"Until {formatting.day(ends_on)}: 45,500 requests in all. After that: 90,000 in each billing period."
			],
		)
		self.upgrade("P")
		self.assertEqual(self.left(), 45_500)

	def test_it_does_so_for_a_window_whose_last_use_was_in_an_earlier_one(self):
		self.plans_with(limit(1000), limit(90_000))
		self.start("S", days_left=15)
		self.consume(100)
		frappe.db.set_value(WINDOW, {"subscription": self.subscription}, "ends_at", at_midnight(today()))
		self.upgrade("P")
		self.assertEqual(self.left(), 45_500)

	def test_a_limit_that_the_old_plan_did_not_have_is_shared_out_by_days(self):
		self.plans_with({}, limit(900))
		self.start("S", days_left=10)
		self.upgrade("P")
		self.assertEqual(self.left(), 300)

	def test_an_allowance_that_a_manager_changes_is_shared_out_anew(self):
		"""What is kept back of 90,000 is more than all of 60,000."""
		self.plans_with(limit(1000), limit(90_000))
		self.start("S", days_left=3)
		self.consume(10)
		self.upgrade("P")
		for allowance, left in ((60_000, 6_890), (120_000, 12_890)):
			plan = frappe.get_doc("AI Plan", self.plans["P"].name)
			plan.limits[0].allowance = allowance
			with patch.object(frappe, "enqueue", partial(frappe.enqueue, now=True)):
				plan.save(ignore_permissions=True)
				frappe.db.commit()
			self.assertEqual(self.limits()[0]["remaining"], left)

	def test_a_second_upgrade_counts_on_from_what_the_first_one_bought(self):
		self.plans_with(limit(300), limit(900))
		self.start("S", days_left=20)
		self.upgrade("P")
		self.assertEqual(self.left(), 700)
		self.days_pass(10)
		self.make_plan("M", requests_limit_per_day=0, limits=[limit(3000)])
		self.assertEqual(self.preview("M")["limits"][0]["until_then"], 1400)
		self.upgrade("M")
		self.assertEqual(self.consume(1), {"requests:period": 700 + 700 - 2})

	def test_the_next_period_has_all_of_it(self):
		self.plans_with(limit(1000), limit(90_000))
		self.start("S", days_left=1)
		self.consume(10)
		self.upgrade("P")
		pay(self.succeed(renewal.renew_subscription)["invoice_id"])
		self.days_pass(1)
		self.assertEqual(self.left(), 90_000)
		self.assertEqual(frappe.db.get_value(WINDOW, {"subscription": self.subscription}, "not_bought"), 0)

	def test_a_refunded_upgrade_goes_back_to_the_old_allowance(self):
		self.plans_with(limit(1000), limit(90_000))
		self.start("S", days_left=15)
		self.consume(10)
		made = self.upgrade("P")
		create.create_refund(made["invoice_id"], None, "A test")
		self.assertEqual((self.code(), self.left()), ("S", 990))

	def test_a_refund_gives_all_of_the_old_allowance_back_although_the_new_plan_had_no_such_limit(self):
		self.plans_with(limit(1000), {})
		self.start("S", days_left=10)
		self.consume(600)
		made = self.upgrade("P")
		create.create_refund(made["invoice_id"], None, "A test")
		self.assertEqual((self.code(), self.left()), ("S", 400))

	def test_changes_back_and_forth_allow_what_the_last_quote_said(self):
		self.make_plan("S", requests_limit_per_day=0)
		self.make_plan("P", requests_limit_per_day=0, limits=[limit(1000)])
		self.make_plan("M", requests_limit_per_day=0)
		self.plans["X"] = create_plan(price=4999, requests_limit_per_day=0, limits=[limit(2000)])
		self.start("S", days_left=15)
		self.upgrade("P")
		self.consume(1)
		self.upgrade("M")
		said = self.preview("X")["limits"][0]["until_then"]
		self.upgrade("X")
		self.assertEqual((said, self.left()), (1000, 999))

	def test_a_pause_after_an_upgrade_buys_nothing(self):
		self.plans_with(limit(1000), limit(90_000), allow_pause=1)
		self.start("S", days_left=8)
		self.consume(1)
		self.upgrade("P")
		before = self.left()
		self.succeed(api.pause_subscription, days=7)
		self.days_pass(7)
		self.succeed(api.resume_subscription)
		frappe.db.delete(WINDOW, {"subscription": self.subscription})
		frappe.db.commit()
		self.assertEqual(self.left(), before + 1, "counted again from the change of plan")

	def test_a_refund_during_a_pause_gives_all_of_the_old_allowance_back(self):
		self.plans_with(limit(1000), limit(90_000), allow_pause=1)
		self.start("S", days_left=15)
		self.consume(10)
		made = self.upgrade("P")
		self.succeed(api.pause_subscription, days=30)
		self.days_pass(25)
		create.create_refund(made["invoice_id"], None, "A test")
		self.succeed(api.resume_subscription)
		self.assertEqual((self.code(), self.left()), ("S", 990))

	def test_a_part_of_the_next_period_buys_nothing_of_this_one(self):
		instalments = create_instalment_plan(every=0)
		self.make_plan("S", requests_limit_per_day=0, limits=[limit(1000)])
		rows = [{"instalment_plan": instalments}]
		self.make_plan("P", requests_limit_per_day=0, limits=[limit(90_000)], instalment_plans=rows)
		self.start("S", days_left=2)
		self.upgrade("P")
		before = self.left()
		renewed = self.succeed(renewal.renew_subscription)["invoice_id"]
		choose.choose(self.user, renewed, instalments)
		first = rows_of(renewed)[0].total()
		manual_payment.record_payment(renewed, first, unique("transfer"), None, None)
		self.assertGreater(frappe.db.get_value("AI Invoice", renewed, "covered_days"), 0)
		self.assertEqual(self.left(), before - 1)

	def test_a_dearer_plan_that_allows_less_counts_at_once(self):
		self.plans_with(limit(3000), limit(1000))
		self.start("S", days_left=15)
		self.upgrade("P")
		self.assertEqual(self.left(), 1000)

	def test_a_smaller_plan_counts_at_once(self):
		"""A week that runs over the day of the change keeps nothing back that the smaller plan allows."""
		self.plans_with(limit(100, "Week"), limit(700, "Week"))
		self.start("P", days_left=15)
		self.consume(10)
		self.change("S")
		pay(self.succeed(renewal.renew_subscription)["invoice_id"])
		self.days_pass(15)
		plan_change_jobs.run_plan_changes()
		self.window = "Week"
		self.assertEqual((self.code(), self.left() > 0), ("S", True))
		self.assertLessEqual(self.left(), 100)


class TestSharesOfMonths(AllowanceCase):
	window = "Month"

	def test_an_upgrade_shares_out_the_month_that_runs(self):
		self.plans_with(limit(100, "Month"), limit(3100, "Month"))
		self.start("S", days_left=15)
		self.consume(100)
		self.upgrade("P")
		begin = self.doc().start_date
		days = (self.ends("Month").date() - begin).days
		self.assertEqual(self.left(), 3000 - 3000 * (today() - begin).days // days)

	def test_a_refund_leads_back_to_a_period_that_has_not_begun(self):
		"""It was paid during a trial."""
		self.make_plan("S", requests_limit_per_day=0, trial_days=7, limits=[limit(100, "Month")])
		self.make_plan("PY", requests_limit_per_day=0, limits=[limit(1000, "Month")])
		trial = self.succeed(api.create_subscription_and_invoice, plan_id=self.plans["S"].name)
		self.subscription, self.key = trial["subscription_id"], trial["api_key"]
		pay(self.succeed(renewal.renew_subscription)["invoice_id"])
		made = self.upgrade("PY")
		create.create_refund(made["invoice_id"], None, "A test")
		self.assertEqual((self.code(), self.left()), ("S", 100))

	def test_a_longer_interval_has_its_whole_allowance(self):
		self.plans_with(limit(100, "Month"), limit(3100, "Month"))
		self.make_plan("PY", requests_limit_per_day=0, limits=[limit(1000, "Month")])
		self.start("S", days_left=15)
		self.consume(1)
		self.upgrade("P")
		self.upgrade("PY")
		self.assertEqual(self.left(), 1000)

	def test_a_longer_interval_begins_a_month_and_not_two(self):
		"""U36. Two days before the old month ends."""
		self.make_plan("S", requests_limit_per_day=0, limits=[limit(100, "Month")])
		self.make_plan("PY", requests_limit_per_day=0, limits=[limit(1000, "Month")])
		self.start("S", days_left=2)
		self.consume(100)
		self.assertEqual(self.preview("PY")["lines"][0]["amount"], 0, "what is used up is not credited")
		self.upgrade("PY")
		self.consume(1000)
		self.assertEqual(self.ends("Month"), at_midnight(add_interval(today(), "Month", 1)))
		self.days_pass(3)
		self.used_up()

	def test_a_refund_of_the_longer_interval_goes_back_to_what_was_used_of_the_month(self):
		self.make_plan("S", requests_limit_per_day=0, limits=[limit(100, "Month")])
		self.make_plan("PY", requests_limit_per_day=0, limits=[limit(1000, "Month")])
		self.start("S", days_left=15)
		self.consume(100)
		ends = self.ends("Month")
		made = self.upgrade("PY")
		create.create_refund(made["invoice_id"], None, "A test")
		self.assertEqual((self.code(), self.ends("Month")), ("S", ends))
		self.used_up()


class TestCreditForWhatIsUsedUp(AllowanceCase):
	def credit(self, code: str) -> Decimal:
		return -sum(row["amount"] for row in self.preview(code)["lines"] if row["kind"] == "credit")

	def test_a_longer_interval_does_not_pay_for_an_allowance_that_was_used_up(self):
		"""U34."""
		self.plans_with(limit(100), {})
		self.make_plan("PY", requests_limit_per_day=0, limits=[limit(1200)])
		self.start("S", days_left=15)
		half = from_minor(unused_share(49900, 15, 30), "INR")
		self.assertEqual(self.credit("PY"), half)
		self.consume(50)
		self.assertEqual(self.credit("PY"), half)
		self.consume(25)
		self.assertEqual(self.credit("PY"), from_minor(unused_share(49900, 25, 100), "INR"))
		self.consume(25)
		self.assertEqual(self.credit("PY"), 0)
		self.upgrade("PY")
		self.assertEqual(self.code(), "PY")
		self.assert_sound()

	def test_a_plan_without_the_limit_that_was_used_up_costs_its_days(self):
		"""U34."""
		self.plans_with(limit(100), {})
		self.start("S", days_left=15)
		self.consume(100)
		quote = self.preview("P")
		self.assertEqual((quote["timing"], quote["net_amount"]), ("Now", Decimal("499.50")))

	def test_a_limit_that_goes_on_is_credited_by_days(self):
		self.plans_with(limit(100), limit(1000))
		self.start("S", days_left=15)
		self.consume(100)
		self.assertEqual(self.preview("P")["net_amount"], Decimal("250.00"))

	def test_a_few_calls_between_the_quote_and_its_confirmation_change_nothing(self):
		self.plans_with(limit(1000), {})
		self.make_plan("PY", requests_limit_per_day=0)
		self.start("S", days_left=10)
		self.consume(910)
		quote = self.preview("PY")
		self.assertEqual(quote["lines"][0]["amount"], Decimal("-49.90"))  # 90 of 1000 are left, so 10 %
		self.consume(20)
		self.assertIn("invoice_id", self.change("PY", quote))

	def test_a_quote_whose_allowance_was_used_up_meanwhile_is_outdated(self):
		self.plans_with(limit(1000), {})
		self.make_plan("PY", requests_limit_per_day=0)
		self.start("S", days_left=10)
		quote = self.preview("PY")["quote"]
		self.consume(1000)
		self.refused("quote_outdated", api.change_plan, plan_id=self.plans["PY"].name, quote=quote)

	def test_a_credit_is_never_below_nothing(self):
		"""What is used up is rounded for net and tax, and the price with its tax as a whole."""
		with payment_settings(prices_include_tax=1):
			self.plans_with(limit(100), {}, price=503)
			self.make_plan("PY", requests_limit_per_day=0)
			self.start("S", days_left=15)
			self.consume(100)
			self.assertEqual(self.credit("PY"), 0)

	def test_a_quote_holds_over_the_midnight_that_ends_a_week(self):
		self.plans_with(limit(100, "Week"), {})
		self.start("S", days_left=15)
		self.consume(100)
		offered = self.preview("P")
		self.assertLess(self.credit("P"), Decimal("249.50"))
		terms = token.read_terms(offered["quote"])
		frappe.db.set_value(WINDOW, {"subscription": self.subscription}, "ends_at", at_midnight(today()))
		frappe.db.commit()
		yesterday = replace(terms, on=terms.on - timedelta(days=1))
		used = make_offer(self.doc(), self.plans["P"], self.periods(), None, terms=yesterday)
		self.assertGreater(sum(line.used_up[0] for line in used.quote.lines), 0)

	def test_late_money_counts_what_was_used_up_when_it_was_quoted(self):
		self.plans_with(limit(100), {})
		self.start("S", days_left=20)
		self.consume(100)
		made = self.change("P")
		self.days_pass(10)
		self.lapse(made)
		pay(made["invoice_id"])
		change = frappe.get_doc("AI Plan Change", made["plan_change"])
		self.assertEqual((change.status, change.lines[0].credit, change.lines[0].charge), ("Applied", 0, 333))

	def test_days_whose_payment_the_bank_took_back_are_not_credited(self):
		self.start("S")
		self.make_plan("P")
		capture = frappe.get_all(
			"Payment Capture", {"invoice": self.invoice}, ["name", "gateway", "gateway_payment_id"]
		)[0]
		frappe.db.set_value("Payment Capture", capture.name, "gateway", "stripe")
		frappe.db.commit()
		event = DisputeEvent(payment_id=capture.gateway_payment_id, state="lost", dispute_id="dp_1")
		disputes.record("stripe", event)
		text = self.refused("conflict", api.preview_plan_change, plan_id=self.plans["P"].name)
		self.assertEqual(
			text, "A payment of your subscription is disputed. Please contact us to change the plan."
		)
