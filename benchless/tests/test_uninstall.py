"""This app comes and goes: what a site has of it afterwards."""

import frappe
from frappe.installer import remove_app

from benchless import site
from benchless.tests.throwaway import ThrowawaySite, make_user
from oropendola_payments.roles import DESK_ROLES, TRANSACT

APP = "oropendola_payments"
OURS = (*DESK_ROLES, TRANSACT)


def our_roles() -> set[str]:
	return set(frappe.get_all("Role", {"name": ("in", OURS)}, pluck="name"))


def holders() -> list[str]:
	return frappe.get_all("Has Role", {"role": ("in", OURS), "parenttype": "User"}, pluck="parent")


class TestUninstall(ThrowawaySite):
	def setUp(self):
		super().setUp()
		site.install_app(APP)
		self.user = make_user(*OURS, "System Manager")
		frappe.db.commit()

	def test_uninstall_removes_roles_and_tables_and_a_new_install_works(self):
		self.assertEqual(our_roles(), set(OURS))
		self.assertEqual(len(holders()), len(OURS))
		template = frappe.get_all("Email Template", pluck="name")
		self.assertTrue(template)
		frappe.db.set_value("Email Template", template[0], "subject", "Written by an admin")

		remove_app(APP, yes=True, no_backup=True)

		self.assertEqual((our_roles(), holders()), (set(), []))
		self.assertIn("System Manager", frappe.get_roles(self.user), "other rights stay")
		self.assertFalse(frappe.db.has_table("AI Invoice"))
		self.assertEqual(frappe.get_all("Email Template", pluck="name"), template[:1])
		jobs = frappe.get_all("Scheduled Job Type", {"method": ("like", f"{APP}.%")})
		self.assertEqual(jobs, [])

		site.install_app(APP)
		self.assertEqual(our_roles(), set(OURS))
		self.assertEqual(frappe.db.count("Payment Gateway Settings"), 7)
		self.assertEqual(holders(), [], "nobody gets a role back unasked")

	def test_uninstall_leaves_no_secret_and_no_setting(self):
		settings = frappe.get_doc("Payment Settings")
		settings.metrics_token = "a-made-up-token"
		settings.save()
		gateway = frappe.get_doc("Payment Gateway Settings", "PayU")
		gateway.update({"key_id": "a-key", "key_secret": "a-made-up-salt"}).save()
		frappe.cache.set_value("oropendola_token:paypal:Live:a", "sealed", expires_in_sec=60)
		frappe.db.commit()
		self.assertTrue(self.secrets())

		remove_app(APP, yes=True, no_backup=True)

		self.assertEqual(self.secrets(), ())
		self.assertFalse(frappe.db.sql("SELECT * FROM `tabSingles` WHERE `doctype` = 'Payment Settings'"))
		self.assertIsNone(frappe.cache.get_value("oropendola_token:paypal:Live:a"))

	@staticmethod
	def secrets() -> tuple:
		return tuple(frappe.db.sql("SELECT * FROM `__Auth` WHERE `doctype` LIKE 'Payment%'"))

	def test_it_can_be_uninstalled_when_its_roles_are_gone_already(self):
		for role in OURS:
			frappe.db.delete("Has Role", {"role": role})
			frappe.delete_doc("Role", role, ignore_permissions=True, force=True)
		remove_app(APP, yes=True, no_backup=True)
		self.assertNotIn(APP, frappe.get_installed_apps())
