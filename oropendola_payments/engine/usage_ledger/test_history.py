"""What customers and keys see of their usage: right figures, only their own, with few statements."""

import csv
import io
from datetime import timedelta
from unittest.mock import patch

import frappe

from oropendola_payments.ai_billing.periods import today
from oropendola_payments.ai_billing.report.usage import usage as report
from oropendola_payments.engine.keys import manage
from oropendola_payments.engine.metering import usage
from oropendola_payments.engine.metering.test_usage import served_customer
from oropendola_payments.engine.usage_ledger import events, history, rollup
from oropendola_payments.engine.usage_ledger.test_rollup import SumsCase
from oropendola_payments.exceptions import BadRequest
from oropendola_payments.tests.flows.test_statement_budgets import counted_statements
from oropendola_payments.tests.support.factories import create_user, unique
from oropendola_payments.tests.support.http import call, message
from oropendola_payments.tests.support.pages import page
from oropendola_payments.www import usage as usage_page


class HistoryCase(SumsCase):
	def get(self, endpoint: str = "usage.get_usage", **query):
		return call(endpoint, method="GET", headers={"X-API-Key": self.key}, query_string=query)

	def as_owner(self, endpoint: str, user: str | None = None, **query):
		return call(endpoint, method="GET", user=user or self.doc.user, query_string=query)


class TestFigures(HistoryCase):
	def used(self, by: str = "day") -> list[tuple]:
		rows = history.period(self.doc.name).used(by)
		return [(row.requests, row.input_tokens, row.output_tokens, row.units) for row in rows]

	def test_rows_count_before_and_after_they_are_summed_up(self):
		self.use("e-1", 2, (10, 5))
		self.assertEqual(self.used(), [(2, 10, 5, 2.0)])
		rollup.roll_up()
		self.use("e-2", 3)
		self.assertEqual(self.used(), [(5, 10, 5, 5.0)])

	def test_models_are_listed_apart(self):
		self.use("e-1", 2)
		self.use("e-2", 1, (1000, 0), "small-1")
		self.assertEqual(self.used("model"), [(2, 0, 0, 2.0), (1, 1000, 0, 1.0)])

	def test_other_days_and_other_subscriptions_are_not_counted(self):
		_doc, key = served_customer()
		events.consume(key, 9, event_id="e-1")
		frappe.db.commit()
		self.use("e-1", 1)
		rollup.roll_up()
		self.age(40)
		self.assertEqual(self.used(), [])
		first = str(today() - timedelta(days=45))
		self.assertEqual(history.period(self.doc.name, first).used("day")[0].requests, 1)


class TestByKey(HistoryCase):
	plan = {**SumsCase.plan, "max_api_keys": 3}

	def test_a_key_sees_its_limits_and_what_it_used(self):
		self.use("e-1", 2, (100, 0), "small-1")
		seen = message(self.get())
		self.assertEqual(seen["days"][0]["day"], str(today()))
		self.assertEqual(
			{name: seen["days"][0][name] for name in ("model", "requests", "input_tokens", "units")},
			{"model": "small-1", "requests": 2, "input_tokens": 100, "units": 0.1},
		)
		self.assertEqual((seen["total"]["requests"], seen["is_complete"]), (2, True))
		limits = {row["window"]: row["used"] for row in seen["limits"]}
		self.assertEqual(limits, {"requests:day": 2, "requests:hour": 2, "tokens:day": 100, "units:month": 1})

	def test_a_key_does_not_see_what_other_keys_used(self):
		"""U16"""
		other = manage.create(self.doc.user, unique("key"), self.doc.name)["api_key"]
		frappe.db.commit()
		events.consume(other, 7, "large", event_id="e-other")
		frappe.db.commit()
		self.assertEqual(message(self.get())["days"], [])
		owner = message(self.as_owner("subscription.get_usage", subscription_id=self.doc.name))
		self.assertEqual(owner["total"]["requests"], 7)

	def test_looking_takes_no_quota(self):
		for _time in range(2):
			limits = message(self.get())["limits"]
		self.assertEqual({row["used"] for row in limits}, {0})

	def test_without_a_valid_key_nothing_is_shown(self):
		for endpoint in ("usage.get_usage", "usage.get_event"):
			answer = call(endpoint, method="GET", query_string={"event_id": "e-1"})
			self.assertEqual(answer.status_code, 401)

	def test_what_one_event_used_is_found_by_its_id(self):
		self.reserve("e-1", 1, (1000, 0))
		self.settle("e-1", 400, 0)
		seen = message(self.get("usage.get_event", event_id="e-1"))
		self.assertEqual((seen["state"], seen["input_tokens"], seen["units"]), ("settled", 400, 0.4))
		self.assertEqual(self.get("usage.get_event", event_id="nothing").status_code, 404)

	def test_days_that_are_no_days_are_refused(self):
		for query in (
			{"from_date": "yesterday"},
			{"to_date": "2026-13-01"},
			{"from_date": "2020-01-01"},
			{"from_date": "2026-02-02", "to_date": "2026-02-01"},
		):
			self.assertEqual(self.get(**query).status_code, 400, query)


