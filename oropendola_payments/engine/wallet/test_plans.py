"""Credits of a pack for certain plans pay for calls under these plans only, whatever way they are drawn."""

import frappe

from oropendola_payments.engine.metering import leases
from oropendola_payments.engine.top_ups import buy
from oropendola_payments.engine.usage_ledger import closing, events
from oropendola_payments.engine.wallet import balance
from oropendola_payments.engine.wallet.test_draw import CreditCase
from oropendola_payments.exceptions import QuotaUsedUp
from oropendola_payments.tests.flows.test_statement_budgets import counted_statements
from oropendola_payments.tests.support.credits import (
	buy_pack,
	create_pack,
	credits_of,
	give,
	grant_of,
	use_up_the_day,
)
from oropendola_payments.tests.support.factories import create_active_subscription, unique


class TestPlansOfCredits(CreditCase):
	"""The customer has a plan with its key, and another one for which a cheap pack is sold."""

	plan = {"models": [{"pattern": "*", "per_request": 1, "per_input_tokens": 1}]}

	def setUp(self):
		super().setUp()
		self.cheap = create_active_subscription(self.user)
		self.pack = create_pack(units=10, price=10, plans=[{"plan": self.cheap.plan}])
		self.grant = grant_of(buy_pack(self.user, self.pack))
		use_up_the_day(self.doc)

	def change_plan(self, plan: str):
		frappe.db.set_value("AI Subscription", self.doc.name, "plan", plan)
		frappe.db.commit()

	def remaining(self, grant=None) -> int:
		return frappe.db.get_value("AI Credit Grant", (grant or self.grant).name, "remaining") // 1000

	def test_credits_for_one_plan_do_not_pay_for_a_call_under_another(self):
		"""U31."""
		self.refused(1)
		with self.assertRaises(QuotaUsedUp):
			leases.grant(self.key, 1, 30, None, None, None)
		frappe.db.rollback()
		with self.assertRaises(QuotaUsedUp):
			events.reserve(self.key, unique("event"), 1, None, 0, 0, 60)
		frappe.db.rollback()
		self.assertEqual(self.remaining(), 10)

	def test_they_pay_for_calls_under_their_own_plan(self):
		self.change_plan(self.cheap.plan)
		self.assertEqual(self.consume(3)["credits"], {"used": 3, "remaining": 7})

	def test_an_answer_counts_only_credits_that_the_plan_can_use(self):
		give(self.user, 5)
		self.assertEqual(self.consume(1)["credits"], {"used": 1, "remaining": 4})
		self.refused(5)
		self.assertEqual(self.remaining(), 10)

	def test_a_lease_gets_what_the_credits_for_its_plan_pay_for(self):
		give(self.user, 5)
		lease = leases.grant(self.key, 7, 30, None, None, None)
		frappe.db.commit()
		self.assertEqual((lease["granted"], lease["credits"]["remaining"]), (2, 3))

	def test_of_credits_that_expire_together_those_for_the_plan_go_before_those_for_every_plan(self):
		later, free = give(self.user, 5, days=400), give(self.user, 5)
		self.change_plan(self.cheap.plan)
		self.consume(12)
		self.assertEqual([self.remaining(grant) for grant in (self.grant, free, later)], [0, 3, 5])
		self.assertEqual([row.name for row in balance.usable_grants(self.user)], [free.name, later.name])

	def test_tokens_above_a_reservation_are_not_paid_with_credits_for_another_plan(self):
		"""U31: the plan is that under which the call began."""
		give(self.user, 1)
		event = events.reserve(self.key, unique("event"), 1, None, 0, 0, 60)["event_id"]
		frappe.db.commit()
		self.change_plan(self.cheap.plan)
		closing.settle(self.key, event, 5000, 0)
		frappe.db.commit()
		self.assertEqual((credits_of(self.user), self.remaining()), (10, 10))

	def test_a_late_report_of_a_lease_draws_on_credits_of_the_plan_it_began_under(self):
		"""U31."""
		gift = give(self.user, 4)
		lease = leases.grant(self.key, 4, 30, None, None, None)["lease"]
		frappe.db.commit()
		leases.settle(self.key, lease, 0, True)
		frappe.db.commit()
		frappe.db.set_value("AI Credit Grant", gift.name, "remaining", 0)
		frappe.db.set_value("AI Credit Entry", {"credit_grant": gift.name, "kind": "Granted"}, "units", 0)
		self.change_plan(self.cheap.plan)
		leases.settle(self.key, lease, 1, True)
		frappe.db.commit()
		self.assertEqual(self.remaining(), 10)

	def test_what_was_ordered_stays_when_the_pack_gets_other_plans(self):
		invoice = buy.buy(self.user, self.pack.name)["invoice_id"]
		self.pack.append("plans", {"plan": self.doc.plan})
		self.pack.save(ignore_permissions=True)
		frappe.db.commit()
		self.assertEqual(self.grant.reload().plans, self.cheap.plan)
		new = buy.buy(self.user, self.pack.name)["invoice_id"]
		self.assertNotEqual(new, invoice, "an order with other plans is another order")
		self.assertEqual(frappe.db.get_value("AI Invoice", new, "credit_plans"), self.pack.usable_under())

	def test_a_call_takes_as_many_statements_whatever_plans_the_credits_are_for(self):
		self.change_plan(self.cheap.plan)
		counts = []
		for grants in (0, 3):
			for _grant in range(grants):
				give(self.user, 1, days=10)
			self.consume(1)
			with counted_statements() as seen:
				self.consume(2)
			counts.append(len(seen))
		self.assertEqual(counts[0], counts[1])
