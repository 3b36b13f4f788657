"""How monthly recurring revenue moved: every customer is one movement a month, and the movements add up exactly."""

from datetime import date, timedelta
from decimal import Decimal

import frappe
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from oropendola_payments.ai_billing import mrr, records
from oropendola_payments.ai_billing.periods import add_interval, today
from oropendola_payments.ai_billing.report.mrr_movements import mrr_movements
from oropendola_payments.engine.subscriptions import lifecycle, renewal
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.customers import move_to, pay
from oropendola_payments.tests.support.factories import create_plan, create_user, payment_settings
from oropendola_payments.tests.support.proofs import examples

START = date(2024, 1, 1)


class MovementCase(TestCase):
	def setUp(self):
		self.enterContext(payment_settings(tax_rate=18, prices_include_tax=0))
		self.user = create_user()

	def buy(self, months: int, after: int = 0, **plan) -> str:
		"""The invoice of a new subscription that ran for so many months, beginning `after` months after the start."""
		invoice = lifecycle.subscribe(self.user, create_plan(**plan).name, None)["invoice_id"]
		pay(invoice)
		self.set_period(invoice, after, months)
		return invoice

	def set_period(self, invoice: str, after: int, months: int):
		first = add_interval(START, "Month", after)
		last = add_interval(first, "Month", months)
		dates = {"fulfilled_on": first, "period_start": first, "period_end": last}
		frappe.db.set_value("AI Invoice", invoice, dates)
		move_to(frappe.db.get_value("AI Invoice", invoice, "subscription"), start_date=first, end_date=last)

	def moved(self, months: int = 6, currency: str = "INR") -> list[dict]:
		last = add_interval(START, "Month", months) - timedelta(days=1)
		rows = mrr.movements(START, last, currency, self.user)
		for row in rows:
			self.assertEqual(row.opening + sum(row.moved.values()), row.closing)
		return [{kind: amount for kind, amount in row.moved.items() if amount} for row in rows]


class TestMovements(MovementCase):
	def test_new_then_churn_then_reactivation(self):
		self.buy(2)
		self.buy(1, after=4)
		self.assertEqual(
			self.moved(),
			[{"new": 499}, {}, {"churn": -499}, {}, {"reactivation": 499}, {"churn": -499}],
		)

	def test_a_dearer_renewal_is_expansion_and_a_cheaper_one_contraction(self):
		first = self.buy(1)
		name, plan = frappe.db.get_value("AI Invoice", first, ["subscription", "plan"])
		for month, price in ((1, 599), (2, 299)):
			doc = frappe.get_doc("AI Plan", plan)
			doc.price = price
			doc.save(ignore_permissions=True)
			frappe.db.commit()
			move_to(name, end_date=today())
			invoice = renewal.renew(self.user, None, name)["invoice_id"]
			pay(invoice)
			self.set_period(invoice, month, 1)
		self.assertEqual(
			self.moved(4), [{"new": 499}, {"expansion": 100}, {"contraction": -300}, {"churn": -299}]
		)

	def test_a_year_counts_as_twelve_months_and_days_as_their_share(self):
		self.buy(12, price=9990, billing_interval="Year")
		self.assertEqual(self.moved(1), [{"new": Decimal("832.50")}])
		self.user = create_user()
		self.buy(1, price=70, billing_interval="Day", interval_count=7)
		self.assertEqual(self.moved(1), [{"new": Decimal("304.17")}])

	def test_currencies_are_kept_apart_and_have_their_own_decimals(self):
		self.buy(12, price=1000, currency="JPY", billing_interval="Year")
		self.buy(12, price=10, currency="KWD", billing_interval="Year")
		self.assertEqual(self.moved(1, "JPY"), [{"new": 83}])
		self.assertEqual(self.moved(1, "KWD"), [{"new": Decimal("0.833")}])
		self.assertEqual(self.moved(1, "INR"), [])

	def test_a_subscription_that_ended_early_counts_until_then(self):
		invoice = self.buy(6)
		name = frappe.db.get_value("AI Invoice", invoice, "subscription")
		move_to(name, status="Cancelled", ended_on=add_interval(START, "Month", 2), live_key=None)
		self.assertEqual(self.moved(4), [{"new": 499}, {}, {"churn": -499}, {}])

	def test_a_period_that_was_refunded_before_it_began_never_counts(self):
		self.buy(1)
		ahead = self.buy(1, after=1)
		frappe.db.set_value("AI Invoice", ahead, "status", "Refunded")
		frappe.db.commit()
		self.assertEqual(self.moved(3), [{"new": 499}, {"churn": -499}, {}])
		frappe.db.set_value("AI Invoice", ahead, "status", "Paid")
		frappe.db.commit()

	def test_free_plans_trials_and_unpaid_invoices_do_not_count(self):
		lifecycle.subscribe(self.user, create_plan(price=0, is_free=1).name, None)
		lifecycle.subscribe(self.user, create_plan(trial_days=7).name, None)
		lifecycle.subscribe(self.user, create_plan().name, None)
		self.assertEqual(mrr.movements(START, today(), None, self.user), [])

	def test_the_current_month_counts_as_of_today(self):
		invoice = lifecycle.subscribe(self.user, create_plan().name, None)["invoice_id"]
		pay(invoice)
		rows = mrr.movements(today(), today(), None, self.user)
		self.assertEqual([(row.closing, row.customers) for row in rows], [(499, 1)])


