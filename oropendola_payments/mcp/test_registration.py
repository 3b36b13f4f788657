"""Programs that registered themselves are open to customers where the site wants that."""

import frappe

from oropendola_payments.tests.support.agents import admitted
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.factories import as_user, payment_settings


class TestSelfRegistration(TestCase):
	def register(self, user: str = "Guest"):
		"""An OAuth client as Frappe 16 makes it for a program that asks."""
		address = "https://agent.example/back"
		values = {
			"app_name": "An agent",
			"scopes": "all",
			"redirect_uris": address,
			"grant_type": "Authorization Code",
		}
		values |= {"default_redirect_uri": address, "response_type": "Code"}
		with as_user(user):
			return frappe.get_doc({"doctype": "OAuth Client", **values}).insert(ignore_permissions=True)

	def is_open(self, client) -> bool:
		return "All" in [row.role for row in client.allowed_roles]

	def test_customers_can_log_in_with_it_and_it_can_ask_for_the_scope_that_pays(self):
		with admitted(mcp_self_registration=1):
			client = self.register()
		self.assertTrue(self.is_open(client))
		self.assertEqual(client.scopes, "all openid transact")

	def test_it_is_as_frappe_made_it_while_the_site_does_not_want_more(self):
		"""M17"""
		for wanted, admits in ((0, 1), (1, 0)):
			switches = {"mcp_self_registration": wanted, "mcp_enabled": admits}
			with self.subTest(switches), payment_settings(**switches):
				client = self.register()
				self.assertFalse(self.is_open(client))
				self.assertEqual(client.scopes, "all")

	def test_what_an_administrator_makes_is_left_alone(self):
		with admitted(mcp_self_registration=1):
			self.assertFalse(self.is_open(self.register("Administrator")))
