"""A process may crash after every statement and around every call to a gateway; the sweeps finish its work."""

import os

import frappe

from oropendola_payments.engine.jobs import payment_jobs
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.crashes import count_crash_points, crashing
from oropendola_payments.tests.support.factories import payment_settings
from oropendola_payments.tests.support.journey import GATEWAYS, Journey
from oropendola_payments.tests.support.proofs import crash_points
from oropendola_payments.tests.support.simulated import deliver, open_pay_page
from oropendola_payments.tests.support.time_travel import clear_due_records, make_due, sweep_until_settled

# A thorough run crashes at every point with PayU and at every ninth with the others; the variable tries all points with all.
EVERY = 1 if os.environ.get("PAYMENT_PROPERTY_EXAMPLES") else 9


class Initiate:
	"""The customer clicks Pay, and clicks again when nothing comes."""

	fewest_points = 8

	def __init__(self, gateway: str):
		self.journey = Journey(gateway)

	def act(self):
		self.journey.initiate()

	def go_on(self):
		answer = self.click_again()
		if not answer["success"]:  # the page of the first attempt is lost: the next click gets a new attempt
			answer = self.click_again()
		if not answer["success"]:
			raise AssertionError(answer)
		open_pay_page(answer)
		self.journey.customer_pays(answer["attempt"])

	def click_again(self) -> dict:
		"""After so long that a call without an answer counts as lost."""
		statement = (
			"UPDATE `tabPayment Attempt` SET request_data = NULL WHERE invoice = %s AND checkout_data IS NULL"
		)
		frappe.db.sql(statement, self.journey.invoice)
		frappe.db.commit()
		return self.journey.initiate()


class Return_:
	"""The customer returns from the gateway and has paid; no webhook is ever sent."""

	fewest_points = 15

	def __init__(self, gateway: str):
		self.journey = Journey(gateway)
		self.back = self.journey.customer_pays(self.journey.start())
		self.journey.take_webhooks()

	def act(self):
		self.journey.deliver_return(self.back)

	def go_on(self):
		pass


class Webhook(Return_):
	"""The gateway sends its webhook once; the customer never returns."""

	def __init__(self, gateway: str):
		self.journey = Journey(gateway)
		self.journey.customer_pays(self.journey.start())
		self.messages = self.journey.take_webhooks()

	def act(self):
		for message in self.messages:
			deliver(message)


class Refund(Return_):
	"""A manager makes a partial refund."""

	def __init__(self, gateway: str):
		super().__init__(gateway)
		self.journey.deliver_return(self.back)
		make_due(self.journey.invoice)
		payment_jobs.run_reconcile()

	def act(self):
		self.journey.refund(100)


class Sweep(Return_):
	"""No return and no webhook: the sweep finds the payment, and a second one that must be refunded."""

	fewest_points = 20

	def __init__(self, gateway: str):
		super().__init__(gateway)
		make_due(self.journey.invoice)

	def act(self):
		payment_jobs.run_reconcile()
		make_due(self.journey.invoice)
		payment_jobs.run_abandoned()


class Leave(Return_):
	"""The customer left the pay page; the sweep marks the payment abandoned."""

	fewest_points = 10

	def __init__(self, gateway: str):
		self.journey = Journey(gateway)
		self.journey.start()
		make_due(self.journey.invoice)

	def act(self):
		payment_jobs.run_abandoned()


def points_for(gateway: str, points: int) -> range:
	"""A normal run crashes at the points of a flow with different gateways."""
	if gateway == "payu":
		return crash_points(points, 4)
	return crash_points(points, max(12, EVERY), step=EVERY, first=2 * GATEWAYS.index(gateway))


def crash_test_for(kind: type, gateway: str):
	def test(self):
		self.rehearse(kind, gateway)  # fills the caches
		points = self.rehearse(kind, gateway)
		self.assertGreaterEqual(points, kind.fewest_points, "there must be more points than that")
		chosen = points_for(gateway, points)
		crashed = [self.crash_and_recover(kind, gateway, point) for point in chosen]
		# How many statements a flow takes differs a little from run to run.
		self.assertGreaterEqual(sum(crashed), len(chosen) * 0.8)

	return test


class TestCrashes(TestCase):
	"""R32, and R1, R3, R4, R13, R14, R15: each is a process that crashed between two steps."""

	def setUp(self):
		settings = payment_settings(double_payment_policy="Refund", abandon_after_minutes=30)
		settings.__enter__()
		self.addCleanup(settings.__exit__, None, None, None)

	def rehearse(self, kind: type, gateway: str) -> int:
		clear_due_records()
		return count_crash_points(kind(gateway).act)

	def crash_and_recover(self, kind: type, gateway: str, point: int) -> bool:
		clear_due_records()
		act = kind(gateway)
		with crashing(at=point) as crash:
			act.act()
		act.go_on()
		sweep_until_settled(act.journey)
		where = f"{kind.__name__} at {gateway}, point {point} of {crash.points}"
		self.assertEqual(act.journey.problems(), [], where)
		return crash.has_crashed


for kind in (Initiate, Return_, Webhook, Refund, Sweep, Leave):
	for code in GATEWAYS:
		name = f"test_a_crash_at_any_point_of_{kind.__name__.strip('_').lower()}_loses_nothing_at_{code}"
		setattr(TestCrashes, name, crash_test_for(kind, code))
