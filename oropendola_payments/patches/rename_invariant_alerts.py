"""The alert kind "Broken Promise" is called "Invariant Violation". Open alerts keep their place: a new one is not opened beside them."""

import frappe

OLD, NEW = "Broken Promise", "Invariant Violation"


def execute() -> None:
	for row in frappe.get_all("Payment Alert", {"kind": OLD}, ["name", "live_key"]):
		values = {"kind": NEW}
		if row.live_key:
			values["live_key"] = row.live_key.replace(OLD, NEW, 1)[:140]
		frappe.db.set_value("Payment Alert", row.name, values, update_modified=False)
