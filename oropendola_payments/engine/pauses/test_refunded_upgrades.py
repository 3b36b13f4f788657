"""An upgrade is refunded while the subscription is paused: it sleeps on, with the plan and the days from before."""

from datetime import timedelta

from oropendola_payments.ai_billing.periods import today
from oropendola_payments.api import subscription as api
from oropendola_payments.engine.refunds import create
from oropendola_payments.exceptions import Conflict
from oropendola_payments.tests.support.customers import move_to
from oropendola_payments.tests.support.plan_changes import PlanChangeCase, shift


class TestRefundedUpgrades(PlanChangeCase):
	def sleeping(self, plan: str) -> str:
		"""The invoice of an upgrade of 15 days, after which the subscription has slept for 20."""
		self.start("S", days_left=15, allow_pause=1)
		self.make_plan(plan, allow_pause=1)
		invoice = self.upgrade(plan)["invoice_id"]
		self.succeed(api.pause_subscription, days=60)
		shift(self.subscription, 20)
		pause = {field: self.doc().get(field) - timedelta(days=20) for field in ("paused_on", "pause_until")}
		move_to(self.subscription, **pause)
		return invoice

	def assert_sleeps(self):
		doc = self.doc()
		self.assertEqual((doc.status, self.code()), ("Paused", "S"))
		self.assertEqual((doc.end_date - doc.paused_on).days, 15)
		self.succeed(api.resume_subscription)
		doc = self.doc()
		self.assertEqual((doc.status, doc.end_date), ("Active", today() + timedelta(days=15)))
		self.assertEqual(doc.daily_quota_limit, 1000)
		self.assert_sound()

	def test_one_that_started_a_new_period_leaves_the_days_before_it(self):
		create.create_refund(self.sleeping("PY"), None, "Asked for")
		self.assert_sleeps()

	def test_one_that_kept_the_period_leaves_its_days(self):
		create.create_refund(self.sleeping("P"), None, "Asked for")
		self.assert_sleeps()

	def test_the_period_itself_is_refunded_after_its_upgrade(self):
		self.sleeping("P")
		with self.assertRaises(Conflict):
			create.create_refund(self.invoice, None, "Asked for")

	def test_the_period_is_refunded_after_its_upgrade_when_the_pause_is_over_too(self):
		self.sleeping("P")
		self.succeed(api.resume_subscription)
		with self.assertRaises(Conflict):
			create.create_refund(self.invoice, None, "Asked for")

	def test_a_free_plan_sleeps_no_more(self):
		plan = self.make_plan("F")
		self.subscription = self.succeed(api.create_subscription_and_invoice, plan_id=plan.name)[
			"subscription_id"
		]
		self.make_plan("P", allow_pause=1)
		invoice = self.upgrade("P")["invoice_id"]
		self.succeed(api.pause_subscription, days=60)
		create.create_refund(invoice, None, "Asked for")
		self.assertEqual((self.doc().status, self.code()), ("Active", "F"))
		self.assert_sound()
