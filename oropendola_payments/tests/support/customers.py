"""A customer who asks, pays and lets time pass, through the functions behind the endpoints."""

import frappe

from oropendola_payments.api import subscription as api
from oropendola_payments.engine.settlement import manual_payment
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.factories import as_user, create_plan, create_user, unique


def pay(invoice: str):
	total = frappe.get_doc("AI Invoice", invoice).outstanding()
	return manual_payment.record_payment(invoice, total, unique("transfer"), None, None)


def move_to(subscription: str, **columns):
	"""As if time had passed."""
	frappe.db.set_value("AI Subscription", subscription, columns)
	frappe.db.commit()


class CustomerTestCase(TestCase):
	def setUp(self):
		self.user = create_user()

	def ask(self, endpoint, **arguments) -> dict:
		with as_user(self.user):
			return endpoint(**arguments)

	def given(self, endpoint, **arguments) -> dict:
		answer = self.ask(endpoint, **arguments)
		self.assertTrue(answer["success"], answer)
		return answer

	def refused(self, code: str, endpoint, **arguments) -> str:
		answer = self.ask(endpoint, **arguments)
		self.assertEqual((answer["success"], answer.get("error_code")), (False, code), answer)
		return answer["error"]

	def subscribe(self, plan=None, **plan_values) -> dict:
		self.plan = plan or create_plan(**plan_values)
		return self.given(api.create_subscription_and_invoice, plan_id=self.plan.name)

	def mine(self) -> dict:
		return self.given(api.get_my_subscription)["subscription"]
