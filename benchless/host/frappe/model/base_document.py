"""A row of a DocType as an object: its values, its children, and how it is stored."""

import datetime
import json
import weakref
from functools import cached_property
from typing import TYPE_CHECKING

import frappe
from frappe._absent import _absent
from frappe._doctypes import _core_definitions, _module_of
from frappe.database.schema import _FORMATTED, _column_value
from frappe.model import datetime_fields, default_fields, float_like_fields, table_fields
from frappe.model._checks import Checks
from frappe.model.naming import set_new_name
from frappe.types import _dict
from frappe.utils import cint, cstr, flt, now

_JSON_KEYS = ("_user_tags", "__islocal", "__onload", "_liked_by", "__unsaved")
_CORE_WITH_CODE = ("User", "Scheduled Job Type", "Notification")


def get_controller(doctype) -> type:
	"""The class of a DocType's documents."""
	known = frappe.controllers.setdefault((frappe.conf.db_name, *frappe.get_installed_apps()), {})
	if doctype not in known:
		known[doctype] = import_controller(doctype)
	return known[doctype]


def import_controller(doctype) -> type:
	from frappe.model.document import Document

	override = frappe.get_hooks("override_doctype_class", {}).get(doctype)
	if override:
		return frappe.get_attr(override[-1])
	if doctype in _core_definitions() and doctype not in _CORE_WITH_CODE:
		return Document
	return getattr(_module_of(doctype), doctype.replace(" ", "").replace("-", ""))


