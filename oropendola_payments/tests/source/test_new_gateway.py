"""Every gateway has what docs/adding-a-gateway.md requires, so the page is up to date."""

import re
import unittest
from pathlib import Path

import frappe

import oropendola_payments
from oropendola_payments import install
from oropendola_payments.ai_billing.payment_methods import LABELS
from oropendola_payments.gateways import BUILT_IN, load
from oropendola_payments.gateways.base import CREDENTIAL_SLOTS
from oropendola_payments.gateways.methods import MANUAL, METHODS, OTHER
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.journey import GATEWAYS, Journey
from oropendola_payments.tests.support.simulated import simulator
from oropendola_payments.web import window

APP = Path(oropendola_payments.__file__).parent
PAGE = APP.parent / "docs" / "adding-a-gateway.md"
SETTINGS = "Payment Gateway Settings"
# What every gateway's folder holds.
FILES = {
	"__init__.py",
	"adapter.py",
	"client.py",
	"mapping.py",
	"notices.py",
	"payloads.py",
	"signature.py",
	"test_adapter.py",
	"test_case.py",
	"test_notices.py",
	"test_refunds.py",
}
# Names on the page: when one of these moves, the page must follow.
NAMED = {
	"gateways/__init__.py": "BUILT_IN",
	"gateways/types.py": "CREDENTIAL_SLOTS",
	"gateways/methods.py": "METHODS",
	"ai_billing/payment_methods.py": "LABELS",
	"web/window.py": "DRIVERS",
	"engine/core/redaction.py": "KEPT_HEADERS",
	"tests/support/gateway_events.py": "CURRENCIES",
	"gateways/signing.py": "is_one_of",
	"tests/flows/test_late_events.py": "MANY_PAYMENTS",
	"engine/checkout/test_close_previous_attempts.py": "SECOND",
}


class TestEveryGateway(TestCase):
	def test_an_entry_in_built_in_creates_its_settings_record(self):
		frappe.db.delete(SETTINGS, {"gateway": "cashflows"})
		install.ensure_gateways()
		record = frappe.get_doc(SETTINGS, {"gateway": "cashflows"})
		self.assertEqual((record.label, record.enabled, record.mode), ("Cashflows", 0, "Test"))
		self.assertEqual(record.sort_order, list(BUILT_IN).index("cashflows") + 1)
		frappe.db.rollback()

	def test_it_has_code_tests_simulated_provider_and_page(self):
		for code in BUILT_IN:
			present = {path.name for path in (APP / "gateways" / code).glob("*.py")}
			self.assertLessEqual(FILES, present, code)
			self.assertTrue((PAGE.parent / "gateways" / f"{code}.md").exists() or not PAGE.exists(), code)
			self.assertIn(code, simulator().providers)

	def test_every_gateway_uses_the_common_method_names(self):
		for code, path in BUILT_IN.items():
			capabilities = load(path).capabilities
			names = [*capabilities.methods, *capabilities.direct_methods.values()]
			self.assertTrue(names, code)
			self.assertLessEqual(set(names), set(METHODS), code)
			self.assertEqual(len(capabilities.methods), len(set(capabilities.methods)), code)

	def test_every_method_has_a_label_and_is_an_option_of_the_filter(self):
		field = frappe.get_meta("Payment Attempt").get_field("payment_method")
		self.assertEqual(set(LABELS), set(METHODS))
		self.assertEqual(field.options.split("\n"), ["", *METHODS, MANUAL, OTHER])

	def test_every_credential_has_a_field_and_secrets_are_passwords(self):
		fields = {field.fieldname: field.fieldtype for field in frappe.get_meta(SETTINGS).fields}
		for slot, is_secret in CREDENTIAL_SLOTS.items():
			self.assertEqual(fields[slot] == "Password", is_secret, slot)

	def test_every_sdk_has_its_driver_script_and_allowed_hosts(self):
		drivers = set()
		for gateway in GATEWAYS:
			for flow in load(BUILT_IN[gateway]).capabilities.flows:
				sdk = Journey(gateway).initiate(flow=flow).get("sdk")
				if sdk:
					drivers.add(sdk["driver"])
					self.assertTrue(load(BUILT_IN[gateway]).capabilities.browser_hosts, gateway)
		self.assertEqual(drivers - set(window.DRIVERS), set())
		for driver in window.DRIVERS:
			self.assertTrue((APP / "public" / "js" / f"pay-{driver}.js").exists(), driver)


@unittest.skipUnless(PAGE.exists(), "An installed app has no docs beside it.")
class TestThePage(TestCase):
	def test_the_names_on_the_page_are_where_it_says(self):
		text = PAGE.read_text()
		for file, name in NAMED.items():
			self.assertRegex((APP / file).read_text(), rf"(?m)^(def )?{name}\b", file)
			self.assertIn(name, text)
			self.assertIn(file, text)

	def test_the_example_on_the_page_matches_the_contract(self):
		for name in re.findall(r"\tdef (\w+)\(self", PAGE.read_text()):
			self.assertTrue(all(hasattr(load(path), name) for path in BUILT_IN.values()), name)
