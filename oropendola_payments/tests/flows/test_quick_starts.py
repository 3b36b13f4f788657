"""The quick starts of docs/integrating.md, run as they are written there, against a running site."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import frappe
import requests

from oropendola_payments.tests.browser.host import Host
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.factories import create_plan, create_user, enable_gateway
from oropendola_payments.tests.support.http import API, token_of
from oropendola_payments.tests.support.simulated import open_pay_page
from oropendola_payments.tests.support.source import ROOT

PAGE = ROOT / "docs" / "integrating.md"
GATEWAY = "payu"
# The suffix of the file, and the programs that must be there.
LANGUAGES = {
	"bash": (".sh", ("bash", "curl", "jq")),
	"python": (".py", (sys.executable,)),
	"js": (".mjs", ("node",)),
}


@unittest.skipUnless(PAGE.exists(), "The documents are not installed with the app.")
class TestQuickStarts(TestCase):
	@classmethod
	def setUpClass(cls):
		super().setUpClass()
		cls.host = Host()
		cls.addClassCleanup(cls.host.close)
		enable_gateway(GATEWAY)
		cls.programs = dict(re.findall(r"^```(bash|python|js)\n(.*?)^```", PAGE.read_text(), re.M | re.S))
		# The first plan that costs something, so that the programs choose it.
		cls.plan = create_plan(sort_order=-1)
		cls.addClassCleanup(frappe.db.commit)
		cls.addClassCleanup(frappe.db.set_value, "AI Plan", cls.plan.name, "is_active", 0)

	def run_program(self, language: str, user: str) -> subprocess.Popen:
		suffix, needed = LANGUAGES[language]
		if missing := [name for name in needed if not shutil.which(name)]:
			self.skipTest(f"There is no {', '.join(missing)} here.")
		folder = self.enterContext(tempfile.TemporaryDirectory())
		file = Path(folder, f"quick_start{suffix}")
		file.write_text(self.programs[language])
		key, _colon, secret = token_of(user).removeprefix("token ").partition(":")
		frappe.db.commit()
		environment = {**os.environ, "SITE": self.host.url, "KEY": key, "SECRET": secret}
		program = subprocess.Popen(
			[needed[0], str(file)],
			env=environment,
			stdout=subprocess.PIPE,
			stderr=subprocess.STDOUT,
			text=True,
		)
		self.addCleanup(program.stdout.close)
		self.addCleanup(program.kill)
		return program

	def pay(self, user: str) -> None:
		"""The customer opens the address and pays; the gateway's webhook arrives."""
		invoice = self.ask(user, "payment.get_pending_invoices")["invoices"][0]["name"]
		started = self.ask(user, "payment.initiate_payment", invoice_id=invoice)
		open_pay_page(started)
		self.host.simulator.pay(started["gateway"], started["attempt"], outcome="success")
		self.host.deliver_webhooks(started["gateway"])

	def ask(self, user: str, endpoint: str, **arguments) -> dict:
		headers = {"Authorization": token_of(user)}
		return requests.post(f"{self.host.url}{API}{endpoint}", arguments, headers=headers).json()["message"]

	def check(self, language: str) -> None:
		user = create_user()
		program = self.run_program(language, user)
		first = program.stdout.readline()
		self.assertIn("Pay here: http", first, first + (program.stdout.read() if "Pay" not in first else ""))
		self.pay(user)
		rest, _errors = program.communicate(timeout=60)
		self.assertEqual((rest.strip(), program.returncode), ("Requests left today: 99", 0))

	def test_the_quick_start_in_curl_sells_and_uses_a_plan(self):
		self.check("bash")

	def test_the_quick_start_in_python_sells_and_uses_a_plan(self):
		self.check("python")

	def test_the_quick_start_in_javascript_sells_and_uses_a_plan(self):
		self.check("js")
