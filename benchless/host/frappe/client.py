"""The generic calls of a frontend: lists, values, inserts and changes of documents."""

import frappe
from frappe import _
from frappe._absent import _absent
from frappe.model import child_table_fields, default_fields


@frappe.whitelist()
def get_list(
	doctype,
	fields=None,
	filters=None,
	group_by=None,
	order_by=None,
	limit_start=None,
	limit_page_length=20,
	parent=None,
	*,
	or_filters=None,
):
	"""Return the records that the user may read."""
	texts = {"fields": fields, "filters": filters, "or_filters": or_filters}
	options = {name: frappe.parse_json(text) for name, text in texts.items()}
	options |= {"group_by": group_by, "order_by": order_by, "limit_start": limit_start}
	return frappe.get_list(doctype, limit_page_length=limit_page_length, parent_doctype=parent, **options)


@frappe.whitelist()
def get(doctype, name=None, filters=None, parent=None):
	"""Return one record, if the user may read it."""
	doc = frappe.get_doc(doctype, name or frappe.parse_json(filters))
	doc.check_permission("read")
	doc.apply_fieldlevel_read_permissions()
	return doc.as_dict()


@frappe.whitelist(methods=["POST", "PUT"])
def set_value(doctype, name, fieldname, value=None):
	"""Set one field, or several given as an object, through the document."""
	if fieldname in default_fields + child_table_fields:
		frappe.throw(_("Cannot edit standard fields"))
	values = {fieldname: value} if value else _parsed(fieldname)
	doc = frappe.get_doc(doctype, name)
	doc.update(values if isinstance(values, dict) else {fieldname: ""})
	return doc.save().as_dict()


def _parsed(text):
	"""What JSON text means; a plain name as it is."""
	try:
		return frappe.parse_json(text)
	except ValueError:
		return text


@frappe.whitelist(methods=["POST", "PUT"])
def insert(doc=None):
	return frappe.get_doc(frappe.parse_json(doc)).insert().as_dict()


_absent("frappe.client")
