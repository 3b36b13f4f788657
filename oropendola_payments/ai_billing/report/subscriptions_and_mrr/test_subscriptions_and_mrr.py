"""The monthly revenue by plan is what MRR Movements says, also after a change of plan, in every currency."""

from decimal import Decimal

from oropendola_payments.ai_billing import mrr
from oropendola_payments.ai_billing.periods import today
from oropendola_payments.ai_billing.report.subscriptions_and_mrr import subscriptions_and_mrr
from oropendola_payments.tests.support.plan_changes import PlanChangeCase


class TestMonthlyRevenue(PlanChangeCase):
	def both(self, plan: str) -> tuple[Decimal, Decimal]:
		"""What this report says of the only subscription to a plan, and what MRR Movements says of its customer."""
		(row,) = subscriptions_and_mrr.execute({"plan": plan})[1]
		(movement,) = mrr.movements(today(), today(), row["currency"], self.user)
		return Decimal(str(row["mrr"])), movement.closing

	def test_an_upgrade_counts_with_the_new_price(self):
		self.start("S")
		self.upgrade("P")
		ours, theirs = self.both(self.doc().plan)
		self.assertEqual((ours, theirs), (999, 999))

	def test_an_upgrade_to_another_interval_counts_with_its_whole_price(self):
		self.start("S")
		self.upgrade("PY")
		ours, theirs = self.both(self.doc().plan)
		self.assertEqual((ours, theirs), (Decimal("832.50"), Decimal("832.50")))

	def test_each_subscription_is_rounded_half_up_to_the_decimals_of_its_currency(self):
		for currency, price, monthly in (("JPY", 6, 1), ("INR", "0.06", "0.01")):
			with self.subTest(currency):
				self.plans = {}
				self.start("PY", days_left=100, days=365, price=price, currency=currency)
				ours, theirs = self.both(self.doc().plan)
				self.assertEqual((ours, theirs), (Decimal(monthly), Decimal(monthly)))
