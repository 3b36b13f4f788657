"""Sites: install, migrate, uninstall, and what the process keeps between them."""

import json
from pathlib import Path

import frappe
from frappe.utils import get_url

from benchless import site
from benchless.tests.test_transactions import in_thread
from benchless.tests.throwaway import APP, ThrowawaySite, box


def definition_of(doctype: str) -> Path:
	folder = frappe.scrub(doctype)
	return Path(frappe.get_app_path(APP)) / "store" / "doctype" / folder / f"{folder}.json"


class TestMigrate(ThrowawaySite):
	def change(self, doctype: str, function):
		"""Change the JSON file for the time of the test and migrate."""
		path = definition_of(doctype)
		before = path.read_text()
		self.addCleanup(path.write_text, before)
		definition = json.loads(before)
		function({field["fieldname"]: field for field in definition["fields"]}, definition["fields"])
		path.write_text(json.dumps(definition))
		site.migrate()

	def test_new_field_is_a_new_column_and_the_rows_stay(self):
		name = box(serial="kept").insert().name
		frappe.db.commit()
		self.change(
			"Box",
			lambda _by_name, fields: fields.append({"fieldname": "extra", "fieldtype": "Int", "default": 7}),
		)
		self.assertEqual(frappe.db.get_value("Box", name, ["serial", "extra"]), ("kept", 7))
		with self.assertRaises(frappe.UniqueValidationError):
			box(serial="kept").insert()

	def test_longer_field_takes_longer_text(self):
		self.change("Box", lambda by_name, _fields: by_name["label"].update(length=200))
		name = box(label="x" * 180).insert().name
		self.assertEqual(len(frappe.db.get_value("Box", name, "label")), 180)

	def test_field_that_is_gone_leaves_its_column(self):
		self.change("Ticket", lambda by_name, fields: fields.remove(by_name["kind"]))
		self.assertTrue(frappe.db.has_column("Ticket", "kind"))
		self.assertFalse(frappe.get_meta("Ticket").has_field("kind"))

	def test_index_that_code_added_survives_a_change_of_the_table(self):
		frappe.db.add_unique("Bill", ["naming_series", "owner"], "one_each")
		self.change(
			"Bill", lambda _by_name, fields: fields.append({"fieldname": "more", "fieldtype": "Data"})
		)
		self.assertTrue(frappe.db.has_index("tabBill", "one_each"))


class TestApps(ThrowawaySite):
	def test_first_data_of_the_app_is_there(self):
		self.assertEqual(frappe.get_installed_apps(), ["frappe", APP])
		self.assertTrue(frappe.db.exists("Role", "Packer"))

	def test_an_app_can_be_uninstalled_and_installed_again(self):
		from frappe.installer import remove_app

		box().insert()
		frappe.db.commit()
		remove_app(APP, yes=True, no_backup=True)
		self.assertFalse(frappe.db.has_table("Box"))
		with self.assertRaises(frappe.DoesNotExistError):
			frappe.get_meta("Box")
		site.install_app(APP)
		self.assertEqual(frappe.db.count("Box"), 0)

	def test_site_is_not_made_twice(self):
		with self.assertRaises(FileExistsError):
			site.create_site(self.path, apps=[APP])

	def test_site_that_could_not_be_finished_is_not_taken_for_one(self):
		folder = self.folder / "half.localhost"
		with self.assertRaises(ModuleNotFoundError):
			in_thread(self.path, lambda: site.create_site(folder, apps=["no_such_app"]))
		self.assertFalse((folder / "site.db").exists())

	def test_configured_host_name_wins(self):
		frappe.local.conf.host_name = "https://pay.example.com"
		self.assertEqual(get_url("/x"), "https://pay.example.com/x")
