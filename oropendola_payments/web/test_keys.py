"""The API keys on the billing page work without JavaScript, and show a key once."""

import frappe

from oropendola_payments.engine.keys import listing, reveal
from oropendola_payments.tests.support import factories
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.factories import payment_settings
from oropendola_payments.tests.support.pages import page


class TestKeysOnTheBillingPage(TestCase):
	def setUp(self):
		self.subscription = factories.create_active_subscription(max_api_keys=2)
		self.user = self.subscription.user
		reveal.reveal(self.user)
		self.key = self.subscription.api_key_link

	def press(self, action: str, **data):
		data = {"action": action, "subscription": self.subscription.name, **data}
		answer = page("/billing", self.user, method="POST", data=data)
		frappe.db.rollback()
		return answer

	def status(self, key: str) -> str:
		return frappe.db.get_value("AI API Key", key, "status")

	def names(self) -> list[str]:
		return [row["name"] for row in listing.list_keys(self.user)["keys"]]

	def test_the_old_key_stops_now_or_in_a_day_as_the_customer_chooses(self):
		answer = self.press("rotate_key", key=self.key, overlap="1")
		self.assertIn("oro_", answer.text)
		self.assertIn("Works until", answer.text)
		self.assertEqual(self.status(self.key), "Retiring")
		new = frappe.db.get_value("AI API Key", self.key, "replaced_by")
		self.press("rotate_key", key=new, overlap="")
		self.assertEqual((self.status(self.key), self.status(new)), ("Revoked", "Revoked"))

	def test_a_second_click_on_replace_is_refused_with_the_reason(self):
		self.press("rotate_key", key=self.key, overlap="1")
		new = frappe.db.get_value("AI API Key", self.key, "replaced_by")
		self.assertEqual(self.press("rotate_key", key=new, overlap="1").status_code, 303)
		self.assertIn("still works until", page("/billing", self.user).text)
		self.assertEqual(self.status(self.key), "Retiring")

	def test_without_an_overlap_on_this_site_there_is_no_choice(self):
		with payment_settings(max_key_overlap_hours=0):
			self.assertNotIn("When should the old key", page("/billing", self.user).text)
			self.press("rotate_key", key=self.key, overlap="1")
		self.assertEqual(self.status(self.key), "Revoked")

	def test_a_second_key_is_created_named_and_revoked(self):
		answer = self.press("create_key", name="Website")
		self.assertIn("oro_", answer.text)
		self.assertNotIn("Create an API key", answer.text)
		key = next(row["key_id"] for row in listing.list_keys(self.user)["keys"] if row["name"] == "Website")
		self.press("rename_key", key=key, name="<b>Nightly</b>")
		self.assertIn("＜b&gt;Nightly", page("/billing", self.user).text)
		self.press("revoke_key", key=key)
		self.assertEqual(self.names(), ["API key"])

	def test_a_customer_without_a_key_can_create_one(self):
		self.press("revoke_key", key=self.key)
		text = page("/billing", self.user).text
		self.assertIn("You have no API key at the moment", text)
		self.assertIn("Create an API key", text)

	def test_the_key_of_another_customer_is_not_touched(self):
		other = factories.create_active_subscription()
		for action in ("rotate_key", "revoke_key", "rename_key"):
			self.press(action, key=other.api_key_link, name="Mine")
		self.assertEqual(self.status(other.api_key_link), "Active")
