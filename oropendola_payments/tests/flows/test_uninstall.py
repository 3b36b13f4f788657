"""Uninstalling gives Currency back the permissions that it had. Only real Frappe keeps copies of permissions."""

import unittest

import frappe

from oropendola_payments import install
from oropendola_payments.roles import DESK_ROLES
from oropendola_payments.tests.support.case import TestCase


@unittest.skipUnless(
	frappe.db and frappe.db.exists("DocType", "Custom DocPerm"), "benchless has no copies of permissions"
)
class TestCurrencyPermissions(TestCase):
	def setUp(self):
		self.addCleanup(frappe.clear_cache, doctype="Currency")
		self.addCleanup(frappe.db.rollback)
		frappe.db.delete("Custom DocPerm", {"parent": "Currency"})
		frappe.clear_cache(doctype="Currency")
		install.ensure_currencies_can_be_chosen()

	def copies(self) -> set[str]:
		return set(frappe.get_all("Custom DocPerm", {"parent": "Currency"}, pluck="role"))

	def uninstall(self):
		for role in DESK_ROLES:
			frappe.db.delete("Custom DocPerm", {"role": role})
		install._restore_currency_permissions()

	def test_the_copy_of_the_permissions_is_removed(self):
		self.assertLess(set(DESK_ROLES), self.copies())
		self.uninstall()
		self.assertEqual(self.copies(), set())

	def test_permissions_that_somebody_else_changed_stay(self):
		frappe.permissions.add_permission("Currency", "Guest")
		self.uninstall()
		self.assertIn("Guest", self.copies())
