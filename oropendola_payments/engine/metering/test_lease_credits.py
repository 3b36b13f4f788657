"""A lease that credits pay gives back its unspent share at the price that was paid, also after the end of the service."""

import frappe
from hypothesis import given
from hypothesis import strategies as st

from oropendola_payments.ai_billing.doctype.ai_usage_lease.ai_usage_lease import AIUsageLease
from oropendola_payments.ai_billing.periods import today
from oropendola_payments.engine.ending import now as ending
from oropendola_payments.engine.keys import rotate
from oropendola_payments.engine.metering import leases
from oropendola_payments.engine.metering.test_credits import CreditCase
from oropendola_payments.exceptions import Unauthorized
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.credits import credits_of
from oropendola_payments.tests.support.factories import create_plan

LEASE, ENTRY = "AI Usage Lease", "AI Usage Entry"


class LeaseCase(CreditCase):
	def lease(self, requests: int = 10) -> dict:
		return self.commit(leases.grant(self.key, requests, 30, "large", "test", None))

	def settle(self, lease: dict, spent: int, close: bool = True) -> dict:
		return leases.settle(self.key, lease["lease"], spent, close)

	def refused(self, error: type[Exception], work, *arguments):
		with self.assertRaises(error):
			work(*arguments)
		frappe.db.rollback()

	def booked(self, field: str = "units") -> int:
		return sum(frappe.get_all(ENTRY, {"subscription": self.doc.name}, pluck=field))


class TestPrices(TestCase):
	@given(st.integers(0, 10**12), st.integers(1, 10**5), st.data())
	def test_never_more_goes_back_than_was_taken_and_nothing_is_lost(self, taken, granted, data):
		"""U26."""
		lease = AIUsageLease({"doctype": LEASE, "credit_units": taken, "granted": granted})
		first = data.draw(st.integers(0, granted))
		second = data.draw(st.integers(first, granted))
		prices = [lease.price_of(spent) for spent in (0, first, second, granted)]
		self.assertEqual((prices[0], prices[-1], prices), (0, taken, sorted(prices)))
		self.assertLessEqual((taken - prices[1]) * granted, taken * (granted - first))


class TestPricesThatChange(LeaseCase):
	def change_plan(self, **values):
		plan = frappe.get_doc("AI Plan", self.doc.plan)
		plan.update(values)
		plan.save(ignore_permissions=True)
		frappe.db.commit()

	def test_a_dearer_model_gives_back_the_price_that_was_paid(self):
		"""U26."""
		lease = self.lease(10)
		self.change_plan(models=[{"pattern": "large", "per_request": 50}])
		settled = self.settle(lease, 4)
		self.assertEqual((settled["credits_given_back"], credits_of(self.user)), (12, 92))
		self.assertEqual(self.booked(), 8000)

	def test_a_cheaper_model_gives_back_the_price_that_was_paid(self):
		"""U26."""
		lease = self.lease(10)
		self.change_plan(models=[{"pattern": "large", "per_request": 0.001}])
		self.assertEqual(self.settle(lease, 4)["credits_given_back"], 12)
		self.assertEqual((credits_of(self.user), self.booked()), (92, 8000))

	def test_a_plan_without_the_model_gives_back_the_share_and_not_all(self):
		"""U26."""
		lease = self.lease(10)
		other = create_plan(requests_limit_per_day=100, models=[{"pattern": "another"}])
		frappe.db.set_value("AI Subscription", self.doc.name, "plan", other.name)
		frappe.db.commit()
		for _time in range(2):
			self.assertEqual(self.settle(lease, 9)["credits_given_back"], 2)
		self.assertEqual((credits_of(self.user), self.booked()), (82, 18_000))


class TestKeys(LeaseCase):
	def test_a_key_whose_subscription_has_ended_closes_its_lease(self):
		"""U5."""
		lease = self.lease(10)
		ending.end(self.doc.name)
		frappe.db.commit()
		self.assertEqual(self.settle(lease, 4)["credits_given_back"], 12)
		self.assertEqual(credits_of(self.user), 92)
		self.refused(Unauthorized, leases.settle, self.key, "another", 0)

	def test_a_key_of_a_paused_subscription_closes_its_lease(self):
		"""U5."""
		lease = self.lease(10)
		frappe.db.set_value("AI Subscription", self.doc.name, {"status": "Paused", "pause_until": today()})
		frappe.db.set_value("AI API Key", {"subscription": self.doc.name}, "suspended", 1)
		frappe.db.commit()
		self.assertEqual(self.settle(lease, 4)["credits_given_back"], 12)
		frappe.db.set_value("AI Subscription", self.doc.name, {"status": "Active", "pause_until": None})
		frappe.db.commit()

	def test_a_replaced_key_closes_nothing_and_the_new_one_does(self):
		"""U5."""
		lease = self.lease(10)
		new = rotate.rotate(self.user)["api_key"]
		frappe.db.commit()
		self.refused(Unauthorized, self.settle, lease, 4)
		self.assertEqual(leases.settle(new, lease["lease"], 4)["credits_given_back"], 12)
