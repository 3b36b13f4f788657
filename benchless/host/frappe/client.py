"""The generic calls of a frontend that `/api/resource` and the Desk's scripts use."""

from contextlib import suppress

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
	debug: bool = False,
	as_dict: bool = True,
	or_filters=None,
):
	"""Give the records the user may read."""
	if frappe.is_table(doctype):
		frappe.has_permission(parent or doctype, throw=True)
	return frappe.get_list(
		doctype,
		fields=frappe.parse_json(fields),
		filters=frappe.parse_json(filters),
		or_filters=frappe.parse_json(or_filters),
		group_by=group_by,
		order_by=order_by,
		limit_start=limit_start,
		limit_page_length=limit_page_length,
		as_list=not as_dict,
	)


@frappe.whitelist()
def get(doctype, name=None, filters=None, parent=None):
	"""Give one document by name, by filters, or a Single."""
	if name:
		doc = frappe.get_doc(doctype, name)
	elif filters:
		doc = frappe.get_doc(doctype, frappe.parse_json(filters))
	else:
		doc = frappe.get_doc(doctype)
	doc.check_permission()
	doc.apply_fieldlevel_read_permissions()
	return doc.as_dict()


@frappe.whitelist()
def get_value(doctype, fieldname, filters=None, as_dict=True, debug=False, parent=None):
	"""Give one or more values of the first matching record the user may read."""
	if not frappe.has_permission(doctype, parent_doctype=parent):
		frappe.throw(_("No permission for {0}").format(_(doctype)), frappe.PermissionError)
	fields = _names(fieldname)
	filters = _filters(filters)
	if frappe.get_meta(doctype).issingle:
		values = frappe.db.get_values_from_single(fields, filters, doctype, as_dict=as_dict)
	else:
		values = get_list(doctype, filters=filters, fields=fields, limit_page_length=1, as_dict=as_dict)
	if as_dict:
		return values[0] if values else {}
	if values:
		return values[0] if len(fields) > 1 else values[0][0]


def _names(fieldname) -> list:
	try:
		fields = frappe.parse_json(fieldname)
	except ValueError:
		fields = fieldname
	return fields if isinstance(fields, list) else [fields]


def _filters(filters):
	with suppress(ValueError):  # a plain name
		filters = frappe.parse_json(filters)
	return {"name": filters} if isinstance(filters, str) else filters or None


@frappe.whitelist(methods=["POST", "PUT"])
def set_value(doctype, name, fieldname, value=None):
	"""Set one field, or several given as an object, through the document."""
	if fieldname in default_fields + child_table_fields:
		frappe.throw(_("Cannot edit standard fields"))
	values = {fieldname: value} if value else _values(fieldname)
	doc = frappe.get_doc(doctype, name)
	doc.update(values)
	doc.save()
	return doc.as_dict()


def _values(fieldname) -> dict:
	try:
		return frappe.parse_json(fieldname)
	except ValueError:
		return {fieldname: ""}


@frappe.whitelist(methods=["POST", "PUT"])
def insert(doc=None):
	return frappe.get_doc(frappe.parse_json(doc)).insert().as_dict()


@frappe.whitelist(methods=["POST", "PUT"])
def save(doc):
	doc = frappe.get_doc(frappe.parse_json(doc))
	doc.save()
	return doc.as_dict()


@frappe.whitelist(methods=["DELETE", "POST"])
def delete(doctype, name):
	frappe.delete_doc(doctype, name, ignore_missing=False)


__getattr__ = _absent("frappe.client")
