"""Whatever happens in whatever order, in the end the books agree and the customer is served once, or not at all."""

import os

import frappe
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from oropendola_payments.compat import TestCase
from oropendola_payments.tests.factories import payment_settings
from oropendola_payments.tests.flows import GATEWAYS, Journey
from oropendola_payments.tests.simulated import deliver, open_pay_page
from oropendola_payments.tests.time_travel import finish_refunds, forget_the_past, settle_down, sweep

EXAMPLES = int(os.environ.get("PAYMENT_PROOF_EXAMPLES", "6"))
MOST_ATTEMPTS = 3
STEPS = (
	"initiate", "retry", "cancel", "pay", "decline", "leave", "pay_late", "callback", "callback", "webhook", "webhook",
	"lose_callback", "lose_webhook", "poll", "sweep", "refund", "refund_part", "refund_at_the_bank",
)  # fmt: skip
story = st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 5)), min_size=3, max_size=14)


class Story:
	"""Plays the steps of one example. What cannot happen now does nothing; what the site refuses is a refusal."""

	def __init__(self, gateway: str):
		self.journey = Journey(gateway)
		self.attempts: list[str] = []
		self.returns: list = []
		self.messages: list = []

	def play(self, steps):
		for step, number in [("initiate", 0), *steps]:
			getattr(self, step)(number)
			self.messages += self.journey.take_webhooks()

	def initiate(self, _number):
		if len(self.attempts) < MOST_ATTEMPTS:
			self._opened(self.journey.initiate())

	def retry(self, _number):
		if len(self.attempts) < MOST_ATTEMPTS:
			self._opened(self.journey.retry())

	def cancel(self, number):
		if attempt := self._one(self.attempts, number):
			self.journey.cancel(attempt)

	def pay(self, number):
		self._leave_page(number, "success")

	def decline(self, number):
		self._leave_page(number, "failure")

	def leave(self, number):
		self._leave_page(number, "pending")

	def pay_late(self, number):
		"""What was pending or refused at the bank is a success after all."""
		attempt = self._one(self.attempts, number)
		charges = [c for c in self.journey.sim.charges(self.journey.gateway) if c.reference == attempt]
		if charges and charges[-1].state in ("pending", "failed"):
			self.journey.sim.finish(self.journey.gateway, attempt, "success")

	def callback(self, number):
		if back := self._one(self.returns, number):
			self.journey.bring_back(back)

	def webhook(self, number):
		if message := self._one(self.messages, number):
			deliver(message)

	def lose_callback(self, number):
		self._lose(self.returns, number)

	def lose_webhook(self, number):
		self._lose(self.messages, number)

	def poll(self, number):
		self.journey.poll(self._one(self.attempts, number))

	def sweep(self, number):
		sweep(self.journey.invoice, minutes=(1, 20, 45, 200, 2000, 6000)[number])

	def refund(self, _number):
		self.journey.refund()

	def refund_part(self, _number):
		self.journey.refund(100)

	def refund_at_the_bank(self, _number):
		finish_refunds(self.journey.gateway, self.journey.invoice)

	def _opened(self, answer: dict):
		if answer["success"]:
			open_pay_page(answer)
			self.attempts += [answer["attempt"]] if answer["attempt"] not in self.attempts else []

	def _leave_page(self, number: int, outcome: str):
		attempt = self._one(self.attempts, number)
		if attempt and self.journey.sim.order(self.journey.gateway, attempt):
			back = self.journey.customer_pays(attempt, outcome)
			self.returns += [back] if back else []

	@staticmethod
	def _one(things: list, number: int):
		return things[number % len(things)] if things else None

	@staticmethod
	def _lose(things: list, number: int):
		if things:
			things.pop(number % len(things))


def proof_for(gateway: str):
	@settings(
		max_examples=EXAMPLES,
		deadline=None,
		suppress_health_check=list(HealthCheck),
		database=None,
		derandomize=EXAMPLES < 50,
	)
	@given(story)
	def test(self, steps):
		told = Story(gateway)
		told.play(steps)
		settle_down(told.journey)
		self.assertEqual(told.journey.problems(), [], f"{gateway}: {steps}")

	return test


class TestAnyOrder(TestCase):
	"""Lessons R1, R2, R5, R6, R7, R9, R15, R16, R19, R21, R28: each is an order of steps that loses something."""

	def setUp(self):
		forget_the_past()
		settings_now = payment_settings(double_payment_policy="Refund", abandon_after_minutes=30)
		settings_now.__enter__()
		self.addCleanup(settings_now.__exit__, None, None, None)
		self.addCleanup(frappe.db.rollback)


for code in GATEWAYS:
	setattr(TestAnyOrder, f"test_any_order_of_steps_ends_with_equal_books_at_{code}", proof_for(code))
