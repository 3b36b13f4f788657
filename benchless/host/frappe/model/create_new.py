"""New documents with their defaults."""

import copy

import frappe
from frappe.model import data_fieldtypes
from frappe.types import _dict
from frappe.utils import cint, cstr, flt, now_datetime, nowdate, nowtime


def get_new_doc(doctype, parent_doc=None, parentfield=None, as_dict=False):
	templates = frappe.local.new_doc_templates
	if doctype not in templates:
		templates[doctype] = make_new_doc(doctype)
	doc = copy.copy(templates[doctype])
	_set_changing_defaults(doc, parent_doc, parentfield)
	return doc if as_dict else frappe.get_doc(doc)


def make_new_doc(doctype) -> _dict:
	doc = _dict(doctype=doctype, name=None, owner=frappe.session.user, docstatus=0, idx=0, __islocal=1)
	if not frappe.get_meta(doctype).issingle:
		doc["__unsaved"] = 1
	for field in frappe.get_meta(doctype).fields:
		if field.fieldtype in data_fieldtypes:
			doc[field.fieldname] = _typed(field, _static_default(field))
	return doc


def _static_default(field):
	default = field.default
	if default == "__user":
		return frappe.session.user
	if default == "Today":
		return nowdate()
	if default and not cstr(default).startswith(":"):
		return default
	if (
		not default
		and field.fieldtype == "Select"
		and field.options not in (None, "", "[Select]", "Loading...")
	):
		return field.options.split("\n", 1)[0]


def _typed(field, value):
	if field.fieldtype == "Check":
		return cint(value)
	if value is None:
		return None
	if field.fieldtype == "Int":
		return cint(value)
	return flt(value) if field.fieldtype in ("Float", "Currency", "Percent") else value


def _set_changing_defaults(doc, parent_doc, parentfield):
	for field in frappe.get_meta(doc["doctype"]).fields:
		if field.fieldtype == "Datetime" and cstr(field.default).lower() == "now":
			doc[field.fieldname] = now_datetime()
		elif field.fieldtype == "Time":
			doc[field.fieldname] = nowtime()
	if parent_doc:
		doc.update(parent=parent_doc.name, parenttype=parent_doc.doctype)
	if parentfield:
		doc["parentfield"] = parentfield
