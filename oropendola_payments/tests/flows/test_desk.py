"""The Desk: buttons that the server offers on a record, number cards, charts and reports."""

import json
from decimal import Decimal

import frappe
from frappe.utils import now_datetime

from oropendola_payments.ai_billing import analytics
from oropendola_payments.ai_billing.daily.types import Figures, Group
from oropendola_payments.ai_billing.periods import today
from oropendola_payments.ai_billing.report.payment_refunds import payment_refunds
from oropendola_payments.ai_billing.report.payments_by_gateway import payments_by_gateway
from oropendola_payments.ai_billing.report.reconciliation_differences import reconciliation_differences
from oropendola_payments.ai_billing.report.subscriptions_and_mrr import subscriptions_and_mrr
from oropendola_payments.api import desk as desk_api
from oropendola_payments.api import form_actions
from oropendola_payments.engine.refunds import create
from oropendola_payments.engine.settlement import manual_payment
from oropendola_payments.exceptions import BadRequest, NotAllowed
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.factories import (
	as_user,
	create_active_subscription,
	create_invoice,
	create_plan,
	create_user,
	payment_settings,
	unique,
)
from oropendola_payments.tests.support.journey import Journey, customer
from oropendola_payments.tests.support.time_travel import finish_refunds, sweep, sweep_until_settled

REPORTS = (
	"Payments by Gateway",
	"Overdue Parts",
	"Recovered Payments",
	"Reconciliation Differences",
	"Subscriptions and MRR",
	"Coupon Redemptions",
	"MRR Movements",
	"Payment Refunds",
)


class DeskCase(TestCase):
	def setUp(self):
		self.enterContext(payment_settings(tax_rate=0))


class TestOfferedActions(DeskCase):
	def actions(self, invoice) -> set[str]:
		return set(form_actions.invoice_actions(invoice.reload()))

	def test_an_open_invoice_offers_to_record_a_payment(self):
		self.assertEqual(self.actions(create_invoice(customer())), {"pay", "link"})

	def test_a_paid_invoice_offers_a_refund_up_to_the_balance(self):
		invoice = create_invoice(customer())
		manual_payment.record_payment(invoice.name, invoice.total(), unique("transfer"), None, None)
		self.assertLessEqual(self.actions(invoice), {"refund", "issue_document"})
		create.create_refund(invoice.name, 99, "Example")
		self.assertEqual(form_actions.invoice_actions(invoice.reload())["refund"], 400)

	def test_an_attempt_at_a_gateway_offers_to_refresh_its_status(self):
		journey = Journey("payu")
		attempt = journey.start()
		invoice = frappe.get_doc("AI Invoice", journey.invoice)
		self.assertEqual(form_actions.invoice_actions(invoice)["refresh"], attempt)
		doc = frappe.get_doc("Payment Attempt", attempt)
		doc.run_method("onload")
		self.assertTrue(doc.get_onload("can_refresh"))

	def test_a_flagged_invoice_offers_to_finish_the_review(self):
		invoice = create_invoice(customer())
		invoice.flag_for_review("Made up.")
		frappe.db.commit()
		self.assertIn("review", self.actions(invoice))

	def test_a_paid_invoice_without_service_offers_to_retry_fulfilment(self):
		invoice = create_invoice(customer())
		manual_payment.record_payment(invoice.name, invoice.total(), unique("transfer"), None, None)
		frappe.db.set_value("AI Invoice", invoice.name, "fulfilled_on", None)
		self.addCleanup(frappe.db.set_value, "AI Invoice", invoice.name, "fulfilled_on", now_datetime())
		self.assertIn("fulfil", self.actions(invoice))

	def test_auditors_and_customers_are_offered_nothing(self):
		invoice = create_invoice(customer())
		for user in (create_user("Payments Auditor"), customer()):
			with as_user(user):
				self.assertEqual(self.actions(invoice), set())


