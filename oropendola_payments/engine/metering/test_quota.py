"""A call is counted in every window of its plan or in none, and no number of callers passes a limit together."""

from datetime import timedelta

import frappe
from frappe.utils import get_datetime, now_datetime

from oropendola_payments.ai_billing.periods import today
from oropendola_payments.engine.metering import usage
from oropendola_payments.engine.metering.costs import ModelNotInPlan
from oropendola_payments.engine.metering.test_usage import remaining, served_customer
from oropendola_payments.exceptions import BadRequest, QuotaUsedUp
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.factories import create_plan
from oropendola_payments.tests.support.http import call, message
from oropendola_payments.tests.support.parallel import in_parallel


def limit(allowance: int, meter: str, window: str) -> dict:
	return {"allowance": allowance, "meter": meter, "time_window": window}


HOURS = [limit(10, "Requests", "Hour"), limit(1000, "Tokens", "Day"), limit(5, "Units", "Month")]
MODELS = [
	{"pattern": "small*", "per_request": 0, "per_input_tokens": 1, "per_output_tokens": 2},
	{"pattern": "large", "per_request": 1, "per_input_tokens": 0, "per_output_tokens": 0},
]


class QuotaCase(TestCase):
	plan: dict = {}

	@classmethod
	def setUpClass(cls):
		super().setUpClass()
		cls.doc, cls.key = served_customer(requests_limit_per_day=100, **cls.plan)

	def setUp(self):
		frappe.db.set_value("AI Subscription", self.doc.name, "daily_quota_remaining", 100)
		frappe.db.delete("AI Usage Window", {"subscription": self.doc.name})
		frappe.db.commit()

	def consume(self, requests: int = 1, **options) -> dict:
		answer = usage.consume(self.key, requests, **options)
		frappe.db.commit()
		return {row["window"]: row["used"] for row in answer["windows"]}

	def refused(self, error: type[Exception], requests: int = 1, **options) -> Exception:
		with self.assertRaises(error) as raised:
			usage.consume(self.key, requests, **options)
		frappe.db.rollback()
		return raised.exception

	def used(self) -> dict:
		rows = frappe.get_all("AI Usage Window", {"subscription": self.doc.name}, ["meter", "used"])
		return {row.meter: row.used for row in rows}


class TestWindows(QuotaCase):
	plan = {"limits": HOURS, "models": MODELS}

	def test_a_call_counts_in_every_window(self):
		self.assertEqual(
			self.consume(2, model="small-1", input_tokens=100, output_tokens=50),
			{"requests:hour": 2, "tokens:day": 150, "units:month": 1},
		)
		self.assertEqual(self.used(), {"Requests": 2, "Tokens": 150, "Units": 200})
		self.assertEqual(remaining(self.doc), 98)

	def test_a_full_window_refuses_the_call_in_all_of_them(self):
		self.consume(1, model="small-1", input_tokens=900)
		before = self.used()
		error = self.refused(QuotaUsedUp, 1, model="small-1", input_tokens=101)
		self.assertEqual((error.window, self.used(), remaining(self.doc)), ("tokens:day", before, 99))
		self.assertIn("1000 tokens per day", str(error))
		self.consume(1, model="small-1", input_tokens=100)

	def test_of_several_full_windows_the_latest_says_when_to_try_again(self):
		self.consume(5, model="large")
		self.consume(4, model="small-1")
		error = self.refused(QuotaUsedUp, 2, model="large")
		self.assertEqual(error.window, "units:month")
		self.assertGreater(error.retry_after, 3600)

	def test_the_daily_requests_still_count(self):
		frappe.db.set_value("AI Subscription", self.doc.name, "daily_quota_remaining", 1)
		frappe.db.commit()
		error = self.refused(QuotaUsedUp, 2, model="large")
		self.assertEqual((error.window, self.used()), ("requests:day", {}))

	def test_a_window_that_has_ended_is_empty_again(self):
		self.consume(5, model="large")
		self.refused(QuotaUsedUp, model="large")
		past = now_datetime() - timedelta(seconds=1)
		frappe.db.sql(
			"UPDATE `tabAI Usage Window` SET ends_at = %s WHERE subscription = %s", (past, self.doc.name)
		)
		frappe.db.commit()
		self.assertEqual(self.consume(1, model="large")["units:month"], 1)
		ends = frappe.get_all("AI Usage Window", {"subscription": self.doc.name}, pluck="ends_at")
		self.assertTrue(all(get_datetime(end) > now_datetime() for end in ends if get_datetime(end) != past))

	def test_a_model_outside_of_the_plan_takes_nothing(self):
		error = self.refused(ModelNotInPlan, model="other")
		self.assertIn("small*, large", str(error))
		self.assertEqual((self.used(), remaining(self.doc)), ({}, 100))

	def test_absurd_tokens_are_refused(self):
		for tokens in (-1, 100_000_001):
			self.refused(BadRequest, model="large", input_tokens=tokens)
			self.refused(BadRequest, model="large", output_tokens=tokens)

	def test_no_number_of_callers_passes_a_limit_together(self):
		"""S55"""
		results = in_parallel(16, lambda _number: usage.consume(self.key, 1, "large") and frappe.db.commit())
		refused = [result for result in results if isinstance(result, Exception)]
		self.assertTrue(all(isinstance(error, QuotaUsedUp) for error in refused), refused)
		self.assertEqual((len(results) - len(refused), self.used()["Units"]), (5, 5000))
		self.assertEqual(remaining(self.doc), 95)

	def test_callers_at_once_are_told_exactly_what_is_left(self):
		def left(_number: int) -> int:
			answer = usage.consume(self.key, 1, "small-1")
			frappe.db.commit()
			return answer["remaining"]

		self.assertEqual(sorted(in_parallel(8, left)), list(range(92, 100)))

	def test_an_edited_limit_counts_at_once(self):
		self.consume(5, model="large")
		plan = frappe.get_doc("AI Plan", self.doc.plan)
		self.addCleanup(self.set_units, plan.name, 5)
		self.set_units(plan.name, 6)
		self.assertEqual(self.consume(1, model="large")["units:month"], 6)

	def set_units(self, plan: str, allowance: int):
		doc = frappe.get_doc("AI Plan", plan)
		doc.limits[2].allowance = allowance
		doc.save(ignore_permissions=True)
		frappe.db.commit()


