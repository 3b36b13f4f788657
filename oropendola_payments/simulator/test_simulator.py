"""The simulator as a customer and a merchant see it: its pages, its strictness, and its independence of the adapters."""

import ast
import sys
from pathlib import Path
from unittest import TestCase

from oropendola_payments.simulator.core.server import find_providers
from oropendola_payments.simulator.test_case import SimulatorCase, pay_form

HERE = Path(__file__).parent


class TestPages(SimulatorCase):
	def test_the_pay_page_says_that_no_money_moves_and_has_a_button_for_every_outcome(self):
		page = self.open()
		self.assertIn("no real money", page.text)
		self.assertEqual(page.forms[0].buttons, ["success", "failure", "cancel", "pending"])

	def test_what_the_merchant_sends_is_shown_as_text_and_never_run(self):
		page = self.open(phone="1", surl="https://shop.example.com/?a=<script>")
		self.assertNotIn("<script>", page.text)
		back = self.simulator.pay("payu", "A1")
		self.assertEqual(back.url, "https://shop.example.com/?a=<script>")

	def test_a_card_needs_an_otp_and_is_declined_after_three_wrong_ones(self):
		self.open()
		action = f"{self.simulator.url}/payu/__pay/{self.simulator.order('payu', 'A1').order_id}"
		page = self.simulator.open(action, {"method": "card", "outcome": "success"})
		self.assertEqual(page.forms[0].entries, ["otp"])
		for _ in range(3):
			page = self.simulator.open(
				action, {**page.forms[0].fields, "otp": "000000", "outcome": "success"}
			)
		self.assertEqual(page.forms[0].action, "https://shop.example.com/failed")
		self.assertEqual(self.simulator.captures("payu"), [])

	def test_upi_needs_an_approval(self):
		self.open()
		action = f"{self.simulator.url}/payu/__pay/{self.simulator.order('payu', 'A1').order_id}"
		page = self.simulator.open(action, {"method": "upi", "outcome": "success"})
		self.assertEqual(page.forms[0].buttons, ["success", "failure", "pending"])
		self.assertEqual(self.simulator.captures("payu"), [])
		self.simulator.pay("payu", "A1", method="upi")
		self.assertEqual(self.simulator.captures("payu")[0].method, "upi")

	def test_the_return_page_is_a_form_with_a_button_that_submits_itself(self):
		self.open()
		action = f"{self.simulator.url}/payu/__pay/{self.simulator.order('payu', 'A1').order_id}"
		page = self.simulator.open(action, {"method": "netbanking", "outcome": "success"})
		self.assertIn("<button>", page.text)
		self.assertIn(".submit()", page.text)

	def test_a_paid_order_and_an_unknown_one_cannot_be_paid(self):
		self.pay()
		self.assertIsNone(self.simulator.pay("payu", "A1"))
		self.assertEqual(len(self.simulator.captures("payu")), 1)
		with self.assertRaisesRegex(LookupError, "no order"):
			self.simulator.pay("payu", "unknown")

	def test_the_bolt_script_opens_the_pay_page(self):
		script = self.call("/payu/bolt/bolt.min.js")
		self.assertIn("window.bolt", script)
		self.assertIn(f'"{self.simulator.url}/payu/_payment"', script)


class TestStrictness(SimulatorCase):
	def test_payu_refuses_what_the_real_page_refuses(self):
		for changes, text in (
			({"hash": "0" * 128}, "E700"),
			({"key": "Other1"}, "key"),
			({"phone": ""}, "phone"),
			({"txnid": "x" * 26}, "txnid"),
			({"firstname": "x" * 21}, "firstname"),
			({"amount": "1,499.50"}, "amount"),
			({"amount": "0"}, "amount"),
		):
			with self.subTest(changes=changes):
				page = self.simulator.open(f"{self.simulator.url}/payu/_payment", pay_form(**changes))
				self.assertEqual(page.status, 400)
				self.assertIn(text, page.text)

	def test_a_command_with_a_wrong_hash_is_refused(self):
		self.assertEqual(self.payu_command(hash="x"), {"status": 0, "msg": "Invalid Hash."})

	def test_one_command_returns_the_status_of_several_transactions(self):
		self.pay("A1")
		self.pay("A2", outcome="pending")
		details = self.payu_command(var1="A1|A2|A3")["transaction_details"]
		self.assertEqual(
			[details[name]["status"] for name in ("A1", "A2", "A3")], ["success", "pending", "Not Found"]
		)

	def test_a_payment_is_found_by_its_payu_id(self):
		self.pay()
		charge = self.simulator.captures("payu")[0]
		self.assertEqual(
			self.payu_command("check_payment", charge.payment_id)["transaction_details"]["txnid"], "A1"
		)


class TestIndependence(TestCase):
	def test_no_module_shares_code_with_the_adapters(self):
		"""Otherwise one mistake could hide another. Allowed are the standard library and a few others."""
		files = sorted(HERE.rglob("*.py"))
		self.assertGreater(len(files), 10)
		allowed = (
			"oropendola_payments.simulator",
			"werkzeug",
			"markupsafe",
			"cryptography",
			"Cryptodome",
			"Crypto",
		)
		for file in files:
			if not file.name.startswith("test_"):
				for module in self.foreign_imports(file):
					with self.subTest(file=file.name, module=module):
						self.assertTrue(module.startswith(allowed))

	@staticmethod
	def foreign_imports(file: Path) -> list[str]:
		found = []
		for node in ast.walk(ast.parse(file.read_text())):
			if isinstance(node, ast.ImportFrom):
				found.append("." if node.level else node.module)
			elif isinstance(node, ast.Import):
				found += [alias.name for alias in node.names]
		return [name for name in found if name.split(".")[0] not in sys.stdlib_module_names]

	def test_every_provider_is_found_in_the_folder_of_its_code(self):
		for kind in find_providers():
			with self.subTest(kind=kind):
				self.assertEqual(
					kind.__module__, f"oropendola_payments.simulator.providers.{kind.code}.provider"
				)

	def test_every_provider_has_the_same_main_files(self):
		for folder in (HERE / "providers").iterdir():
			if (folder / "__init__.py").exists():
				with self.subTest(provider=folder.name):
					self.assertTrue((folder / "provider.py").exists() and (folder / "wire.py").exists())