class TestReport(MovementCase):
	def run_report(self, **filters) -> tuple:
		return mrr_movements.execute(
			{"from_date": START, "to_date": date(2024, 3, 31), "user": self.user, **filters}
		)

	def test_it_has_exact_amounts_and_a_chart_of_one_currency(self):
		self.buy(2)
		self.buy(2, price=5, currency="USD")
		columns, rows, _message, chart = self.run_report()
		names = {column["fieldname"] for column in columns}
		self.assertEqual(set(rows[0]), names)
		self.assertEqual([row["closing"] for row in rows if row["currency"] == "INR"], [499, 499, 0])
		self.assertEqual(chart["data"]["labels"], ["2024-01", "2024-02", "2024-03"])
		self.assertTrue(all(dataset["name"].endswith(" INR") for dataset in chart["data"]["datasets"]))

	def test_impossible_and_endless_periods_are_refused(self):
		for first, last in ((date(2024, 3, 1), date(2024, 1, 1)), (date(1900, 1, 1), date(2024, 1, 1))):
			with self.assertRaises(frappe.ValidationError):
				self.run_report(from_date=first, to_date=last)

	def test_a_site_without_payments_has_an_empty_report(self):
		self.assertEqual(self.run_report()[1:], ([], None, None))


class TestArithmetic(TestCase):
	@settings(max_examples=examples(200), deadline=None, suppress_health_check=list(HealthCheck))
	@given(
		st.lists(
			st.tuples(st.integers(0, 500), st.integers(1, 400), st.integers(1, 99999), st.integers(0, 3)),
			max_size=12,
		)
	)
	def test_movements_always_add_up_and_are_zero_in_the_long_run(self, periods):
		"""Nothing is counted twice or lost, in whatever order periods of several customers begin, overlap and end."""
		owned = mrr._by_customer(
			[
				mrr.Span(
					f"user{user}",
					"INR",
					START + timedelta(start),
					START + timedelta(start + days),
					Decimal(cents) / 100,
				)
				for start, days, cents, user in periods
			]
		)
		closing = Decimal(0)
		for month in mrr._months(START, START + timedelta(days=930)):
			row = mrr.Movement(month, "INR")
			for own in owned.values():
				mrr._add_customer(row, own)
			self.assertEqual(row.opening, closing)
			closing = row.opening + sum(row.moved.values())
			self.assertEqual(row.closing, closing)
			self.assertGreaterEqual(closing, 0)
		self.assertEqual(closing, 0)


class TestChangesOfPlan(MovementCase):
	def upgraded(self, price: int, day: date, **plan) -> str:
		"""As if the customer had changed to a plan of this price on that day, in a period that began at the start."""
		user = frappe.db.get_value("AI Invoice", self.invoice, "user")
		name = frappe.db.get_value("AI Invoice", self.invoice, "subscription")
		change = records.new("AI Plan Change")
		change.update(
			{
				"subscription": name,
				"user": user,
				"timing": "Now",
				"currency": "INR",
				"effective_on": day,
				"from_plan": self.plan,
				"to_plan": self.plan,
				"due_amount": 0,
			}
		)
		line = records.new("AI Plan Change Line")
		line.update(
			{
				"period_invoice": self.invoice,
				"currency": "INR",
				"days": 31,
				"days_left": 10,
				"plan_before": self.plan,
				"full_before": 499,
				"plan_after": self.plan,
				"full_after": price,
			}
		)
		change.lines = [line]
		change.add()
		change.mark_as_applied()
		frappe.db.set_value("AI Plan Change", change.name, "applied_on", day)
		frappe.db.commit()
		self.addCleanup(self.forget, change.name)
		return change.name

	@staticmethod
	def forget(change: str):
		frappe.db.set_value("AI Plan Change", change, "status", "Expired")
		frappe.db.commit()

	def setUp(self):
		super().setUp()
		self.invoice = self.buy(3)
		self.plan = frappe.db.get_value("AI Invoice", self.invoice, "plan")

	def test_an_applied_upgrade_is_expansion_from_its_day_on(self):
		self.upgraded(999, date(2024, 2, 10))
		self.assertEqual(self.moved(4), [{"new": 499}, {"expansion": 500}, {}, {"churn": -999}])

	def test_two_upgrades_in_a_period_count_with_the_price_that_each_left(self):
		self.upgraded(999, date(2024, 2, 10))
		self.upgraded(2499, date(2024, 3, 10))
		self.assertEqual(
			self.moved(4), [{"new": 499}, {"expansion": 500}, {"expansion": 1500}, {"churn": -2499}]
		)

	def test_an_upgrade_that_was_taken_back_does_not_count(self):
		change = self.upgraded(999, date(2024, 2, 10))
		frappe.get_doc("AI Plan Change", change).mark_as_reverted()
		frappe.db.commit()
		self.assertEqual(self.moved(2), [{"new": 499}, {}])