class TestNumbers(DeskCase):
	def test_revenue_counts_applied_payments_per_currency(self):
		since = analytics._days_ago(1)
		before = analytics.net_revenue(since)[1]
		create_active_subscription(customer(), price=100, currency="INR")
		create_active_subscription(customer(), price=7, currency="USD")
		after = analytics.net_revenue(since)[1]
		gained = {key: after[key] - before.get(key, 0) for key in after if after[key] != before.get(key, 0)}
		self.assertEqual(
			{currency: int(amount) for (_group, currency), amount in gained.items()}, {"INR": 100, "USD": 7}
		)

	def test_payments_are_no_revenue_once_a_gateway_is_live(self):
		self.assertIn("Simulator", analytics.counted_modes())
		name = frappe.get_all("Payment Gateway Settings", {"gateway": "cashflows"}, pluck="name")[0]
		before = frappe.db.get_value("Payment Gateway Settings", name, ["enabled", "mode"], as_dict=True)
		frappe.db.set_value("Payment Gateway Settings", name, {"enabled": 1, "mode": "Live"})
		try:
			self.assertEqual(analytics.counted_modes(), ("Live", "Manual"))
		finally:
			frappe.db.set_value("Payment Gateway Settings", name, dict(before))

	def test_a_revenue_chart_shows_one_currency_and_names_it(self):
		create_active_subscription(customer(), price=100, currency="INR")
		create_active_subscription(customer(), price=7, currency="USD")
		for draw in (analytics.revenue_by_day, analytics.revenue_by_gateway):
			for asked in ("INR", "USD"):
				names = [d["name"] for d in draw(7, asked)["datasets"]]
				self.assertEqual(names, [asked, f"{asked} before refunds"])
		dollars = desk_api.chart({"figure": "Revenue by day", "days": 1, "currency": "USD"})
		self.assertEqual(sum(dollars["datasets"][0]["values"]), self.revenue_today("USD"))
		self.assertTrue(dollars["yMarkers"][0]["label"].startswith("$"))

	def revenue_today(self, currency: str) -> float:
		return float(analytics.net_revenue(analytics._days_ago(0))[0]["", currency])

	def test_revenue_is_net_of_refunds_with_the_gross_beside_it(self):
		since = analytics._days_ago(0)
		before = {
			key: rows.get(("", "EUR"), 0)
			for key, rows in zip("ng", analytics.net_revenue(since), strict=True)
		}
		invoice = create_active_subscription(customer(), price=100, currency="EUR").current_invoice
		create.create_refund(invoice, Decimal(30), "Asked for")
		net, gross = analytics.net_revenue(since)
		self.assertEqual((net["", "EUR"] - before["n"], gross["", "EUR"] - before["g"]), (70, 100))
		for draw, days in ((analytics.revenue_by_day, 1), (analytics.revenue_by_gateway, 0)):
			sums = [sum(dataset["values"]) for dataset in draw(days, "EUR")["datasets"]]
			self.assertAlmostEqual(sums[1] - sums[0], float(gross["", "EUR"] - net["", "EUR"]))
		with as_user(create_user("Payments Auditor")):
			self.assertRegex(desk_api.revenue_this_month(), r"\(.*before refunds\)")

	def test_a_card_names_the_main_currencies_and_counts_the_others(self):
		order = ["INR", "USD", "KWD", "EUR", "JPY"]
		text = desk_api._in_currencies({("", currency): Decimal(1500) for currency in order}, order)
		plain = "".join(sign for sign in text if sign not in "\u2068\u2069").replace("\u00a0", " ")
		self.assertEqual(plain, "₹1,500.00 + $1,500.00 + KWD1,500.000 + 2 more")
		# The sign of a currency that is written from right to left turns nothing around it.
		self.assertEqual((text.count("\u2068"), text.count("\u2069")), (3, 3))

	def test_the_currency_of_most_payments_comes_first(self):
		counts = {"KWD": 7, "INR": 9, "EUR": 2, "JPY": 2}
		found = [Figures(Group(today(), "payu", name, "Live"), captures=n) for name, n in counts.items()]
		self.assertEqual(analytics.currencies(found), ["INR", "KWD", "EUR", "JPY"])
		self.assertEqual(analytics.main_currency(found), "INR")

	def test_the_refund_of_a_surplus_does_not_reduce_revenue(self):
		since = analytics._days_ago(0)
		journey = Journey("payu")
		sweep(journey.invoice)  # what other tests left is settled before the figures are read
		before = analytics.net_revenue(since)[0].get(("", "INR"), 0)
		journey.sim.faults.add("payu", "pay", "wrong_amount", amount_minor=59900)
		journey.deliver_return(journey.customer_pays(journey.start()))
		sweep_until_settled(journey)
		finish_refunds("payu", journey.invoice)
		filters = {"invoice": journey.invoice, "status": "Refunded"}
		amounts = frappe.get_all("Payment Refund", filters, pluck="amount")
		self.assertEqual([int(amount) for amount in amounts], [100])
		self.assertEqual(analytics.net_revenue(since)[0]["", "INR"] - before, 499)

	def test_charts_of_counts_have_an_axis_of_whole_numbers(self):
		for highest, mark in ((1, 4), (2, 4), (3, None), (10, 12), (12, None), (0, None)):
			chart = analytics.in_whole_numbers({"labels": ["a"], "datasets": [{"values": [highest]}]})
			self.assertEqual([m["value"] for m in chart.get("yMarkers", [])], [mark] if mark else [])
		stacked = {"labels": ["a"], "datasets": [{"values": [1]}, {"values": [1]}]}
		self.assertEqual(analytics.in_whole_numbers(stacked, stacked=True)["yMarkers"][0]["value"], 4)

	def test_a_site_without_payments_and_without_a_currency_has_an_empty_revenue_chart(self):
		chart = analytics._in_one_currency(({}, {}), ["1 Apr"], "")
		self.assertEqual([dataset["values"] for dataset in chart["datasets"]], [[0], [0]])

	def test_no_step_of_the_funnel_exceeds_the_one_before(self):
		Journey("payu").start()
		values = analytics.funnel(30)["datasets"][0]["values"]
		self.assertEqual(values, sorted(values, reverse=True))
		self.assertGreater(values[0], 0)

	def test_a_failure_reason_from_a_gateway_is_escaped(self):
		journey = Journey("payu")
		attempt = journey.start()
		values = {"status": "Failed", "error_message": f"<b>{unique('x')}</b>"}
		frappe.db.set_value("Payment Attempt", attempt, values)
		try:
			labels = analytics.failure_reasons(1)["labels"]
			self.assertFalse([label for label in labels if "<" in label])
		finally:
			frappe.db.set_value("Payment Attempt", attempt, {"status": "Processing", "error_message": None})

	def test_number_cards_and_charts_are_for_staff_only(self):
		auditor = create_user("Payments Auditor")
		with as_user(auditor):
			for card in (
				desk_api.revenue_this_month,
				desk_api.success_rate,
				desk_api.abandoned_rate,
				desk_api.pending_too_long,
				desk_api.overdue_parts,
				desk_api.recovered_this_month,
			):
				self.assertIsNotNone(card())
			for figure in desk_api.CHARTS:
				chart = desk_api.chart(json.dumps({"figure": figure, "days": 7}))
				self.assertEqual(len(chart["labels"]), len(chart["datasets"][0]["values"]), figure)
		with as_user(customer()):
			for call in (
				desk_api.revenue_this_month,
				desk_api.success_rate,
				desk_api.pending_too_long,
				desk_api.overdue_parts,
				desk_api.recovered_this_month,
				desk_api.chart,
			):
				with self.assertRaises(NotAllowed):
					call()

	def test_a_chart_that_does_not_exist_is_refused(self):
		with self.assertRaisesRegex(BadRequest, "choose one of"):
			desk_api.chart({"figure": "__class__"})


