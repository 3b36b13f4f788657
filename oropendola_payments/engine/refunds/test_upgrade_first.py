"""A period is refunded in full only after the upgrade that counted its days."""

from decimal import Decimal

import frappe

from oropendola_payments.engine.refunds import create
from oropendola_payments.engine.refunds.record import open_refund
from oropendola_payments.exceptions import Conflict
from oropendola_payments.tests.support.paid import pay_again
from oropendola_payments.tests.support.plan_changes import PlanChangeCase

PAID = Decimal("588.82")


class TestUpgradeFirst(PlanChangeCase):
	def setUp(self):
		super().setUp()
		self.start("S")
		self.upgrade("P")

	def refund(self, amount: Decimal | None):
		create.create_refund(self.invoice, amount, "Asked for")

	def under_way(self, amount: Decimal):
		capture = frappe.get_doc("Payment Capture", {"invoice": self.invoice})
		open_refund(frappe.get_doc("AI Invoice", self.invoice), capture, amount, "Asked for")
		frappe.db.commit()

	def test_two_parts_that_are_all_together_are_refused_while_the_first_is_under_way(self):
		self.under_way(Decimal(300))
		for rest in (PAID - 300, None):
			with self.assertRaises(Conflict):
				self.refund(rest)
		self.refund(PAID - 300 - Decimal("0.01"))

	def test_a_double_payment_is_refunded_before_the_upgrade(self):
		pay_again(self.invoice, PAID)
		self.refund(PAID)
		self.assertEqual(frappe.db.get_value("AI Invoice", self.invoice, "status"), "Paid")
