"""The settings of a gateway are found by its code, whatever is cached."""

import frappe

from oropendola_payments import install
from oropendola_payments.ai_billing import current
from oropendola_payments.engine.gateway.registry import SETTINGS, settings_of
from oropendola_payments.engine.gateway.settings_changed import settings_saved
from oropendola_payments.exceptions import NotFound
from oropendola_payments.tests.support.case import TestCase


class TestSettingsOf(TestCase):
	def setUp(self):
		name = frappe.db.get_value(SETTINGS, {"gateway": "cashflows"})
		self.before = frappe.get_doc(SETTINGS, name)
		self.addCleanup(self.restore)
		settings_of("cashflows")
		self.remove()

	def remove(self):
		"""As a deletion does, which is refused where the gateway has payments, as other tests may have made."""
		frappe.db.delete(SETTINGS, {"gateway": "cashflows"})
		current.changed(self.before)
		frappe.db.commit()

	def restore(self):
		self.remove()
		self.before.db_insert()
		settings_saved(self.before)
		frappe.db.commit()

	def add(self, label: str):
		doc = frappe.new_doc(SETTINGS)
		doc.update({"label": label, "gateway": "cashflows", "mode": "Simulator"})
		doc.insert(ignore_permissions=True)
		frappe.db.commit()

	def test_a_gateway_made_again_under_another_label_is_found(self):
		self.add("Cashflows Two")
		self.assertEqual(settings_of("cashflows").label, "Cashflows Two")

	def test_an_update_makes_a_deleted_gateway_again_although_another_account_has_its_label(self):
		doc = frappe.new_doc(SETTINGS)
		doc.update({"label": self.before.label, "gateway": "cashflows_acme", "mode": "Test"})
		doc.insert(ignore_permissions=True)
		try:
			install.ensure_gateways()
			self.assertEqual(settings_of("cashflows").label, f"{self.before.label} (cashflows)")
		finally:
			frappe.db.delete(SETTINGS, {"gateway": "cashflows_acme"})

	def test_a_deleted_gateway_is_unknown(self):
		with self.assertRaises(NotFound):
			settings_of("cashflows")