class TestReports(DeskCase):
	def test_payments_by_gateway_adds_up(self):
		before = self.by_hand()
		invoice = create_invoice(customer(), price=300)
		manual_payment.record_payment(invoice.name, invoice.total(), unique("transfer"), None, None)
		create.create_refund(invoice.name, 100, "Example")
		after = self.by_hand()
		self.assertEqual(
			[round(after[name] - before[name], 2) for name in ("paid", "taken", "refunded", "net")],
			[1, 300, 100, 200],
		)

	def by_hand(self) -> dict:
		_columns, rows, _message, _chart = payments_by_gateway.execute({"currency": "INR", "mode": "Manual"})
		empty = dict.fromkeys(("paid", "taken", "refunded", "net"), 0)
		return next((row for row in rows if row["gateway"] == "Bank transfer or cash"), empty)

	def test_every_attempt_is_counted_in_one_column(self):
		Journey("payu").start()
		_columns, rows, _message, _chart = payments_by_gateway.execute({"mode": "Simulator"})
		self.assertTrue(any(row["open"] for row in rows))
		for row in rows:
			ended = sum(row[name] for name in payments_by_gateway.COUNTED.values())
			self.assertEqual(row["attempts"], ended + row["open"], row)

	def test_a_period_without_payments_is_empty(self):
		columns, rows, _message, chart = payments_by_gateway.execute(
			{"from_date": "2001-01-01", "to_date": "2001-01-31"}
		)
		self.assertTrue(columns)
		self.assertEqual((rows, chart), ([], None))

	def test_monthly_revenue_spreads_longer_periods(self):
		yearly = create_plan(price=1200, billing_interval="Year")
		self.pay(yearly)
		row = self.plan_row(yearly.name)
		self.assertEqual((row["active"], row["mrr"]), (1, 100))

	def test_an_unpaid_subscription_adds_no_monthly_revenue(self):
		plan = create_plan(price=500)
		create_invoice(customer(), plan=plan)
		row = self.plan_row(plan.name)
		self.assertEqual((row["pending"], row["active"], row["mrr"]), (1, 0, 0))

	def pay(self, plan):
		invoice = create_invoice(customer(), plan=plan)
		manual_payment.record_payment(invoice.name, invoice.total(), unique("transfer"), None, None)

	def plan_row(self, plan: str) -> dict:
		_columns, rows, _message, _chart = subscriptions_and_mrr.execute({"plan": plan})
		return rows[0]

	def test_currencies_are_not_mixed_in_one_chart(self):
		rows = [
			{"plan_name": "Starter", "currency": currency, "active": count, "mrr": 5}
			for currency, count in (("INR", 2), ("USD", 3))
		]
		self.assertEqual(subscriptions_and_mrr._chart(rows)["data"]["labels"], ["Starter USD"])

	def test_refunds_are_listed_with_escaped_reasons(self):
		invoice = create_invoice(customer())
		manual_payment.record_payment(invoice.name, invoice.total(), unique("transfer"), None, None)
		refund = create.create_refund(invoice.name, 5, "Too much")["refund"]
		frappe.db.set_value("Payment Refund", refund, "reason", "<b>Too much</b>")  # as before 0.2
		_columns, rows = payment_refunds.execute({"gateway": "Bank transfer or cash", "status": "Refunded"})
		row = next(row for row in rows if row["name"] == refund)
		self.assertEqual((row["amount"], row["reason"]), (5, "&lt;b&gt;Too much&lt;/b&gt;"))

	def test_differences_list_invoices_waiting_for_review(self):
		invoice = create_invoice(customer())
		self.assertEqual(self.differences(invoice.name), [])
		invoice.flag_for_review("Look at this.")
		frappe.db.set_value("AI Invoice", invoice.name, "review_reason", "Look at <this>.")  # as before 0.2
		frappe.db.commit()
		row = self.differences(invoice.name)[0]
		self.assertEqual((row["kind"], row["difference"]), ("Review", "Look at &lt;this&gt;."))
		self.assertEqual(row["amount"], 499)

	def test_every_kind_of_difference_has_an_instruction(self):
		self.assertEqual(set(reconciliation_differences.ACTIONS), set(reconciliation_differences.SOURCES))
		self.assertIn("action", [column["fieldname"] for column in reconciliation_differences.columns()])

	def test_a_review_of_a_paid_invoice_shows_its_amount(self):
		invoice = create_invoice(customer())
		manual_payment.record_payment(invoice.name, invoice.total(), unique("transfer"), None, None)
		invoice.reload().flag_for_review("Made up.")
		frappe.db.commit()
		self.assertEqual(self.differences(invoice.name)[0]["amount"], 499)

	def test_differences_list_amounts_that_do_not_add_up(self):
		invoice = create_invoice(customer())
		frappe.db.set_value("AI Invoice", invoice.name, "amount_paid", 5)
		try:
			self.assertEqual([(r["kind"], r["amount"]) for r in self.differences(invoice.name)], [("Sum", 5)])
		finally:
			frappe.db.set_value("AI Invoice", invoice.name, "amount_paid", 0)

	def test_differences_list_an_unknown_refund(self):
		invoice = create_invoice(customer())
		manual_payment.record_payment(invoice.name, invoice.total(), unique("transfer"), None, None)
		refund = create.create_refund(invoice.name, 5, "Example")["refund"]
		frappe.db.set_value("Payment Refund", refund, "status", "Unknown")
		try:
			self.assertEqual([r["record"] for r in self.differences(invoice.name)], [refund])
		finally:
			frappe.db.set_value("Payment Refund", refund, "status", "Refunded")

	def differences(self, invoice: str) -> list[dict]:
		_columns, rows, _message = reconciliation_differences.execute({})
		return [row for row in rows if row["invoice"] == invoice]

	def test_only_managers_and_auditors_may_open_the_reports(self):
		for name in REPORTS:
			roles = {row.role for row in frappe.get_doc("Report", name).roles}
			self.assertEqual(roles, {"Payments Manager", "Payments Auditor", "System Manager"}, name)
