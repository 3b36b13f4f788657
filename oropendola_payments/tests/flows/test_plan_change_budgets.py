"""The number of SQL statements of a change of plan: a preview takes at most 8, a change that creates an invoice at most 14."""

from collections.abc import Callable

from oropendola_payments.api import subscription as api
from oropendola_payments.tests.flows.test_payment_budgets import CONTROL, ROUNDS, _without_literals
from oropendola_payments.tests.flows.test_statement_budgets import counted_statements
from oropendola_payments.tests.support.http import call, message, send
from oropendola_payments.tests.support.pages import session_of
from oropendola_payments.tests.support.plan_changes import PlanChangeCase

# Frappe 15 asks these whenever it inserts a document, once for each of its tables. Frappe 16 does not.
OF_FRAPPE = ("SELECT `issingle` FROM `tabDocType`", "SELECT `value` FROM `tabSingles`")


class TestPlanChangeBudgets(PlanChangeCase):
	def cost(self, request: Callable) -> list[str]:
		with counted_statements() as seen:
			answer = request()
		self.assertEqual(answer.status_code, 200, answer.text[:300])
		return [statement for statement in seen if not statement.lower().startswith(CONTROL)]

	def beyond_ping(self, request: Callable) -> list[str]:
		headers = self.headers
		ping = [
			_without_literals(s) for s in self.cost(lambda: send("POST", "/api/method/ping", headers=headers))
		]
		mine = self.cost(request)
		mine = [statement for statement in mine if not statement.startswith(OF_FRAPPE)]
		return [statement for statement in mine if _without_literals(statement) not in ping]

	def customer(self) -> dict:
		"""A customer with a browser's session: after each call by token, Frappe itself reads the whole user again when it inserts."""
		self.start()
		self.headers = {"Cookie": session_of(self.user)}
		return {"plan_id": self.make_plan("P").name}

	def preview_over_http(self, arguments: dict):
		return call("subscription.preview_plan_change", headers=self.headers, json=arguments)

	def test_a_preview_takes_at_most_eight_statements(self):
		arguments = self.customer()
		for _round in range(ROUNDS):
			cost = self.beyond_ping(lambda: self.preview_over_http(arguments))
		self.assertLessEqual(len(cost), 8, "\n".join(cost))
		self.assertTrue(cost)

	def test_a_change_takes_at_most_fourteen_statements(self):
		arguments = self.customer()
		for _round in range(ROUNDS):  # the earlier ones fill the caches of this user
			body = {**arguments, "quote": message(self.preview_over_http(arguments))["quote"]}
			cost = self.beyond_ping(lambda: call("subscription.change_plan", headers=self.headers, json=body))
			self.succeed(api.withdraw_plan_change)
		self.assertLessEqual(len(cost), 14, "\n".join(cost))
		self.assertTrue(any("INSERT INTO `tabAI Invoice`" in statement for statement in cost), cost)
