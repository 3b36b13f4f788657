"""The walk-through of docs/mcp.md: an agent subscribes, the person pays, and a program uses the key that the agent never saw."""

import frappe

from oropendola_payments.mcp.protocol.revisions import MODERN
from oropendola_payments.tests.support.agents import AgentTestCase
from oropendola_payments.tests.support.factories import create_plan, create_user, enable_gateway
from oropendola_payments.tests.support.http import call, message
from oropendola_payments.tests.support.simulated import deliver_return, open_pay_page, simulator


class ToyModel:
	"""A service behind an API key."""

	def answer(self, key: str, question: str) -> str:
		allowed = message(call("usage.consume", headers={"Authorization": f"Bearer {key}"})).get("allowed")
		return question[::-1] if allowed else "Payment required"


class TestAgentBuys(AgentTestCase):
	def ask(self, method: str, params: dict | None = None, *args, **options) -> dict:
		result = super().ask(method, params, *args, **options)
		self.context.append(frappe.as_json(result))
		return result

	def pay(self, user: str, invoice: str):
		"""What the person does on the checkout page and at the gateway."""
		enable_gateway("payu", api_base_url=f"{simulator().url}/payu")
		started = message(
			call("payment.initiate_payment", user, json={"invoice_id": invoice, "gateway": "payu"})
		)
		open_pay_page(started)
		deliver_return(simulator().pay("payu", started["attempt"], outcome="success"))

	def test_an_agent_subscribes_the_person_pays_and_the_agent_never_sees_the_key(self):
		"""M9"""
		self.context: list[str] = []
		user, plan = create_user(), create_plan().name
		self.assertIn(MODERN, self.ask("server/discover", user=user)["supportedVersions"])
		self.assertIn(plan, [row["plan_id"] for row in self.use("list_plans", user)["plans"]])
		bought = self.use("buy_plan", user, plan_id=plan)
		self.assertEqual(
			self.use("get_payment_status", user, invoice_id=bought["invoice_id"])["status"], "Pending"
		)

		self.pay(user, bought["invoice_id"])

		self.assertEqual(
			self.use("get_payment_status", user, invoice_id=bought["invoice_id"])["status"], "Paid"
		)
		self.assertEqual(self.use("get_usage", user)["subscriptions"][0]["status"], "Active")
		key = message(call("subscription.reveal_api_key", user, json={}))["api_key"]
		self.assertEqual(ToyModel().answer(key, "olleh"), "hello")
		self.assertEqual(self.use("get_usage", user)["subscriptions"][0]["quota"]["remaining"], 99)
		self.assertFalse([text for text in self.context if key in text])
