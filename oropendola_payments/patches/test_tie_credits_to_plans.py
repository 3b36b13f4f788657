import frappe

from oropendola_payments.engine.top_ups import buy
from oropendola_payments.patches import tie_credits_to_plans
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.credits import buy_pack, create_pack, grant_of
from oropendola_payments.tests.support.factories import create_active_subscription, create_plan


class TestTieCreditsToPlans(TestCase):
	def setUp(self):
		self.subscription = create_active_subscription()
		self.user, self.plan = self.subscription.user, self.subscription.plan

	def as_before(self, invoice: str):
		frappe.db.set_value("AI Invoice", invoice, "credit_plans", None)
		frappe.db.set_value("AI Credit Grant", {"invoice": invoice}, "plans", None)

	def plans(self, invoice: str) -> tuple:
		ordered = frappe.db.get_value("AI Invoice", invoice, "credit_plans")
		return ordered or "", grant_of(invoice).plans or ""

	def test_bought_credits_are_tied_to_the_plans_of_their_pack_and_those_of_their_customer(self):
		pack = create_pack(plans=[{"plan": self.plan}])
		free, tied = buy_pack(self.user).name, buy_pack(self.user, pack).name
		self.as_before(tied)
		other = create_plan().name
		frappe.db.set_value("AI Subscription", self.subscription.name, "plan", other)
		expected = ",".join(sorted((self.plan, other)))
		for _run in range(2):
			tie_credits_to_plans.execute()
			self.assertEqual(self.plans(tied), (expected, expected))
			self.assertEqual(self.plans(free), ("", ""))

	def test_orders_that_are_not_paid_are_tied_to_the_plans_of_their_pack(self):
		other = create_plan().name
		pack = create_pack(plans=[{"plan": self.plan}, {"plan": other}])
		invoice = frappe.get_doc("AI Invoice", buy.buy(self.user, pack.name)["invoice_id"])
		frappe.db.set_value("AI Invoice", invoice.name, "credit_plans", None)
		tie_credits_to_plans.execute()
		invoice.reload()
		self.assertEqual(invoice.credit_plans, pack.usable_under())