class TestByOwner(HistoryCase):
	def test_the_total_counts_the_rows_that_are_not_listed(self):
		self.use("e-1", 2)
		self.use("e-2", 1, (1000, 0), "small-1")
		with patch.object(history, "MOST_ROWS", 1):
			seen = history.summary(history.period(self.doc.name))
		self.assertEqual((len(seen["days"]), seen["is_complete"]), (1, False))
		self.assertEqual((seen["total"]["requests"], seen["total"]["input_tokens"]), (3, 1000))

	def test_the_file_has_a_line_for_each_day_key_and_model(self):
		self.use("e-1", 2)
		self.use("e-2", 1, (1000, 0), "small-1")
		answer = self.as_owner("subscription.download_usage", subscription_id=self.doc.name)
		self.assertEqual(answer.status_code, 200)
		self.assertIn("text/csv", answer.headers["Content-Type"])
		self.assertIn("no-store", answer.headers["Cache-Control"])
		lines = list(csv.DictReader(io.StringIO(answer.text)))
		self.assertEqual([line["Model"] for line in lines], ["large", "small-1"])
		self.assertEqual((lines[0]["Requests"], lines[1]["Input Tokens"]), ("2", "1000"))
		self.assertTrue(lines[0]["API Key"].startswith("oro_"))

	def test_a_file_that_would_be_too_long_is_refused_and_not_cut_off(self):
		self.use("e-1", 2)
		self.use("e-2", 1, (1000, 0), "small-1")
		asked = history.period(self.doc.name)
		_name, text = history.as_file(asked, most=2)
		self.assertEqual(len(list(csv.reader(io.StringIO(text)))), 3)
		with self.assertRaisesRegex(BadRequest, "more than 1 lines. Please choose a shorter period"):
			history.as_file(asked, most=1)

	def test_a_model_that_looks_like_a_formula_is_disarmed_in_the_file(self):
		"""S59"""
		events.consume(self.key, 1, "small=cmd()", event_id="e-1")
		frappe.db.sql(
			"UPDATE `tabAI Usage Entry` SET model = '=cmd()' WHERE subscription = %s", self.doc.name
		)
		frappe.db.commit()
		answer = self.as_owner("subscription.download_usage", subscription_id=self.doc.name)
		self.assertIn(",'=cmd(),", answer.text)

	def test_the_usage_of_others_is_not_shown(self):
		"""U16"""
		self.use("e-1")
		stranger = create_user()
		for endpoint in ("subscription.get_usage", "subscription.download_usage"):
			answer = self.as_owner(endpoint, stranger, subscription_id=self.doc.name)
			self.assertEqual(answer.status_code, 404)
		text = page(f"/usage?subscription={self.doc.name}", stranger).text
		self.assertIn("There is no such subscription", text)
		self.assertEqual(call("subscription.download_usage", method="GET").status_code, 403)


