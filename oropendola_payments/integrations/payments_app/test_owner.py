"""The owner of invoices for documents of other apps."""

from unittest.mock import patch

import frappe

from oropendola_payments.integrations.payments_app import owner
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.factories import unique


class TestOwner(TestCase):
	def setUp(self):
		self.enterContext(patch.object(owner, "OWNER", f"{unique('owner')}@payments.invalid"))
		self.addCleanup(frappe.db.rollback)

	def test_the_owner_is_made_once_disabled_and_without_roles(self):
		name = owner.ensure_owner()
		self.assertEqual(owner.ensure_owner(), name)
		user = frappe.get_doc("User", name)
		self.assertEqual((user.enabled, user.user_type, user.roles), (0, "Website User", []))

	def test_many_new_users_within_an_hour_do_not_refuse_a_payment_of_another_app(self):
		with patch.dict(frappe.local.conf, throttle_user_limit=-1):
			self.assertTrue(frappe.db.exists("User", owner.ensure_owner()))
		self.assertFalse(frappe.flags.in_import)
