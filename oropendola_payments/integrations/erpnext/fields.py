"""Fields of ours on documents of ERPNext: what makes sure that each fact is booked once. Plain data, so they survive our app."""

import frappe

KEY = "oropendola_source"
USER = "oropendola_user"
WHERE = {
	"Payment Entry": (KEY, "reference_date"),
	"Sales Invoice": (KEY, "remarks"),
	"Journal Entry": (KEY, "cheque_date"),
	"Customer": (USER, "tax_id"),
}
LABELS = {KEY: "Oropendola Source", USER: "Oropendola User"}


def ensure_fields() -> None:
	"""Add the fields that are missing."""
	for doctype, (fieldname, after) in WHERE.items():
		if frappe.db.exists("DocType", doctype) and not frappe.get_meta(doctype).has_field(fieldname):
			_add(doctype, fieldname, after)


def _add(doctype: str, fieldname: str, after: str) -> None:
	field = frappe.new_doc("Custom Field")
	field.update(
		{
			"dt": doctype,
			"fieldname": fieldname,
			"label": LABELS[fieldname],
			"fieldtype": "Data",
			"insert_after": after,
			"unique": 1,
			"read_only": 1,
			"no_copy": 1,
			"print_hide": 1,
		}
	)
	field.insert()


def release(doctype: str, key: str) -> None:
	"""Take the key from a cancelled document, so that it can be booked again."""
	document = frappe.qb.DocType(doctype)
	query = frappe.qb.update(document).set(document.oropendola_source, None)
	query.where(document.oropendola_source == key).where(document.docstatus == 2).run()


def remove_fields() -> None:
	"""Remove the fields before the app goes. Their columns and values stay, as Frappe leaves them."""
	for doctype, (fieldname, _after) in WHERE.items():
		for name in frappe.get_all("Custom Field", {"dt": doctype, "fieldname": fieldname}, pluck="name"):
			frappe.delete_doc("Custom Field", name, force=True)
