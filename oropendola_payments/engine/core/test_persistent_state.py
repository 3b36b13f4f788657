"""A user who saves a profile empties the site's cache. What must not be lost by that is not lost."""

import frappe

from oropendola_payments import hooks
from oropendola_payments.api import subscription as api
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.factories import as_user, create_user
from oropendola_payments.tests.support.paid import paid_journey


class TestClearedCache(TestCase):
	def setUp(self):
		self.journey = paid_journey()
		self.journey.user = frappe.db.get_value("AI Invoice", self.journey.invoice, "user")

	def test_a_new_key_can_still_be_shown_after_somebody_saved_a_user(self):
		create_user()
		frappe.clear_cache()
		with as_user(self.journey.user):
			answer = api.reveal_api_key(subscription_id=self.journey.subscription)
		self.assertTrue(answer["success"], answer)
		self.assertTrue(answer["api_key"].startswith("oro_"))

	def test_a_new_key_survives_an_emptied_redis(self):
		for key in frappe.cache.get_keys(""):
			frappe.cache.delete_value(key, make_keys=False)
		with as_user(self.journey.user):
			self.assertTrue(api.reveal_api_key(subscription_id=self.journey.subscription)["success"])
			self.assertFalse(
				api.reveal_api_key(subscription_id=self.journey.subscription)["success"], "it is shown once"
			)


class TestPersistentKeys(TestCase):
	def test_named_keys_outlive_a_cleared_cache(self):
		for prefix in hooks.persistent_cache_keys:
			with self.subTest(prefix):
				frappe.cache.set_value(f"{prefix}:example", "kept")
				frappe.clear_cache()
				self.assertEqual(frappe.cache.get_value(f"{prefix}:example"), "kept")
				frappe.cache.delete_value(f"{prefix}:example")

	def test_a_saved_user_clears_what_is_not_named(self):
		frappe.cache.set_value("oropendola_example", "gone")
		frappe.clear_cache()
		self.assertIsNone(frappe.cache.get_value("oropendola_example"))
