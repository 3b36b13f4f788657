"""What a DocType is: its fields, permissions and options, read from its JSON file."""

from collections.abc import Callable

import frappe
from frappe._absent import _absent
from frappe._doctypes import _doctypes_of, _load_definition
from frappe.model import child_table_fields, data_fieldtypes, default_fields, table_fields
from frappe.types import _dict
from frappe.utils import cint

_metas: dict[tuple, "Meta"] = {}


def get_meta(doctype, cached=True) -> "Meta":
	key = (frappe.conf.db_name, doctype)
	if not cached or key not in _metas:
		_metas[key] = Meta(doctype)
	return _metas[key]


def _forget_meta(doctype: str | None = None) -> None:
	_doctypes_of.cache_clear()
	for key in [key for key in _metas if doctype in (None, key[1])]:
		del _metas[key]


class _Field(_dict):
	"""A field whose properties are found without a function call, because every document asks for them."""

	__slots__ = ("__dict__",)

	def __init__(self, *args, **kwargs):
		super().__init__(*args, **kwargs)
		object.__setattr__(self, "__dict__", self)


class Meta(_dict):
	"""The DocType as a dict with attributes, and questions about its fields."""

	__slots__ = ("__dict__",)
	_by_name: dict[str, _dict]
	_known: dict

	def __init__(self, doctype: str):
		super().__init__(_load_definition(doctype))
		dict.update(self, doctype="DocType", name=doctype)
		self["fields"] = [_Field(df, parent=doctype) for df in self["fields"]]
		self["permissions"] = [_permission(row) for row in self.get("permissions") or []]
		object.__setattr__(self, "_by_name", {df.fieldname: df for df in self["fields"]})
		object.__setattr__(self, "_known", {})

	def get(self, key, filters=None, limit=None, default=None):
		value = dict.get(self, key, default)
		if not filters:
			return value
		return [row for row in value if all(row.get(name) == wanted for name, wanted in filters.items())]

	def _once(self, key, make: Callable):
		"""What `make` returned when it was asked for the first time: a DocType is read often and changes rarely."""
		if key not in self._known:
			self._known[key] = make()
		return self._known[key]

	def _fields_of(self, *fieldtypes):
		return self._once(
			fieldtypes, lambda: [df for df in self["fields"] if df.get("fieldtype") in fieldtypes]
		)

	def _fields_with(self, flag: str):
		"""The fields that have this property."""
		return self._once(flag, lambda: [df for df in self["fields"] if cint(df.get(flag))])

	def get_field(self, fieldname):
		return self._by_name.get(fieldname)

	def has_field(self, fieldname) -> bool:
		return self.get_field(fieldname) is not None

	def get_label(self, fieldname) -> str:
		field = self.get_field(fieldname)
		return frappe._((field and field.label) or {"name": "ID"}.get(fieldname) or "No Label")

	def get_link_fields(self):
		return self._fields_of("Link")

	def get_dynamic_link_fields(self):
		return self._fields_of("Dynamic Link")

	def get_data_fields(self):
		return self._fields_of("Data")

	def get_select_fields(self):
		return self._fields_of("Select")

	def get_table_fields(self):
		return self._fields_of(*table_fields)

	def get_set_only_once_fields(self):
		return self._fields_with("set_only_once")

	def get_fields_to_fetch(self, link_fieldname=None):
		"""Fields that take their value from the document behind this link."""
		start = f"{link_fieldname}."
		return [df for df in self["fields"] if (df.fetch_from or "").startswith(start)]

	def get_valid_columns(self) -> list[str]:
		"""Everything that a row of this DocType holds."""
		return self._once("columns", self._columns)

	def _columns(self) -> list[str]:
		standard = [*default_fields[1:], *(child_table_fields if self.istable else ())]
		own = [df for df in self["fields"] if df.fieldtype in data_fieldtypes and not df.is_virtual]
		return standard + [df.fieldname for df in own]

	def get_high_permlevel_fields(self):
		return self._once("higher levels", lambda: [df for df in self["fields"] if cint(df.permlevel) > 0])

	def get_permlevel_access(self, permission_type="read", parenttype=None, *, user=None) -> list[int]:
		roles = frappe.get_roles(user)
		rows = get_meta(parenttype).permissions if self.istable and parenttype else self["permissions"]
		return list({row.permlevel for row in rows if row.role in roles and row.get(permission_type)})

	def get_permitted_fieldnames(self, parenttype=None, *, user=None, permission_type="read") -> list[str]:
		"""The fields that the user may see; the standard ones are not among them."""
		if self.istable and not parenttype:
			return []
		levels = self.get_permlevel_access(permission_type, parenttype, user=user)
		everything = (user or frappe.session.user) == "Administrator"
		fields = [df for df in self["fields"] if df.fieldtype in data_fieldtypes]
		return [df.fieldname for df in fields if everything or cint(df.permlevel) in levels]


def _permission(row: dict) -> _dict:
	return _dict(row, permlevel=cint(row.get("permlevel")), if_owner=cint(row.get("if_owner")))


_absent("frappe.model.meta")
