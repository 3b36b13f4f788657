"""A process may crash after every statement of paying for a pack or of using credits: nothing is lost or counted twice."""

import frappe

from oropendola_payments.engine.metering.test_usage import served_customer
from oropendola_payments.engine.monitoring import audit, invariants
from oropendola_payments.engine.settlement import settle
from oropendola_payments.engine.top_ups import buy
from oropendola_payments.engine.usage_ledger import events
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.crashes import count_crash_points, crashing
from oropendola_payments.tests.support.credits import (
	RULES,
	create_pack,
	credits_of,
	give,
	ledger,
	use_up_the_day,
)
from oropendola_payments.tests.support.factories import create_active_subscription
from oropendola_payments.tests.support.gateway_events import paid
from oropendola_payments.tests.support.journey import Journey
from oropendola_payments.tests.support.proofs import crash_points


class Paying:
	"""The gateway reports the payment of a pack, and again after the crash."""

	def __init__(self):
		self.user = create_active_subscription().user
		self.journey = Journey("payu", user=self.user)
		self.journey.invoice = buy.buy(self.user, create_pack().name)["invoice_id"]
		self.attempt = self.journey.start()

	def act(self):
		settle.settle("payu", paid(self.attempt, 499))

	def result(self) -> tuple:
		return self.journey.status(), ledger(self.user), audit.verify(self.journey.invoice)["broken"]


class Using:
	"""A program sends an event that credits pay, and again after the crash."""

	def __init__(self):
		doc, self.key = served_customer()
		self.user = doc.user
		give(self.user, 1, 10)
		give(self.user, 9, 20)
		use_up_the_day(doc)

	def act(self):
		events.consume(self.key, 3, event_id="e-1")
		frappe.db.commit()

	def result(self) -> tuple:
		lines = sorted(ledger(self.user))
		return credits_of(self.user), lines, frappe.db.count("AI Usage Entry", {"event_id": "e-1"})


class TestCreditCrashes(TestCase):
	def setUp(self):
		self.violated_before = invariants.check(RULES)
		frappe.db.delete("AI Usage Entry", {"event_id": "e-1"})
		frappe.db.commit()

	def crash_everywhere(self, kind: type, expected: tuple, fewest: int):
		kind().act()  # fills the caches
		points = count_crash_points(kind().act)
		self.assertGreaterEqual(points, fewest)
		for point in crash_points(points, 3):
			frappe.db.delete("AI Usage Entry", {"event_id": "e-1"})
			frappe.db.commit()
			flow = kind()
			with crashing(at=point):
				flow.act()
			flow.act()
			frappe.db.commit()
			with self.subTest(point=point):
				self.assertEqual(flow.result(), expected)
		self.assertEqual(invariants.check(RULES), self.violated_before)

	def test_a_crash_at_any_point_of_paying_a_pack_loses_nothing(self):
		"""U24."""
		self.crash_everywhere(Paying, ("Paid", [("Granted", 1000)], None), 8)

	def test_a_crash_at_any_point_of_using_credits_loses_nothing(self):
		"""U24."""
		lines = [("Granted", 1), ("Granted", 9), ("Used", -2), ("Used", -1)]
		self.crash_everywhere(Using, (7, lines, 1), 6)