class TestOverHttp(QuotaCase):
	plan = {"limits": HOURS}

	def post(self, **data):
		return call("usage.consume", headers={"X-API-Key": self.key}, json=data)

	def test_the_headers_name_all_limits_and_the_one_nearest_to_its_end(self):
		answer = self.post(requests=4)
		self.assertEqual(
			answer.headers["RateLimit-Policy"],
			'"requests-day";q=100;w=86400, "requests-hour";q=10;w=3600, "tokens-day";q=1000;w=86400, "units-month";q=5;w=2592000',
		)
		self.assertRegex(answer.headers["RateLimit"], r'^"units-month";r=1;t=\d+$')
		self.assertNotIn("Retry-After", answer.headers)

	def test_a_refusal_says_which_window_and_when_to_try_again(self):
		self.post(requests=5)
		answer = self.post(requests=1)
		self.assertEqual(answer.status_code, 429)
		self.assertEqual(message(answer)["window"], "units:month")
		self.assertEqual(answer.headers["Retry-After"], str(message(answer)["retry_after"]))

	def test_a_plan_with_the_daily_quota_alone_has_the_headers_too(self):
		_doc, key = served_customer(requests_limit_per_day=7)
		answer = call("usage.consume", headers={"X-API-Key": key})
		self.assertEqual(answer.headers["RateLimit-Policy"], '"requests-day";q=7;w=86400')
		self.assertRegex(answer.headers["RateLimit"], r'^"requests-day";r=6;t=\d+$')

	def test_answers_of_other_endpoints_have_none(self):
		self.assertNotIn("RateLimit", call("subscription.get_plans", method="GET").headers)


class TestPlan(TestCase):
	def test_a_limit_is_at_least_one_and_named_once(self):
		for rows, text in (
			([limit(0, "Requests", "Hour")], "at least 1"),
			([limit(5, "Requests", "Hour"), limit(6, "Requests", "Hour")], "already a limit"),
		):
			with self.assertRaisesRegex(frappe.ValidationError, text):
				create_plan(limits=rows)

	def test_a_model_is_named_without_its_provider(self):
		with self.assertRaisesRegex(frappe.ValidationError, "without its provider"):
			create_plan(models=[{"pattern": "openai/gpt-4o"}])

	def test_the_period_begins_today_for_a_new_subscription(self):
		doc, key = served_customer(limits=[limit(9, "Requests", "Period")])
		(row,) = usage.consume(key, 1)["windows"]
		self.assertEqual(row["resets_at"].date(), doc.reload().end_date)
		self.assertGreater(doc.end_date, today())
