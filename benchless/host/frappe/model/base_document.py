"""A row of a DocType as an object: its values, its children, and how it is stored."""

import datetime
import importlib.util
import json
import weakref
from functools import cached_property

import frappe
from frappe.database.schema import _column_value
from frappe.model import child_table_fields, datetime_fields, default_fields, float_like_fields, table_fields
from frappe.model._checks import Checks
from frappe.model.docstatus import DocStatus
from frappe.model.naming import set_new_name
from frappe.types import _dict
from frappe.utils import cast_fieldtype, cint, compare, cstr, flt, now

_JSON_KEYS = ("_user_tags", "__islocal", "__onload", "_liked_by", "__run_link_triggers", "__unsaved")


def get_controller(doctype) -> type:
	"""The class of a DocType's documents."""
	known = frappe.controllers.setdefault((frappe.conf.db_name, *frappe.get_installed_apps()), {})
	if doctype not in known:
		known[doctype] = import_controller(doctype)
	return known[doctype]


def import_controller(doctype) -> type:
	from frappe.model.document import Document
	from frappe.modules.utils import _core_definitions, load_doctype_module

	override = (frappe.get_hooks("override_doctype_class") or {}).get(doctype)
	if override:
		return frappe.get_attr(override[-1])
	if doctype in _core_definitions() and not _has_code(doctype):
		return Document  # most of Frappe's own DocTypes have no code here
	module = load_doctype_module(doctype)
	found = getattr(module, doctype.replace(" ", "").replace("-", ""), None)
	if found is None:
		raise ImportError(doctype)
	return found


def _has_code(doctype: str) -> bool:
	from frappe.modules.utils import get_module_name

	try:
		return importlib.util.find_spec(get_module_name(doctype, frappe.get_meta(doctype).module)) is not None
	except ModuleNotFoundError:
		return False


