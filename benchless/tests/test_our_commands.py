"""The commands that report, in words and by exit code, whether the records are consistent."""

import json
import os
import threading
from pathlib import Path

import frappe
from click.testing import CliRunner, Result

from benchless import site
from benchless.tests.throwaway import ThrowawaySite
from oropendola_payments.commands import check_payment_invariants, verify_payment_audit
from oropendola_payments.tests.support.factories import create_active_subscription


class TestCommands(ThrowawaySite):
	@classmethod
	def setUpClass(cls):
		super().setUpClass()
		site.install_app("oropendola_payments")
		cls.invoice = create_active_subscription().current_invoice
		cls.event = f"{cls.invoice}-00002"
		frappe.db.commit()

	def run_command(self, command) -> Result:
		"""As a shell would: a process without a site, in the folder of the sites."""
		results, here = [], Path.cwd()
		sites = {"sites": [frappe.local.site], "profile": False}
		os.chdir(frappe.local.sites_path)
		try:
			thread = threading.Thread(target=lambda: results.append(CliRunner().invoke(command, obj=sites)))
			thread.start()
			thread.join()
		finally:
			os.chdir(here)
		return results[0]

	def tamper(self, doctype: str, name: str, column: str, value):
		"""Past the app, as somebody with the database's password would; undone after the test."""
		before = frappe.db.get_value(doctype, name, column)
		statement = f"UPDATE `tab{doctype}` SET `{column}` = %s WHERE name = %s"
		self.write(statement, value, name)
		self.addCleanup(self.write, statement, before, name)

	@staticmethod
	def write(statement: str, *values):
		frappe.db.sql(statement, values)
		frappe.db.commit()

	def test_an_intact_database_gives_exit_code_0(self):
		answer = self.run_command(verify_payment_audit)
		told = json.loads(answer.output)
		self.assertEqual((answer.exit_code, told["broken"]), (0, None))
		self.assertEqual(told["events"], frappe.db.count("Payment Event"))
		answer = self.run_command(check_payment_invariants)
		self.assertEqual((answer.exit_code, answer.output), (0, "All invariants hold.\n"))

	def test_a_changed_event_is_named_with_exit_code_1(self):
		self.tamper("Payment Event", self.event, "details", '{"amount": 1}')
		answer = self.run_command(verify_payment_audit)
		broken = json.loads(answer.output)["broken"]
		self.assertEqual((answer.exit_code, broken["link"]), (1, self.event))
		self.assertEqual(broken["reason"], "its content was changed after it was written")

	def test_a_paid_invoice_that_nobody_paid_is_named_with_exit_code_1(self):
		self.tamper("AI Invoice", self.invoice, "amount_paid", 1)
		answer = self.run_command(check_payment_invariants)
		broken = json.loads(answer.output)
		self.assertEqual(answer.exit_code, 1)
		self.assertEqual(broken["paid_amount_differs_from_captures"], [self.invoice])
		self.assertEqual(broken["paid_with_less_than_the_total"], [self.invoice])

	def test_without_a_site_they_do_not_say_that_all_is_well(self):
		for command in (verify_payment_audit, check_payment_invariants):
			answer = CliRunner().invoke(command, obj={"sites": [], "profile": False})
			self.assertNotEqual(answer.exit_code, 0)
