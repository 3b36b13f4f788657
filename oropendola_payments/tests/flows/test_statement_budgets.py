"""The number of SQL statements of a call beyond those of a ping, with warm caches."""

from contextlib import contextmanager
from unittest.mock import patch

import frappe
from frappe.database.database import Database

from oropendola_payments import compat
from oropendola_payments.engine.metering.test_usage import served_customer
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.http import call, send


@contextmanager
def counted_statements():
	"""Collects the statements of all threads while they run as usual."""
	original, seen = Database.sql, []

	def counting(self, query, *args, **kwargs):
		seen.append(str(query).strip())
		return original(self, query, *args, **kwargs)

	with patch.object(Database, "sql", counting):
		yield seen


class TestStatementBudgets(TestCase):
	@classmethod
	def setUpClass(cls):
		super().setUpClass()
		cls.doc, cls.key = served_customer()

	def statements(self, request) -> list[str]:
		"""The statements of the third call: the first fills the caches, the second confirms it."""
		for _time in range(3):
			with counted_statements() as seen:
				answer = request()
			self.assertEqual(answer.status_code, 200, answer.text[:300])
		return seen

	def beyond_ping(self, method: str, request) -> list[str]:
		ping = self.statements(lambda: send(method, "/api/method/ping"))
		mine = self.statements(request)
		for statement in ping:
			if statement in mine:
				mine.remove(statement)
		return mine

	def test_the_counter_counts_a_statement(self):
		with counted_statements() as seen:
			frappe.db.sql("SELECT 1")
			frappe.db.get_value("AI Plan", {"name": "no-such-plan"}, "name")
		self.assertEqual(len(seen), 2, seen)

	def test_consuming_quota_takes_at_most_two_statements(self):
		headers = {"X-API-Key": self.key}
		cost = self.beyond_ping("POST", lambda: call("usage.consume", headers=headers, json={"requests": 1}))
		self.assertLessEqual(len(cost), 2, cost)
		self.assertTrue(any("UPDATE" in statement for statement in cost), cost)

	def test_the_next_call_of_the_same_key_takes_one_statement(self):
		ask = lambda: call("usage.consume", headers={"X-API-Key": self.key}, json={"requests": 1})  # noqa: E731
		ask()
		cost = self.beyond_ping("POST", ask)
		self.assertEqual(len(cost), 1, cost)

	def test_a_refusal_before_the_first_statement_opens_no_connection(self):
		frappe.db.commit()
		frappe.db.close()
		done = []
		compat.rollback()
		self.assertIsNone(frappe.db._conn)
		frappe.db.after_commit.add(lambda: done.append("a job"))
		compat.rollback()
		frappe.db.commit()
		self.assertEqual(done, [])

	def test_a_proxys_question_takes_no_more_statements_than_consuming(self):
		for name, most in (("authorize", 2), ("check", 1)):
			headers = {"X-API-Key": self.key}
			cost = self.beyond_ping("POST", lambda name=name: call(f"usage.{name}", headers=headers))
			self.assertLessEqual(len(cost), most, cost)

	def test_consuming_in_three_windows_with_a_model_takes_at_most_three_statements(self):
		limits = [
			{"allowance": 10**6, "meter": meter, "time_window": window}
			for meter, window in (("Requests", "Minute"), ("Tokens", "Day"), ("Units", "Month"))
		]
		model = {"pattern": "gpt-*", "per_input_tokens": 1, "per_output_tokens": 3}
		_doc, key = served_customer(limits=limits, models=[model])
		asked = {"requests": 1, "model": "gpt-4o", "input_tokens": 500, "output_tokens": 100}
		cost = self.beyond_ping("POST", lambda: call("usage.consume", headers={"X-API-Key": key}, json=asked))
		self.assertLessEqual(len(cost), 3, cost)
		self.assertEqual(len([statement for statement in cost if "UPDATE" in statement]), 2, cost)

	def test_the_list_of_plans_takes_at_most_two_statements(self):
		for method in ("GET", "POST"):
			cost = self.beyond_ping(
				method, lambda method=method: call("subscription.get_plans", method=method)
			)
			self.assertLessEqual(len(cost), 2, cost)

	def test_the_list_of_gateways_takes_at_most_two_statements(self):
		for query in ({}, {"currency": "INR"}):
			cost = self.beyond_ping(
				"GET",
				lambda query=query: call("payment.get_available_gateways", method="GET", query_string=query),
			)
			self.assertLessEqual(len(cost), 2, cost)
