"""New documents with their defaults."""

import copy

import frappe
from frappe.model import data_fieldtypes, float_like_fields
from frappe.types import _dict
from frappe.utils import cint, cstr, flt, now_datetime, nowdate, nowtime

_OF_TODAY = ("__user", "Today")  # they depend on who asks and when


def new_doc(doctype: str, *, parent_doc=None, parentfield=None, as_dict: bool = False, **kwargs):
	"""A document with its defaults, not yet in the database."""
	templates = frappe.local.new_doc_templates
	if doctype not in templates:
		templates[doctype] = _with_defaults(doctype)
	values = copy.copy(templates[doctype])
	for field in frappe.get_meta(doctype)._fields_of("Datetime", "Time"):
		if field.fieldtype == "Time":
			values[field.fieldname] = nowtime()
		elif cstr(field.default).lower() == "now":
			values[field.fieldname] = now_datetime()
	if parent_doc:
		values.update(parent=parent_doc.name, parenttype=parent_doc.doctype, parentfield=parentfield)
	return (values if as_dict else frappe.get_doc(values)).update(kwargs)


def _with_defaults(doctype: str) -> _dict:
	meta = frappe.get_meta(doctype)
	values = _dict(doctype=doctype, name=None, owner=frappe.session.user, docstatus=0, idx=0, __islocal=1)
	if not meta.issingle:
		values["__unsaved"] = 1
	values.update(meta._once("defaults", lambda: dict(_defaults(meta))))
	for field in meta._once("defaults of today", lambda: _fields_of_today(meta)):
		values[field.fieldname] = _typed(field, _default(field))
	return values


def _defaults(meta):
	for field in meta.fields:
		if field.fieldtype in data_fieldtypes:
			yield field.fieldname, None if field.default in _OF_TODAY else _typed(field, _default(field))


def _fields_of_today(meta) -> list:
	return [df for df in meta.fields if df.default in _OF_TODAY and df.fieldtype in data_fieldtypes]


def _default(field):
	if field.default == "__user":
		return frappe.session.user
	if field.default == "Today":
		return nowdate()
	if field.default and not cstr(field.default).startswith(":"):
		return field.default
	if not field.default and field.fieldtype == "Select" and field.options:
		return field.options.split("\n", 1)[0]


def _typed(field, value):
	if field.fieldtype == "Check":
		return cint(value)
	if value is None:
		return None
	if field.fieldtype == "Int":
		return cint(value)
	return flt(value) if field.fieldtype in float_like_fields else value
