"""A process may crash after every statement of redeeming a coupon and of paying with it: nothing is lost or counted twice."""

from collections.abc import Callable

import frappe

from oropendola_payments.engine.checkout import initiate as checkout
from oropendola_payments.engine.monitoring import audit, invariants
from oropendola_payments.engine.subscriptions import discounts, lifecycle
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.coupons import RULES, counted, redemptions
from oropendola_payments.tests.support.crashes import count_crash_points, crashing
from oropendola_payments.tests.support.factories import (
	create_coupon,
	create_plan,
	create_user,
	forget_counters,
)
from oropendola_payments.tests.support.proofs import crash_points


class Free:
	"""A customer orders with a coupon of 100 %, and confirms."""

	def __init__(self):
		self.user, self.plan = create_user(), create_plan().name
		self.coupon = create_coupon(basis_points=10_000, max_redemptions=1).name

	def act(self):
		invoice = lifecycle.subscribe(self.user, self.plan, None, coupon=self.coupon)["invoice_id"]
		checkout.initiate(self.user, invoice)

	def go_on(self):
		"""The customer does again what seems not to have worked."""
		forget_counters()
		status = frappe.db.get_value("AI Subscription", {"user": self.user}, "status")
		if status != "Active":
			self.act()

	statuses, count, total = ["Used"], 1, 0


class Exchange(Free):
	"""A customer removes a coupon from an invoice and applies another one."""

	def __init__(self):
		super().__init__()
		self.first = create_coupon().name
		self.invoice = lifecycle.subscribe(self.user, self.plan, None, coupon=self.first)["invoice_id"]

	def act(self):
		discounts.remove(self.user, self.invoice)
		discounts.apply(self.user, self.invoice, self.coupon)

	def go_on(self):
		forget_counters()
		if frappe.db.get_value("AI Invoice", self.invoice, "coupon") != self.coupon:
			self.act()

	statuses = ["Reserved"]


class TestCouponCrashes(TestCase):
	def setUp(self):
		self.violated_before = invariants.check(RULES)

	def crash_everywhere(self, kind: Callable):
		kind().act()  # fills the caches
		points = count_crash_points(kind().act)
		self.assertGreater(points, 15)
		chosen = crash_points(points, 5)
		crashed = [self.crash_and_recover(kind(), point) for point in chosen]
		self.assertGreaterEqual(sum(crashed), len(chosen) * 0.8)

	def crash_and_recover(self, flow: Free, point: int) -> bool:
		with crashing(at=point) as crash:
			flow.act()
		flow.go_on()
		frappe.db.commit()
		with self.subTest(point=point):
			self.assertEqual((redemptions(flow.coupon), counted(flow.coupon)), (flow.statuses, flow.count))
			name, total = frappe.db.get_value("AI Invoice", {"coupon": flow.coupon}, ["name", "total_amount"])
			self.assertEqual(float(total), flow.total)
			self.assertIsNone(audit.verify(name)["broken"])
			self.assertEqual(invariants.check(RULES), self.violated_before)
		return crash.has_crashed

	def test_a_crash_at_any_point_of_redeeming_and_paying_loses_nothing(self):
		"""R38."""
		self.crash_everywhere(Free)

	def test_a_crash_at_any_point_of_exchanging_coupons_loses_nothing(self):
		"""R38."""
		self.crash_everywhere(Exchange)