class TestPage(HistoryCase):
	def text(self, query: str = "") -> str:
		answer = page(f"/usage?subscription={self.doc.name}{query}", self.doc.user)
		self.assertEqual(answer.status_code, 200)
		return answer.text

	def test_limits_days_keys_and_models_are_shown(self):
		self.use("e-1", 2, (1234, 0), "small-1")
		text = self.text()
		for part in (
			"1,234 of the 10,000 tokens per day are used",
			"small-1",
			"Per API key",
			"oro_",
			"Download as CSV",
		):
			self.assertIn(part, text)
		self.assertNotIn("Nothing was recorded", text)

	def test_an_empty_period_says_how_calls_get_here(self):
		usage.consume(self.key, 1, "large")
		frappe.db.commit()
		text = self.text("&days=7")
		self.assertIn("Nothing was recorded in this period", text)
		self.assertIn("1 of the 50 requests per hour are used", text)
		self.assertNotIn("Download as CSV", text)

	def test_a_customer_without_a_subscription_is_led_to_the_plans(self):
		text = page("/usage", create_user()).text
		self.assertIn("You have no subscription yet", text)

	def test_a_guest_is_asked_to_log_in(self):
		self.assertIn(page("/usage").status_code, (302, 303, 403))

	def test_the_billing_page_leads_there(self):
		self.assertIn(f"/usage?subscription={self.doc.name}", page("/billing", self.doc.user).text)

	def test_a_model_cannot_bring_markup_into_the_page(self):
		self.use("e-1", model="small<b>x")
		rollup.roll_up()
		self.assertNotIn("<b>x", self.text())

	def test_the_page_takes_five_statements_whatever_the_number_of_rows(self):
		"""U16"""

		def statements() -> int:
			with counted_statements() as seen:
				(mine, *_more) = usage_page.subscriptions_of(self.doc.user)
				usage_page.shown(mine, history.period(mine.name))
			return len(seen)

		self.use("e-0")
		statements()
		self.assertLessEqual(statements(), 5)
		for number in range(30):
			self.use(f"e-{number + 1}", model=f"small-{number}")
		self.assertLessEqual(statements(), 5)
		rollup.roll_up()
		self.assertLessEqual(statements(), 5)


class TestReport(HistoryCase):
	def test_the_report_sums_up_by_what_is_asked_for(self):
		self.use("e-1", 2)
		self.use("e-2", 1, (1000, 0), "small-1")
		rollup.roll_up()
		own = {"subscription": self.doc.name}
		_columns, days, _message, chart = report.execute(own)
		self.assertEqual([(row["requests"], row["units"]) for row in days], [(3, 3.0)])
		self.assertEqual(chart["data"]["datasets"][1]["values"], [1000])
		for group, names in (
			("Model", ["large", "small-1"]),
			("Customer", [self.doc.user]),
			("API Key", [frappe.db.get_value("AI Subscription", self.doc.name, "api_key_link")]),
			("Paid From", ["Plan"]),
		):
			_columns, rows, _message, _chart = report.execute({**own, "group_by": group})
			self.assertEqual([row["name"] for row in rows], names, group)

	def test_a_report_that_leaves_rows_out_says_so(self):
		self.use("e-1", 2)
		self.use("e-2", 1, (1000, 0), "small-1")
		rollup.roll_up()
		filters = {"subscription": self.doc.name, "group_by": "Model"}
		self.assertIsNone(report.execute(filters)[2])
		with patch.object(report, "MOST_ROWS", 1):
			_columns, rows, message, _chart = report.execute(filters)
		self.assertEqual([row["name"] for row in rows], ["large"])
		self.assertIn("There are more than 1 rows", message)

	def test_an_empty_report_has_no_chart(self):
		self.assertEqual(report.execute({"subscription": "none"})[1:], ([], None, None))
