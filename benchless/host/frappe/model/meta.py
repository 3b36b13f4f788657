"""What a DocType is: its fields, permissions and options, read from its JSON file."""

import frappe
from frappe.model import child_table_fields, data_fieldtypes, default_fields, table_fields
from frappe.types import _dict
from frappe.utils import cint, compare

_metas: dict[tuple, "Meta"] = {}


def get_meta(doctype, cached=True) -> "Meta":
	key = (frappe.conf.db_name, doctype)
	if not cached or key not in _metas:
		_metas[key] = Meta(doctype)
	return _metas[key]


def _forget_meta(doctype: str | None = None) -> None:
	from frappe.modules.utils import _doctypes_of

	_doctypes_of.cache_clear()
	for key in [key for key in _metas if doctype in (None, key[1])]:
		del _metas[key]


class Meta(_dict):
	"""The DocType as a dict with attributes, and questions about its fields."""

	__slots__ = ("__dict__",)

	def __init__(self, doctype):
		from frappe.modules.utils import _load_definition

		doctype = doctype if isinstance(doctype, str) else doctype.name
		super().__init__(_load_definition(doctype))
		dict.update(self, doctype="DocType", name=doctype)
		self["fields"] = [_dict(df, parent=doctype) for df in [*self["fields"], *_custom_fields(doctype)]]
		self["permissions"] = [_permission(row) for row in self.get("permissions") or []]
		object.__setattr__(self, "_by_name", {df.fieldname: df for df in self["fields"]})
		object.__setattr__(self, "_of_type", {})

	def get(self, key, filters=None, limit=None, default=None):
		value = dict.get(self, key, default)
		if not filters:
			return value
		return [
			row for row in value if all(_matches(row, field, wanted) for field, wanted in filters.items())
		]

	def _fields_of(self, *fieldtypes):
		known = object.__getattribute__(self, "_of_type")
		if fieldtypes not in known:
			known[fieldtypes] = [df for df in self["fields"] if df.fieldtype in fieldtypes]
		return known[fieldtypes]

	def get_field(self, fieldname):
		return object.__getattribute__(self, "_by_name").get(fieldname)

	def has_field(self, fieldname) -> bool:
		return self.get_field(fieldname) is not None

	def get_label(self, fieldname) -> str:
		standard = {
			"name": "ID",
			"creation": "Created On",
			"owner": "Created By",
			"modified": "Last Updated On",
		}
		field = self.get_field(fieldname)
		return frappe._((field and field.label) or standard.get(fieldname) or "No Label")

	def get_link_fields(self):
		return [df for df in self._fields_of("Link") if df.options != "[Select]"]

	def get_dynamic_link_fields(self):
		return self._fields_of("Dynamic Link")

	def get_data_fields(self):
		return self._fields_of("Data")

	def get_phone_fields(self):
		return self._fields_of("Phone")

	def get_select_fields(self):
		return [df for df in self._fields_of("Select") if df.options not in ("[Select]", "Loading...")]

	def get_table_fields(self):
		return self._fields_of(*table_fields)

	def get_table_field_doctype(self, fieldname):
		df = self.get_field(fieldname)
		return df and df.options

	def get_set_only_once_fields(self):
		return self.get("fields", {"set_only_once": 1})

	def get_fields_to_fetch(self, link_fieldname=None):
		"""Fields that take their value from a linked document."""
		start = f"{link_fieldname}." if link_fieldname else ""
		return [
			df for df in self["fields"] if "." in (df.fetch_from or "") and df.fetch_from.startswith(start)
		]

	def get_search_fields(self):
		fields = [name.strip() for name in (self.search_fields or "name").split(",")]
		return fields if "name" in fields else [*fields, "name"]

	def get_title_field(self):
		return self.title_field or ("title" if self.has_field("title") else "name")

	def get_valid_columns(self) -> list[str]:
		"""Everything that a row of this DocType holds."""
		known = object.__getattribute__(self, "_of_type")
		if "columns" not in known:
			standard = [*default_fields[1:], *(child_table_fields if self.istable else ())]
			own = [
				df.fieldname for df in self["fields"] if df.fieldtype in data_fieldtypes and not df.is_virtual
			]
			known["columns"] = standard + own
		return known["columns"]

	def get_high_permlevel_fields(self):
		return [df for df in self["fields"] if cint(df.permlevel) > 0]

	def get_permissions(self, parenttype=None):
		return get_meta(parenttype).permissions if self.istable and parenttype else self["permissions"]

	def get_permlevel_access(self, permission_type="read", parenttype=None, *, user=None) -> list[int]:
		roles = frappe.get_roles(user)
		rows = [
			row for row in self.get_permissions(parenttype) if row.role in roles and row.get(permission_type)
		]
		return list({cint(row.permlevel) for row in rows})

	def get_permitted_fieldnames(
		self, parenttype=None, *, user=None, permission_type="read", with_virtual_fields=True
	) -> list[str]:
		"""The fields that the user may see; the standard ones are not among them."""
		if self.istable and not parenttype:
			return []
		levels = self.get_permlevel_access(permission_type, parenttype, user=user)
		everything = (user or frappe.session.user) == "Administrator"
		fields = [df for df in self["fields"] if df.fieldtype in data_fieldtypes]
		return [df.fieldname for df in fields if everything or cint(df.permlevel) in levels]


def _permission(row: dict) -> _dict:
	return _dict(row, permlevel=cint(row.get("permlevel")), if_owner=cint(row.get("if_owner")))


def _matches(row: _dict, field: str, wanted) -> bool:
	operator, value = wanted if isinstance(wanted, list | tuple) else ("=", wanted)
	return compare(row.get(field), operator, value)


def _custom_fields(doctype: str) -> list[dict]:
	db = getattr(frappe.local, "db", None)
	if not db or not db.has_table("Custom Field"):
		return []
	return db.sql("select * from `tabCustom Field` where dt = %s order by idx", doctype, as_dict=True)


def is_single(doctype) -> bool:
	return bool(get_meta(doctype).issingle)


def get_default_df(fieldname):
	"""The field that a standard column would be."""
	if fieldname in default_fields + child_table_fields:
		types = {"creation": "Datetime", "modified": "Datetime", "idx": "Int", "docstatus": "Int"}
		return _dict(fieldname=fieldname, fieldtype=types.get(fieldname, "Data"))


def get_field_currency(df, doc=None):
	"""The currency of an amount: the field that its options name, on the document or its parent."""
	options = df.get("options")
	if not doc or not options:
		return None
	if ":" not in options:
		parent = getattr(doc, "parent_doc", None)
		return doc.get(options) or (parent and parent.get(options))
	doctype, link, field = options.split(":")
	return frappe.db.get_value(doctype, doc.get(link), field, cache=True)


def get_field_precision(df, doc=None, currency=None) -> int:
	from frappe.utils import get_number_format_info

	if df.precision:
		return cint(df.precision)
	if df.fieldtype != "Currency":
		return cint(frappe.db.get_default("float_precision")) or 3
	number_format = frappe.db.get_default("number_format") or "#,###.##"
	return cint(frappe.db.get_default("currency_precision")) or get_number_format_info(number_format)[2]