class BaseDocument(Checks):
	_reserved_keywords = frozenset(("doctype", "meta", "flags", "parent_doc", "_doc_before_save"))

	if TYPE_CHECKING:
		from frappe.types import DF

		doctype: DF.Data
		name: DF.Data
		flags: _dict
		owner: DF.Link
		creation: DF.Datetime
		modified: DF.Datetime
		modified_by: DF.Link
		docstatus: DF.Int
		idx: DF.Int

	def __init__(self, d):
		if d.get("doctype"):
			self.doctype = d["doctype"]
		self.update(d)

	@cached_property
	def meta(self):
		return frappe.get_meta(self.doctype)

	@property
	def _table_fieldnames(self) -> set[str]:
		return self.meta._once("tables", lambda: {df.fieldname for df in self.meta.get_table_fields()})

	def __getstate__(self):
		hidden = ("meta", "_parent_doc")
		return {key: value for key, value in self.__dict__.items() if key not in hidden}

	def update(self, d):
		if "name" in d:  # the children refer to it
			self.name = d["name"]
		tables = self._table_fieldnames
		if tables or not self._reserved_keywords.isdisjoint(d):
			for key, value in d.items():
				self.set(key, value)
		else:
			self.__dict__.update(d)
		return self

	def update_if_missing(self, d):
		for key, value in d.items():
			if value is not None and self.get(key) is None:
				self.set(key, value)

	def get(self, key, filters=None, limit=None, default=None):
		value = self.__dict__.get(
			key, filters if filters is not None and not isinstance(filters, dict) else default
		)
		if isinstance(filters, dict):
			wanted = filters.items()
			value = [row for row in value or [] if all(row.get(name) == other for name, other in wanted)]
		return value[:limit] if limit and isinstance(value, list | tuple) else value

	def set(self, key, value, as_value=False):
		if key in self._reserved_keywords:
			return
		if not as_value and key in self._table_fieldnames:
			self.__dict__[key] = []
			self.extend(key, value or [])
		else:
			self.__dict__[key] = value

	def delete_key(self, key):
		self.__dict__.pop(key, None)

	def append(self, key: str, value=None):
		"""Add a row to a child table and return it."""
		if self.__dict__.get(key) is None:
			self.__dict__[key] = []
		row = self._init_child({} if value is None else value, key)
		self.__dict__[key].append(row)
		row._parent_doc = weakref.ref(self)
		return row

	def extend(self, key, value):
		for row in value:
			self.append(key, row)

	def remove(self, doc):
		table = self.get(doc.parentfield)
		table.remove(doc)
		for index, row in enumerate(table, 1):
			row.idx = index

	@property
	def parent_doc(self):
		reference = getattr(self, "_parent_doc", None)
		return reference and reference()

	def _init_child(self, value, key):
		if not isinstance(value, BaseDocument):
			field = self.meta.get_field(key)
			if not field:
				raise AttributeError(key)
			value["doctype"] = field.options
			value = get_controller(field.options)(value)
		value.parent, value.parenttype, value.parentfield = self.name, self.doctype, key
		if not value.get("idx"):
			value.idx = len(self.__dict__.get(key) or ()) + 1
		if not value.get("name"):
			value.__dict__["__islocal"] = 1
		return value

	def get_valid_dict(self, sanitize=True, convert_dates_to_str=False, ignore_nulls=False) -> _dict:
		"""The values of all columns, each as its type."""
		values, own = _dict(), self.__dict__
		for fieldname, field, settled in self.meta._once("typed columns", self._typed_columns):
			value = own.get(fieldname)
			if sanitize and field and value.__class__ not in settled:
				value = _typed(field, value)
			if convert_dates_to_str and isinstance(value, datetime.date | datetime.time | datetime.timedelta):
				value = str(value)
			if value is not None or not ignore_nulls:
				values[fieldname] = value
		return values

	def _typed_columns(self) -> list[tuple]:
		"""Each column with its field, and the types of values that stay as they are."""
		columns = [(name, self.meta.get_field(name)) for name in self.meta.get_valid_columns()]
		return [(name, field, _settled_types(field)) for name, field in columns]

	def init_valid_columns(self):
		own, columns = self.__dict__, self.meta._once("blanks", self._blanks)
		if not own.keys() >= columns.keys():
			for key in columns:
				own.setdefault(key, None)
		for key in ("docstatus", "idx"):
			self.__dict__[key] = cint(self.__dict__[key])

	def _blanks(self) -> dict:
		return dict.fromkeys((*default_fields, *self.meta.get_valid_columns()))

	def is_new(self) -> bool:
		return self.get("__islocal")

	def as_dict(self, no_nulls=False, no_default_fields=False, convert_dates_to_str=False) -> dict:
		options = {"no_nulls": no_nulls, "no_default_fields": no_default_fields}
		options["convert_dates_to_str"] = convert_dates_to_str
		doc = self.get_valid_dict(convert_dates_to_str=convert_dates_to_str, ignore_nulls=no_nulls)
		doc["doctype"] = self.doctype
		for fieldname in self._table_fieldnames:
			doc[fieldname] = [row.as_dict(**options) for row in self.get(fieldname) or []]
		for key in default_fields if no_default_fields else ():
			doc.pop(key, None)
		return doc.update({key: self.__dict__[key] for key in _JSON_KEYS if self.__dict__.get(key)})

	def as_json(self):
		return frappe.as_json(self.as_dict())

	def _row(self) -> _dict:
		values = self.get_valid_dict()
		for fieldname, fieldtype in self.meta._once("formatted columns", self._formatted_columns):
			values[fieldname] = _column_value(fieldtype, values[fieldname])
		return values

	def _formatted_columns(self) -> list[tuple[str, str]]:
		fields = [field for name in self.meta.get_valid_columns() if (field := self.meta.get_field(name))]
		return [(field.fieldname, field.fieldtype) for field in fields if field.fieldtype in _FORMATTED]

	def db_insert(self, ignore_if_duplicate=False):
		"""Insert this row alone, without checks."""
		if not self.name:
			set_new_name(self)
		if not self.creation:
			self.creation = self.modified = now()
			self.owner = self.modified_by = frappe.session.user
		row = self._row()
		columns, places = ", ".join(f"`{column}`" for column in row), ", ".join(["%s"] * len(row))
		query = f"INSERT INTO `tab{self.doctype}` ({columns}) VALUES ({places})"
		try:
			frappe.db.sql(query, list(row.values()))
		except Exception as error:
			if not frappe.db.is_unique_key_violation(error):
				raise
			self._insert_again_or_refuse(error, ignore_if_duplicate)
		self.set("__islocal", False)

	def _insert_again_or_refuse(self, error, ignore_if_duplicate: bool):
		# MariaDB looks at the name first, SQLite at any other unique column.
		if not frappe.db.exists(self.doctype, self.name):
			self.show_unique_validation_message(error)
		elif not ignore_if_duplicate:
			doctype = frappe._(self.doctype)
			message = frappe._("{0} {1} already exists").format(doctype, frappe.bold(self.name))
			frappe.msgprint(message, title=frappe._("Duplicate Name"), indicator="red")
			raise frappe.DuplicateEntryError(self.doctype, self.name, error)

	def db_update(self):
		"""Update this row alone, without checks."""
		if self.get("__islocal") or not self.name:
			self.db_insert()
			return
		row = self._row()
		name = cstr(row.pop("name"))
		assignments = ", ".join(f"`{column}`=%s" for column in row)
		query = f"UPDATE `tab{self.doctype}` SET {assignments} WHERE `name`=%s"
		try:
			frappe.db.sql(query, [*row.values(), name])
		except Exception as error:
			if not frappe.db.is_unique_key_violation(error):
				raise
			self.show_unique_validation_message(error)

	def show_unique_validation_message(self, e):
		columns = [name.rpartition(".")[2] for name in str(e).split(": ", 1)[1].split(", ")]
		fields = [self.meta.get_field(column) for column in columns]
		label = ", ".join(
			(field and field.label) or column for field, column in zip(fields, columns, strict=True)
		)
		frappe.msgprint(frappe._("{0} must be unique").format(label))
		raise frappe.UniqueValidationError(self.doctype, self.name, e)


def _settled_types(field: _dict | None) -> tuple[type, ...]:
	"""The types of the values that `_typed` returns unchanged."""
	if not field or field.fieldtype == "Check":
		return ()
	if field.fieldtype == "Int":
		return (int,)
	if field.fieldtype in float_like_fields:
		return (float,)
	nothing = type(None)
	return (nothing,) if field.fieldtype in datetime_fields or field.unique else (nothing, str)


def _typed(field: _dict, value):
	if field.fieldtype == "Check":
		return 1 if cint(value) else 0
	if isinstance(value, list) and field.fieldtype not in table_fields:
		frappe.throw(frappe._("Value for {0} cannot be a list").format(field.label))
	if field.fieldtype == "Int":
		return value if isinstance(value, int) else cint(value)
	if field.fieldtype == "JSON" and isinstance(value, dict):
		return json.dumps(value, separators=(",", ":"))
	if field.fieldtype in float_like_fields:
		return value if isinstance(value, float) else flt(value)
	is_blank = isinstance(value, str) and not value.strip()
	return None if is_blank and (field.fieldtype in datetime_fields or field.unique) else value


_absent("frappe.model.base_document")
