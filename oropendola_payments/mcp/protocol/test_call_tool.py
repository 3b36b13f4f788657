"""A tool that fails."""

from dataclasses import replace
from unittest.mock import patch

import frappe

from oropendola_payments.mcp.tools import catalogue
from oropendola_payments.tests.support.agents import AgentTestCase
from oropendola_payments.tests.support.factories import unique


class TestFailure(AgentTestCase):
	def test_a_tool_that_fails_leaves_nothing_behind_and_tells_no_details(self):
		"""M14"""
		title = unique("name")

		def fail(caller):
			frappe.db.set_value("User", caller.user, "last_name", title)
			raise RuntimeError("the password is hunter2")

		broken = tuple(
			replace(tool, run=fail) if tool.name == "get_usage" else tool for tool in catalogue.TOOLS
		)
		with patch.object(catalogue, "TOOLS", broken):
			sentence = self.refused("get_usage")
		self.assertEqual(sentence, "This did not work. The site's team finds the details in the Error Log.")
		self.assertFalse(frappe.db.exists("User", {"last_name": title}))
		self.assertTrue(frappe.db.exists("Error Log", {"method": "Payments: an agent's tool failed"}))
