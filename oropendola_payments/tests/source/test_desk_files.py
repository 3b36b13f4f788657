"""Forms, lists and files of the workspace, whose mistakes would only show in a browser."""

import json
import re
from pathlib import Path

import frappe

from oropendola_payments.api import desk as desk_api
from oropendola_payments.tests.support.case import TestCase

APP = Path(frappe.get_app_path("oropendola_payments"))


def files(kind: str) -> list[dict]:
	return [json.loads(path.read_text()) for path in sorted(APP.glob(f"ai_billing/{kind}/*/*.json"))]


def names(kind: str) -> set[str]:
	return {record["name"] for record in files(kind)}


class TestForms(TestCase):
	def test_the_webhook_address_is_that_of_the_site_and_not_of_the_browser(self):
		name = frappe.db.get_value("Payment Gateway Settings", {"gateway": "payu"}, "name")
		before = frappe.conf.get("host_name")
		frappe.conf.host_name = "https://shop.example"
		try:
			doc = frappe.get_doc("Payment Gateway Settings", name)
			doc.run_method("onload")
		finally:
			frappe.conf.host_name = before
		# A bench without a proxy adds its port.
		path = "/api/method/oropendola_payments.api.webhooks.receive?gateway=payu"
		self.assertRegex(
			doc.get("__onload").webhook_address, rf"^https://shop\.example(:\d+)?{re.escape(path)}$"
		)

	def test_a_list_of_invoices_shows_the_amount_on_a_laptop(self):
		"""The Desk shows title, status and one more column there, and the name when it is not the title."""
		meta = frappe.get_meta("AI Invoice")
		others = [f.fieldname for f in meta.fields if f.in_list_view and f.fieldname != "status"]
		self.assertEqual(meta.title_field, "user")
		self.assertEqual([name for name in others if name != "user"][:1], ["total_amount"])

	def test_mail_switches_have_a_section_of_their_own(self):
		fields = frappe.get_meta("Payment Settings").fields
		names = [f.fieldname for f in fields]
		section = names[names.index("mail_section") + 1 : names.index("monitoring_section")]
		self.assertEqual(
			{name for name in section if name.startswith("send_")},
			{name for name in names if name.startswith("send_")},
		)
		self.assertFalse([name for name in section if not name.startswith(("send_", "c"))])


class TestFiles(TestCase):
	def test_the_workspace_links_only_to_existing_records(self):
		workspace = files("workspace")[0]
		self.assertEqual(
			{card["number_card_name"] for card in workspace["number_cards"]}, names("number_card")
		)
		self.assertEqual({chart["chart_name"] for chart in workspace["charts"]}, names("dashboard_chart"))
		links = [link for link in workspace["links"] if link["type"] == "Link"]
		for link in links:
			self.assertTrue(self.exists(link["link_type"], link["link_to"]), link)

	def test_every_block_of_the_workspace_has_its_record(self):
		workspace = files("workspace")[0]
		known = {
			"number_card": {card["label"] for card in workspace["number_cards"]},
			"chart": {chart["label"] for chart in workspace["charts"]},
			"shortcut": {shortcut["label"] for shortcut in workspace["shortcuts"]},
			"card": {link["label"] for link in workspace["links"] if link["type"] == "Card Break"},
			"onboarding": names("module_onboarding"),
		}
		for block in json.loads(workspace["content"]):
			if block["type"] in known:
				name = block["data"].get(f"{block['type']}_name")
				self.assertIn(name, known[block["type"]])

	def test_every_onboarding_step_exists(self):
		steps = [row["step"] for row in files("module_onboarding")[0]["steps"]]
		self.assertEqual(set(steps), names("onboarding_step"))

	def test_the_sidebar_of_v16_links_only_to_existing_records(self):
		sidebar = json.loads((APP / "workspace_sidebar" / "ai_billing.json").read_text())
		links = [item for item in sidebar["items"] if item["type"] == "Link"]
		self.assertGreater(len(links), 10)
		for item in links:
			self.assertTrue(self.exists(item["link_type"], item["link_to"]), item)

	def test_charts_refer_to_existing_figures(self):
		for chart in files("dashboard_chart"):
			self.assertIn(json.loads(chart["filters_json"])["figure"], desk_api.CHARTS)
			self.assertIn(chart["source"], names("dashboard_chart_source"))

	def test_number_cards_refer_to_existing_methods(self):
		for card in files("number_card"):
			if card["type"] == "Custom":
				self.assertTrue(callable(frappe.get_attr(card["method"])))
			self.assertTrue(self.exists("DocType", card["document_type"]))

	def exists(self, kind: str, name: str) -> bool:
		if kind in ("Report", "Workspace"):
			return name in names(kind.lower())
		return name in names("doctype") or name in ("Email Template", "Error Log")