class BaseDocument(Checks):
	_reserved_keywords = frozenset(
		[
			"doctype",
			"meta",
			"flags",
			"parent_doc",
			"_table_fields",
			"_valid_columns",
			"_doc_before_save",
			"_table_fieldnames",
			"_reserved_keywords",
			"permitted_fieldnames",
			"dont_update_if_missing",
		]
	)

	def __init__(self, d):
		if d.get("doctype"):
			self.doctype = d["doctype"]
		self._table_fieldnames = {df.fieldname for df in self.meta.get_table_fields()}
		self.update(d)
		self.dont_update_if_missing = []
		if hasattr(self, "__setup__"):
			self.__setup__()

	@cached_property
	def meta(self):
		return frappe.get_meta(self.doctype)

	@cached_property
	def permitted_fieldnames(self):
		parenttype = getattr(self, "parenttype", None)
		return [
			*self.meta.get_permitted_fieldnames(parenttype=parenttype),
			*default_fields,
			*child_table_fields,
		]

	def __getstate__(self):
		hidden = ("meta", "permitted_fieldnames", "_parent_doc")
		return {key: value for key, value in self.__dict__.items() if key not in hidden}

	def update(self, d):
		if "name" in d:  # the children refer to it
			self.name = d["name"]
		as_value = hasattr(self, "flags") and self.flags.ignore_children
		for key, value in d.items():
			self.set(key, value, as_value=as_value)
		return self

	def update_if_missing(self, d):
		if isinstance(d, BaseDocument):
			d = d.get_valid_dict()
		for key, value in d.items():
			if value is not None and self.get(key) is None and key not in self.dont_update_if_missing:
				self.set(key, value)

	def get(self, key, filters=None, limit=None, default=None):
		if isinstance(key, dict):
			return _filter(self.get_all_children(), key, limit=limit)
		if isinstance(filters, dict):
			return _filter(self.__dict__.get(key, []), filters, limit=limit)
		value = self.__dict__.get(key, default if filters is None else filters)
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

	def append(self, key: str, value=None, position: int = -1):
		"""Add a row to a child table and give it back."""
		table = self.__dict__.get(key)
		if table is None:
			table = self.__dict__[key] = []
		row = self._init_child({} if value is None else value, key)
		if position == -1:
			table.append(row)
		else:
			table.insert(position, row)
			_renumber(table)
		row.parent_doc = weakref.ref(self)
		return row

	def extend(self, key, value):
		for row in value:
			self.append(key, row)

	def remove(self, doc):
		if doc.get("parentfield"):
			table = self.get(doc.parentfield)
			table.remove(doc)
			_renumber(table)

	@property
	def parent_doc(self):
		reference = getattr(self, "_parent_doc", None)
		return reference() if isinstance(reference, weakref.ReferenceType) else reference

	@parent_doc.setter
	def parent_doc(self, value):
		self._parent_doc = value

	def _init_child(self, value, key):
		if not isinstance(value, BaseDocument):
			doctype = self.meta.get_table_field_doctype(key)
			if not doctype:
				raise AttributeError(key)
			value["doctype"] = doctype
			value = get_controller(doctype)(value)
		value.parent, value.parenttype, value.parentfield = self.name, self.doctype, key
		if not getattr(value, "idx", None):
			value.idx = len(self.__dict__.get(key) or ()) + 1
		if not getattr(value, "name", None):
			value.__dict__["__islocal"] = 1
		return value

	def get_valid_dict(
		self, sanitize=True, convert_dates_to_str=False, ignore_nulls=False, ignore_virtual=False
	) -> _dict:
		"""The values of all columns, each as its type."""
		values = _dict()
		for fieldname in self.meta.get_valid_columns():
			value = self.__dict__.get(fieldname)
			field = self.meta.get_field(fieldname)
			if sanitize and field:
				value = _typed(field, value)
			if convert_dates_to_str and isinstance(value, datetime.date | datetime.time | datetime.timedelta):
				value = str(value)
			if value is not None or not ignore_nulls:
				values[fieldname] = value
		return values

	def init_child_tables(self):
		for fieldname in self._table_fieldnames:
			if self.__dict__.get(fieldname) is None:
				self.__dict__[fieldname] = []

	def init_valid_columns(self):
		for key in (*default_fields, *self.get_valid_columns()):
			self.__dict__.setdefault(key, None)
		if self.__dict__["docstatus"] is None:
			self.docstatus = 0
		if self.__dict__["idx"] is None:
			self.__dict__["idx"] = 0

	def get_valid_columns(self) -> list[str]:
		return self.meta.get_valid_columns()

	def is_new(self) -> bool:
		return self.get("__islocal")

	@property
	def docstatus(self):
		return DocStatus(cint(self.get("docstatus")))

	@docstatus.setter
	def docstatus(self, value):
		self.__dict__["docstatus"] = DocStatus(cint(value))

	def as_dict(
		self, no_nulls=False, no_default_fields=False, convert_dates_to_str=False, no_child_table_fields=False
	) -> dict:
		doc = self.get_valid_dict(convert_dates_to_str=convert_dates_to_str, ignore_nulls=no_nulls)
		doc["doctype"] = self.doctype
		for fieldname in self._table_fieldnames:
			rows = self.get(fieldname) or []
			doc[fieldname] = [
				row.as_dict(no_nulls, no_default_fields, convert_dates_to_str, no_child_table_fields)
				for row in rows
			]
		hidden = (default_fields if no_default_fields else ()) + (
			child_table_fields if no_child_table_fields else ()
		)
		for key in hidden:
			doc.pop(key, None)
		return doc.update({key: self.__dict__[key] for key in _JSON_KEYS if self.__dict__.get(key)})

	def as_json(self):
		return frappe.as_json(self.as_dict())

	def _row(self) -> _dict:
		values = self.get_valid_dict(ignore_virtual=True)
		for fieldname, value in values.items():
			field = self.meta.get_field(fieldname)
			values[fieldname] = _column_value(field and field.fieldtype, value)
		return values

	def db_insert(self, ignore_if_duplicate=False):
		"""Insert this row alone, without checks."""
		if not self.name:
			set_new_name(self)
		if not self.creation:
			self.creation = self.modified = now()
			self.owner = self.modified_by = frappe.session.user
		row = self._row()
		columns = ", ".join(f"`{column}`" for column in row)
		places = ", ".join(["%s"] * len(row))
		try:
			frappe.db.sql(
				f"INSERT INTO `tab{self.doctype}` ({columns}) VALUES ({places})", list(row.values())
			)
		except Exception as error:
			if not frappe.db.is_unique_key_violation(error):
				raise
			self._insert_again_or_refuse(error, ignore_if_duplicate)
		self.set("__islocal", False)

	def _insert_again_or_refuse(self, error, ignore_if_duplicate: bool):
		# MariaDB looks at the name first, SQLite at any other unique column.
		if not frappe.db.exists(self.doctype, self.name):
			self.show_unique_validation_message(error)
		elif self.meta.autoname == "hash":
			self.flags.retry_count = (self.flags.retry_count or 0) + 1
			if self.flags.retry_count > 5:
				raise error
			self.name = None
			self.db_insert()
		elif not ignore_if_duplicate:
			message = frappe._("{0} {1} already exists").format(
				frappe._(self.doctype), frappe.bold(self.name)
			)
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
		try:
			frappe.db.sql(
				f"UPDATE `tab{self.doctype}` SET {assignments} WHERE `name`=%s", [*row.values(), name]
			)
		except Exception as error:
			if not frappe.db.is_unique_key_violation(error):
				raise
			self.show_unique_validation_message(error)

	def show_unique_validation_message(self, e):
		columns = [name.rpartition(".")[2] for name in str(e).split(": ", 1)[1].split(", ")]
		label = ", ".join(self.get_label_from_fieldname(column) or column for column in columns)
		frappe.msgprint(frappe._("{0} must be unique").format(label))
		raise frappe.UniqueValidationError(self.doctype, self.name, e)

	def get_label_from_fieldname(self, fieldname):
		field = self.meta.get_field(fieldname)
		return field and field.label

	def get_value(self, fieldname):
		return self.cast(self.get(fieldname), self.meta.get_field(fieldname))

	def cast(self, value, df):
		return cast_fieldtype(df.fieldtype, value, show_warning=False)

	def precision(self, fieldname, parentfield=None) -> int | None:
		"""How many decimals an amount of this field has."""
		from frappe.model.meta import get_field_precision

		doctype = (
			self.meta.get_table_field_doctype(parentfield) if isinstance(parentfield, str) else self.doctype
		)
		field = frappe.get_meta(doctype).get_field(fieldname)
		return get_field_precision(field, self) if field.fieldtype in float_like_fields else None

	def get_formatted(
		self, fieldname, doc=None, currency=None, absolute_value=False, translated=False, format=None
	):
		"""The value as people read it."""
		from frappe.model.meta import get_default_df
		from frappe.utils.formatters import format_value

		value = self.get(fieldname)
		if absolute_value and isinstance(value, int | float):
			value = abs(value)
		field = self.meta.get_field(fieldname) or get_default_df(fieldname)
		doc = doc or self.parent_doc or self
		return format_value(value, df=field, doc=doc, currency=currency, translated=translated, format=format)


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


def _renumber(table: list):
	for index, row in enumerate(table, 1):
		row.idx = index


def _filter(data, filters, limit=None):
	"""The rows whose attributes match."""
	special = {True: ("not None", None), False: ("None", None)}
	found = []
	for row in data or []:
		for field, wanted in filters.items():
			if isinstance(wanted, bool):
				wanted = special[wanted]
			elif isinstance(wanted, str) and wanted.startswith("^"):
				wanted = ("^", wanted[1:])
			operator, value = wanted if isinstance(wanted, list | tuple) else ("=", wanted)
			if not compare(getattr(row, field, None), operator, value):
				break
		else:
			found.append(row)
	return found[:limit] if limit else found
