"""What the generator makes breaks no rule of the app, and nothing of it is left after `clear`."""

import unittest

import frappe

from oropendola_payments.engine.monitoring import audit, invariants
from oropendola_payments.tests.growth import generator, meter
from oropendola_payments.tests.growth.stories import STATUSES
from oropendola_payments.tests.support.case import TestCase

SCALE = 0.002


def made(doctype: str, **filters) -> int:
	return frappe.db.count(doctype, {"name": ("like", "GROW%"), **filters})


class TestGenerator(TestCase):
	@classmethod
	def setUpClass(cls):
		super().setUpClass()
		if not meter.connected():
			raise unittest.SkipTest("The generator writes the SQL of MariaDB, and benchless has SQLite.")
		cls.addClassCleanup(generator.clear, say=lambda _text: None)
		generator.fill(SCALE, say=lambda _text: None)

	def test_no_record_violates_an_invariant(self):
		found = {
			rule: [name for name in names if str(name).startswith(("GROW", "grow-"))]
			for rule, names in invariants.check().items()
		}
		self.assertEqual({rule: names for rule, names in found.items() if names}, {})

	def test_its_audit_trail_is_valid(self):
		for invoice in frappe.get_all("AI Invoice", {"name": ("like", "GROW%")}, pluck="name", limit=50):
			self.assertIsNone(audit.verify(invoice)["broken"], invoice)

	def test_there_are_invoices_of_each_status_and_more_attempts_than_invoices(self):
		statuses = frappe.get_all("AI Invoice", {"name": ("like", "GROW%")}, pluck="status", distinct=True)
		self.assertEqual(set(STATUSES) - set(statuses) - {"Pending", "Processing"}, set())
		self.assertGreater(made("Payment Attempt"), 1.3 * made("AI Invoice"))
		self.assertGreater(made("Payment Event"), 4 * made("AI Invoice"))

	def test_few_customers_have_many_of_the_invoices(self):
		rows = frappe.db.sql(
			"SELECT COUNT(*) FROM `tabAI Invoice` WHERE name LIKE 'GROW%%' GROUP BY `user` ORDER BY 1 DESC LIMIT 10"
		)
		self.assertGreater(sum(count for (count,) in rows), made("AI Invoice") / 10)


class TestClearing(TestCase):
	def test_nothing_is_left(self):
		if not meter.connected():
			self.skipTest("The generator writes the SQL of MariaDB, and benchless has SQLite.")
		generator.fill(0, say=lambda _text: None)
		self.assertGreater(made("AI Subscription"), 0)
		generator.clear(say=lambda _text: None)
		for doctype in generator.TABLES:
			self.assertEqual(made(doctype), 0, doctype)
		self.assertEqual(frappe.db.count("User", {"name": ("like", "grow-%@example.com")}), 0)
