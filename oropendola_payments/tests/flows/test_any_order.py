"""Property test: after any order of events the ledgers agree, and service was started once or not at all."""

import os

import frappe
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from oropendola_payments.ai_billing.known_gateways import adapter_class
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.factories import payment_settings
from oropendola_payments.tests.support.journey import GATEWAYS, Journey
from oropendola_payments.tests.support.proofs import THOROUGH
from oropendola_payments.tests.support.simulated import deliver, open_pay_page
from oropendola_payments.tests.support.time_travel import (
	clear_due_records,
	finish_refunds,
	sweep,
	sweep_until_settled,
)

EXAMPLES = int(os.environ.get("PAYMENT_PROPERTY_EXAMPLES", "25" if THOROUGH else "5"))
MOST_ATTEMPTS = 4
OFTEN = (
	"another_gateway",
	"another_tab",
	"pay",
	"pay",
	"pay",
	"callback",
	"webhook",
)  # so that double payments are frequent
STEPS = (
	*OFTEN, "initiate", "retry", "another_tab", "another_flow", "another_gateway", "cancel", "pay", "decline", "leave", "pay_late",
	"callback", "webhook", "lose_callback", "lose_webhook", "poll", "sweep", "refund", "refund_part", "refund_at_the_bank",
)  # fmt: skip
scenarios = st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 5)), min_size=5, max_size=16)
BOTH_PAID = [("another_gateway", 0), ("pay", 0), ("pay", 1)]
# The second gateway of a customer who changes their mind; it takes the same currency.
ANOTHER = {
	"payu": "razorpay",
	"razorpay": "phonepe",
	"phonepe": "cashfree",
	"cashfree": "payu",
	"stripe": "paypal",
	"paypal": "stripe",
	"cashflows": "stripe",
}


class Scenario:
	"""Runs the steps of one example. A step that is impossible at that moment does nothing; the site may refuse others."""

	def __init__(self, gateway: str):
		self.journey = Journey(gateway)
		self.other = self.journey.at_gateway(ANOTHER[gateway])
		self.attempts: dict[str, Journey] = {}  # each with its gateway's journey
		self.returns: list = []
		self.messages: list = []

	def play(self, steps):
		for step, number in [("initiate", 0), *steps]:
			getattr(self, step)(number)
			self.messages += self.journey.take_webhooks() + self.other.take_webhooks()

	# The customer opens a page ----------------------------------------------------------------------

	def initiate(self, _number):
		self._open(self.journey, self.journey.initiate)

	def retry(self, number):
		way = self.other if number == 5 else self.journey
		self._open(way, way.retry)

	def another_tab(self, _number):
		"""The first attempt is about to expire, so a second tab gets an attempt of its own."""
		frappe.db.sql(
			"UPDATE `tabPayment Attempt` SET expires_at = '2020-01-01' WHERE invoice = %s AND gateway = %s",
			(self.journey.invoice, self.journey.gateway),
		)
		frappe.db.commit()
		self._open(self.journey, self.journey.initiate)

	def another_flow(self, number):
		flows = adapter_class(self.journey.gateway).capabilities.flows
		self._open(self.journey, lambda: self.journey.initiate(flow=flows[number % len(flows)]))

	def another_gateway(self, _number):
		self._open(self.other, self.other.initiate)

	def _open(self, way: Journey, call):
		if len(self.attempts) < MOST_ATTEMPTS:
			answer = call()
			if answer["success"]:
				open_pay_page(answer)
				self.attempts.setdefault(answer["attempt"], way)

	# The pay page -----------------------------------------------------------------------------------

	def cancel(self, number):
		if attempt := self._one(list(self.attempts), number):
			self.journey.cancel(attempt)

	def pay(self, number):
		self._leave_page(number, "success")

	def decline(self, number):
		self._leave_page(number, "failure")

	def leave(self, number):
		self._leave_page(number, "pending")

	def pay_late(self, number):
		"""A payment that was pending or declined at the bank succeeds after all."""
		attempt = self._one(list(self.attempts), number)
		gateway = attempt and self.attempts[attempt].gateway
		charges = self.journey.sim.charges(gateway, [attempt]) if attempt else []
		if charges and charges[-1].state in ("pending", "failed"):
			self.journey.sim.finish(gateway, attempt, "success")

	def _leave_page(self, number: int, outcome: str):
		attempt = self._one(list(self.attempts), number)
		way = self.attempts.get(attempt)
		if way and way.sim.order(way.gateway, attempt):
			back = way.customer_pays(attempt, outcome)
			self.returns += [back] if back else []

	# Returns and notices ----------------------------------------------------------------------------

	def callback(self, number):
		if back := self._one(self.returns, number):
			self.journey.deliver_return(back)

	def webhook(self, number):
		if message := self._one(self.messages, number):
			deliver(message)

	def lose_callback(self, number):
		self._lose(self.returns, number)

	def lose_webhook(self, number):
		self._lose(self.messages, number)

	def poll(self, number):
		self.journey.poll(self._one(list(self.attempts), number))

	def sweep(self, number):
		sweep(self.journey.invoice, minutes=(1, 20, 45, 200, 2000, 6000)[number])

	# Refunds ----------------------------------------------------------------------------------------

	def refund(self, _number):
		self.journey.refund()

	def refund_part(self, _number):
		self.journey.refund(100)

	def refund_at_the_bank(self, number):
		gateways = self.journey.gateways()
		finish_refunds(gateways[number % len(gateways)], self.journey.invoice)

	@staticmethod
	def _one(things: list, number: int):
		return things[number % len(things)] if things else None

	@staticmethod
	def _lose(things: list, number: int):
		if things:
			things.pop(number % len(things))


def property_test_for(gateway: str):
	@settings(
		max_examples=EXAMPLES,
		deadline=None,
		suppress_health_check=list(HealthCheck),
		database=None,
		derandomize=EXAMPLES < 50,
	)
	@example([*BOTH_PAID, ("callback", 1), ("callback", 0), ("webhook", 0)])
	@example([*BOTH_PAID, ("sweep", 2), ("refund", 0), ("refund_at_the_bank", 1)])
	@given(scenarios)
	def test(self, steps):
		example_run = Scenario(gateway)
		example_run.play(steps)
		sweep_until_settled(example_run.journey)
		self.assertEqual(example_run.journey.problems(), [], f"{gateway}: {steps}")

	return test


class TestAnyOrder(TestCase):
	"""R33, and R1, R2, R5, R6, R7, R9, R15, R16, R19, R21, R28: each happens in an order of steps that nobody planned."""

	def setUp(self):
		clear_due_records()
		settings_now = payment_settings(double_payment_policy="Refund", abandon_after_minutes=30)
		settings_now.__enter__()
		self.addCleanup(settings_now.__exit__, None, None, None)
		self.addCleanup(frappe.db.rollback)


for code in GATEWAYS:
	setattr(
		TestAnyOrder, f"test_any_order_of_steps_ends_with_matching_ledgers_at_{code}", property_test_for(code)
	)
