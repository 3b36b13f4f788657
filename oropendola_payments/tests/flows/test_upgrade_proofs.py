"""Proofs over an upgrade: a process may crash at any point, and messages and clicks may come in any order."""

import os

import frappe
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from oropendola_payments.engine.plan_changes import lapse
from oropendola_payments.tests.flows.test_any_order import Scenario
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.crashes import count_crash_points, crashing
from oropendola_payments.tests.support.factories import payment_settings
from oropendola_payments.tests.support.proofs import THOROUGH, crash_points
from oropendola_payments.tests.support.simulated import deliver
from oropendola_payments.tests.support.time_travel import clear_due_records, sweep_until_settled
from oropendola_payments.tests.support.upgrade_journey import UpgradeJourney

EXAMPLES = int(os.environ.get("PAYMENT_PROPERTY_EXAMPLES", "10" if THOROUGH else "3"))
EVERY = 1 if EXAMPLES > 50 else 3
STEPS = (
	"initiate", "pay", "pay", "decline", "leave", "pay_late", "callback", "webhook", "lose_webhook", "poll", "sweep", "refund",
	"withdraw", "time_runs_out", "another_plan", "renew", "confirm_again",
)  # fmt: skip
scenarios = st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 5)), min_size=4, max_size=12)


class ProofCase(TestCase):
	def setUp(self):
		clear_due_records()
		chosen = payment_settings(double_payment_policy="Refund", abandon_after_minutes=30)
		self.enterContext(chosen)
		self.addCleanup(frappe.db.rollback)


class Confirm:
	"""The customer confirms the quote, and clicks again when nothing comes."""

	def __init__(self):
		self.journey = UpgradeJourney("payu", confirmed=False)

	def act(self):
		self.journey.confirm()

	def go_on(self):
		answer = self.journey.confirm()
		changes = {"subscription": self.journey.subscription}
		invoices = {**changes, "purpose": "Upgrade"}
		made = frappe.db.count("AI Plan Change", changes), frappe.db.count("AI Invoice", invoices)
		if not answer["success"] or made != (1, 1):
			raise AssertionError(f"{answer} {made}")


class Webhook:
	"""The gateway reports the payment of the upgrade once; the customer never returns."""

	def __init__(self):
		self.journey = UpgradeJourney("payu")
		self.journey.customer_pays(self.journey.start())
		self.messages = self.journey.take_webhooks()

	def act(self):
		for message in self.messages:
			deliver(message)

	def go_on(self):
		pass


class Lapse:
	"""The time to pay is over, and the sweep closes the change."""

	def __init__(self):
		self.journey = UpgradeJourney("payu")

	def act(self):
		self.journey.time_runs_out()

	def go_on(self):
		self.journey.time_runs_out()
		lapse.lapse_due()


class TestCrashes(ProofCase):
	"""R32: a process that crashed between two steps of an upgrade."""

	def prove(self, kind: type):
		count_crash_points(kind().act)  # fills the caches
		points = count_crash_points(kind().act)
		self.assertGreater(points, 5)
		for point in crash_points(points, 8, step=EVERY):
			clear_due_records()
			act = kind()
			with crashing(at=point):
				act.act()
			act.go_on()
			sweep_until_settled(act.journey)
			self.assertEqual(act.journey.problems(), [], f"{kind.__name__}, point {point} of {points}")

	def test_a_crash_at_any_point_of_confirming_makes_one_change(self):
		self.prove(Confirm)

	def test_a_crash_at_any_point_of_the_payment_changes_the_plan_once(self):
		self.prove(Webhook)

	def test_a_crash_at_any_point_of_lapsing_changes_nothing(self):
		self.prove(Lapse)


class UpgradeScenario(Scenario):
	def __init__(self):
		self.journey = UpgradeJourney("payu")
		self.other = self.journey.at_gateway("razorpay")
		self.attempts, self.returns, self.messages = {}, [], []

	def withdraw(self, _number):
		self.journey.withdraw()

	def time_runs_out(self, _number):
		self.journey.time_runs_out()

	def another_plan(self, _number):
		self.journey.choose_another_plan()

	def renew(self, _number):
		self.journey.renew()

	def confirm_again(self, _number):
		self.journey.confirm()


class TestAnyOrder(ProofCase):
	"""An upgrade whose payment, withdrawal, lapse, renewal and refund come in an order that nobody planned."""

	@settings(
		max_examples=EXAMPLES,
		deadline=None,
		suppress_health_check=list(HealthCheck),
		database=None,
		derandomize=True,
	)
	@example([("leave", 0), ("time_runs_out", 0), ("pay_late", 0), ("sweep", 3)])
	@example([("pay", 0), ("withdraw", 0), ("webhook", 0)])
	@example([("leave", 0), ("renew", 0), ("pay_late", 0), ("sweep", 2)])
	@example([("pay", 0), ("webhook", 0), ("renew", 0), ("refund", 0)])
	@given(scenarios)
	def test_any_order_of_steps_ends_with_the_plan_that_was_paid_for(self, steps):
		"""R33, R42."""
		run = UpgradeScenario()
		run.play(steps)
		sweep_until_settled(run.journey)
		self.assertEqual(run.journey.problems(), [], str(steps))
