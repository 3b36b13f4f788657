"""Keys of the last release were shown when they were made, or wait in the cache to be shown."""

import frappe

WAITING = "oropendola_new_key:"


def execute() -> None:
	frappe.db.sql("UPDATE `tabAI API Key` SET `revealed` = 1")
	for name, subscription in frappe.get_all(
		"AI API Key", {"status": "Active"}, ["name", "subscription"], as_list=True
	):
		if frappe.cache.get_value(WAITING + subscription, expires=True):
			frappe.db.set_value("AI API Key", name, "revealed", 0, update_modified=False)
			frappe.cache.delete_value(WAITING + subscription)
