"""A process may die after every statement and around every call to a gateway; the sweeps bring everything to a good end."""

import os

import frappe

from oropendola_payments.engine.jobs import payment_jobs
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.crashes import dying, moments_of
from oropendola_payments.tests.support.factories import payment_settings
from oropendola_payments.tests.support.journey import GATEWAYS, Journey
from oropendola_payments.tests.support.simulated import deliver, open_pay_page
from oropendola_payments.tests.support.time_travel import forget_the_past, make_due, settle_down

# PayU dies at every moment in the normal suite, the others at every ninth; the variable makes all die at all.
EVERY = 1 if os.environ.get("PAYMENT_PROOF_EXAMPLES") else 9


class Initiate:
	"""The customer clicks Pay, and clicks again when nothing comes."""

	fewest_moments = 8

	def __init__(self, gateway: str):
		self.journey = Journey(gateway)

	def act(self):
		self.journey.initiate()

	def go_on(self):
		answer = self.click_again()
		if not answer["success"]:  # opened before and nobody knows where: the next click gets a new attempt
			answer = self.click_again()
		if not answer["success"]:
			raise AssertionError(answer)
		open_pay_page(answer)
		self.journey.customer_pays(answer["attempt"])

	def click_again(self) -> dict:
		"""After so long that a call without an answer counts as died."""
		statement = (
			"UPDATE `tabPayment Attempt` SET request_data = NULL WHERE invoice = %s AND checkout_data IS NULL"
		)
		frappe.db.sql(statement, self.journey.invoice)
		frappe.db.commit()
		return self.journey.initiate()


class Return_:
	"""The customer comes back from the gateway with money paid; no webhook ever comes."""

	fewest_moments = 15

	def __init__(self, gateway: str):
		self.journey = Journey(gateway)
		self.back = self.journey.customer_pays(self.journey.start())
		self.journey.take_webhooks()

	def act(self):
		self.journey.bring_back(self.back)

	def go_on(self):
		pass


class Webhook(Return_):
	"""The gateway's server tells of the money; the customer never comes back, and the message comes once."""

	def __init__(self, gateway: str):
		self.journey = Journey(gateway)
		self.journey.customer_pays(self.journey.start())
		self.messages = self.journey.take_webhooks()

	def act(self):
		for message in self.messages:
			deliver(message)


class Refund(Return_):
	"""A manager sends a part back."""

	def __init__(self, gateway: str):
		super().__init__(gateway)
		self.journey.bring_back(self.back)
		make_due(self.journey.invoice)
		payment_jobs.run_reconcile()

	def act(self):
		self.journey.refund(100)


class Sweep(Return_):
	"""Nobody said anything; the sweep finds the money, and a second payment that has to go back."""

	fewest_moments = 20

	def __init__(self, gateway: str):
		super().__init__(gateway)
		make_due(self.journey.invoice)

	def act(self):
		payment_jobs.run_reconcile()
		make_due(self.journey.invoice)
		payment_jobs.run_abandoned()


class Leave(Return_):
	"""The customer left the pay page; the sweep calls the payment abandoned."""

	fewest_moments = 10

	def __init__(self, gateway: str):
		self.journey = Journey(gateway)
		self.journey.start()
		make_due(self.journey.invoice)

	def act(self):
		payment_jobs.run_abandoned()


def proof_for(kind: type, gateway: str):
	def test(self):
		self.rehearse(kind, gateway)  # fills the caches
		moments = self.rehearse(kind, gateway)
		self.assertGreaterEqual(moments, kind.fewest_moments, "so few moments cannot be all")
		chosen = range(1, moments + 1, 1 if gateway == "payu" else EVERY)
		died = [self.died_and_recovered(kind, gateway, moment) for moment in chosen]
		# How many statements a flow takes differs a little from run to run.
		self.assertGreaterEqual(sum(died), len(chosen) * 0.8)

	return test


class TestCrashes(TestCase):
	"""R32, and R1, R3, R4, R13, R14, R15: each is a process that died between two steps."""

	def setUp(self):
		settings = payment_settings(double_payment_policy="Refund", abandon_after_minutes=30)
		settings.__enter__()
		self.addCleanup(settings.__exit__, None, None, None)

	def rehearse(self, kind: type, gateway: str) -> int:
		forget_the_past()
		return moments_of(kind(gateway).act)

	def died_and_recovered(self, kind: type, gateway: str, moment: int) -> bool:
		forget_the_past()
		act = kind(gateway)
		with dying(at=moment) as death:
			act.act()
		act.go_on()
		settle_down(act.journey)
		where = f"{kind.__name__} at {gateway}, moment {moment} of {death.moments}"
		self.assertEqual(act.journey.problems(), [], where)
		return death.is_dead


for kind in (Initiate, Return_, Webhook, Refund, Sweep, Leave):
	for code in GATEWAYS:
		name = f"test_death_at_any_moment_of_{kind.__name__.strip('_').lower()}_loses_nothing_at_{code}"
		setattr(TestCrashes, name, proof_for(kind, code))
