"""Tax costs at most two statements where a customer waits."""

from oropendola_payments.engine.tax.quote import quote
from oropendola_payments.engine.tax.test_quote import RUPEES, TaxTestCase
from oropendola_payments.tests.flows.test_statement_budgets import counted_statements
from oropendola_payments.tests.support.http import call
from oropendola_payments.tests.support.journey import Journey
from oropendola_payments.tests.support.tax import create_buyer

CONTROL = ("commit", "start", "rollback", "begin", "savepoint", "release")


class TestBudget(TaxTestCase):
	def setUp(self):
		super().setUp()
		self.user = create_buyer("IN", state="Karnataka")

	def statements(self, work) -> list[str]:
		with counted_statements() as seen:
			work()
		return [statement for statement in seen if not statement.lower().startswith(CONTROL)]

	def test_a_quote_takes_one_statement(self):
		quote(RUPEES, "INR", self.user)
		cost = self.statements(lambda: quote(RUPEES, "INR", self.user))
		self.assertEqual(len(cost), 1, cost)

	def test_opening_a_payment_takes_two_statements_for_the_tax(self):
		"""One for the buyer, one for the lines; the rules are cached."""
		for _round in range(2):
			journey = Journey("razorpay", user=self.user)
			fields = {"invoice_id": journey.invoice, "gateway": "razorpay"}
			seen = self.statements(
				lambda fields=fields: call("payment.initiate_payment", journey.user, json=fields)
			)
		mine = [
			text for text in seen if "Billing Profile" in text or "AI Invoice Tax" in text or "AI Tax" in text
		]
		self.assertEqual(len(mine), 2, mine)
