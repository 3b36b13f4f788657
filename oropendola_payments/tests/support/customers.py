"""A customer who subscribes and pays, through the functions behind the endpoints."""

import frappe

from oropendola_payments.api import subscription as api
from oropendola_payments.engine.settlement import manual_payment
from oropendola_payments.tests.support import checks
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.factories import as_user, create_plan, create_user, unique


def pay(invoice: str):
	total = frappe.get_doc("AI Invoice", invoice).outstanding()
	return manual_payment.record_payment(invoice, total, unique("transfer"), None, None)


def move_to(subscription: str, **columns):
	"""As if time had passed."""
	frappe.db.set_value("AI Subscription", subscription, columns)
	frappe.db.commit()


def violations(user: str, *rules: str) -> dict[str, set[str]]:
	"""The records of this customer that violate one of these invariants. Other tests leave records of their own."""
	doctypes = ("AI Subscription", "AI Invoice", "Payment Capture", "Payment Refund")
	own = {name for doctype in doctypes for name in frappe.get_all(doctype, {"user": user}, pluck="name")}
	found = {rule: set(checks.rows_of(rule)) & own for rule in rules}
	return {rule: names for rule, names in found.items() if names}


class CustomerTestCase(TestCase):
	def setUp(self):
		self.user = create_user()

	def call(self, endpoint, **arguments) -> dict:
		with as_user(self.user):
			return endpoint(**arguments)

	def succeed(self, endpoint, **arguments) -> dict:
		answer = self.call(endpoint, **arguments)
		self.assertTrue(answer["success"], answer)
		return answer

	def refused(self, code: str, endpoint, /, **arguments) -> str:
		answer = self.call(endpoint, **arguments)
		self.assertEqual((answer["success"], answer.get("error_code")), (False, code), answer)
		return answer["error"]

	def subscribe(self, plan=None, **plan_values) -> dict:
		self.plan = plan or create_plan(**plan_values)
		return self.succeed(api.create_subscription_and_invoice, plan_id=self.plan.name)

	def my_subscription(self, **arguments) -> dict:
		return self.succeed(api.get_my_subscription, **arguments)["subscription"]
