"""Creates and changes the tables of DocTypes."""

import re

import frappe
from frappe._absent import _absent
from frappe.model import data_fieldtypes, default_fields
from frappe.utils.data import cint, cstr, flt, get_datetime, getdate, to_timedelta

_TEXT = "TEXT COLLATE NOCASE"
_INTEGER, _DECIMAL = "INTEGER", "FRAPPE_DECIMAL REAL"
_COLUMN_TYPES = dict.fromkeys(data_fieldtypes, _TEXT)
_COLUMN_TYPES |= {"Check": _INTEGER, "Int": _INTEGER, "Long Int": _INTEGER}
_COLUMN_TYPES |= dict.fromkeys(("Currency", "Float", "Percent", "Rating", "Duration"), _DECIMAL)
_COLUMN_TYPES |= {"Date": "FRAPPE_DATE TEXT", "Datetime": "FRAPPE_DATETIME TEXT", "Time": "FRAPPE_TIME TEXT"}
# Frappe keeps texts of these types in a varchar(140), all others in a text of any length.
_VARCHAR_TYPES = {"Data", "Link", "Dynamic Link", "Select", "Read Only", "Color", "Phone"}

_STANDARD_COLUMNS = f"""name {_TEXT} primary key check (length(`name`) <= 140), creation FRAPPE_DATETIME TEXT, modified FRAPPE_DATETIME TEXT,
	modified_by {_TEXT}, owner {_TEXT}, docstatus INTEGER not null default 0, idx INTEGER not null default 0"""


_FORMATTED = {"Datetime", "Date", "Time", "Currency", "Float", "Percent"}


def _column_value(fieldtype: str | None, value):
	"""The value as a column of this type holds it: dates without a time, date-times in one format."""
	if value is None:
		return None
	if value == "" and fieldtype in ("Datetime", "Date", "Time"):
		raise frappe.db.DataError(f"Incorrect {fieldtype.lower()} value: ''")  # as MariaDB does
	if fieldtype == "Datetime":
		return get_datetime(value)
	if fieldtype == "Date":
		return getdate(value)
	if fieldtype == "Time":
		return to_timedelta(value)
	if fieldtype in ("Currency", "Float", "Percent"):
		return round(flt(value), 9)
	return value


class DBTable:
	"""The table of one DocType."""

	def __init__(self, doctype, meta=None):
		self.doctype, self.table_name = doctype, f"tab{doctype}"
		self.meta = meta or frappe.get_meta(doctype, False)

	def sync(self):
		"""Create the table, or add missing columns and indexes."""
		if self.meta.issingle or self.meta.get("is_virtual"):
			return
		if self.table_name in frappe.db.get_tables(cached=False):
			self.alter()
		else:
			frappe.db.sql_ddl(self._statement(self.table_name, ()))
		self._sync_indexes()

	def alter(self):
		"""Copy the rows into a new table when the columns have changed."""
		query = "select sql from sqlite_master where name = %s"
		old = frappe.db.get_table_columns(self.doctype)
		if frappe.db.sql(query, self.table_name)[0][0] == self._statement(self.table_name, old):
			return
		kept = ", ".join(f"`{name}`" for name in old)
		query = "select sql from sqlite_master where type = 'index' and tbl_name = %s and sql is not null"
		indexes = frappe.db.sql(query, self.table_name, pluck=True)
		frappe.db.sql_ddl(f"drop table if exists `{self.table_name}_new`")
		frappe.db.sql_ddl(self._statement(f"{self.table_name}_new", old))
		frappe.db.sql(f"insert into `{self.table_name}_new` ({kept}) select {kept} from `{self.table_name}`")
		frappe.db.sql_ddl(f"drop table `{self.table_name}`")
		frappe.db.sql_ddl(f"alter table `{self.table_name}_new` rename to `{self.table_name}`")
		for statement in indexes:
			frappe.db.sql_ddl(statement)

	def _statement(self, table: str, old_columns) -> str:
		wanted = dict(self._definitions())
		# As in Frappe, a column whose field is gone stays.
		gone = [name for name in old_columns if name not in wanted and name not in default_fields]
		columns = [_STANDARD_COLUMNS, *(f"`{name}` {definition}" for name, definition in wanted.items())]
		return f'CREATE TABLE "{table}" ({", ".join(columns + [f"`{name}` {_TEXT}" for name in gone])})'

	def _definitions(self):
		if self.meta.istable:
			yield from ((name, _TEXT) for name in ("parent", "parentfield", "parenttype"))
		else:
			yield from ((name, _TEXT) for name in ("_user_tags", "_comments", "_assign", "_liked_by"))
			if self.meta.track_seen:
				yield "_seen", _TEXT
		for field in self.meta.fields:
			if field.fieldtype in _COLUMN_TYPES and not field.is_virtual:
				yield _checked(field.fieldname), _definition(field)

	def _sync_indexes(self):
		if self.meta.istable:
			self._index(["parent"], unique=False)
		for field in self.meta.fields:
			if (field.unique or field.search_index) and field.fieldtype in _COLUMN_TYPES:
				self._index([field.fieldname], unique=bool(field.unique))

	def _index(self, fields: list[str], unique: bool):
		kind, suffix = ("unique index", "unique") if unique else ("index", "index")
		name = f"{self.table_name}_{'_'.join(fields)}_{suffix}"
		columns = ", ".join(f"`{field}`" for field in fields)
		frappe.db.sql_ddl(f"create {kind} if not exists `{name}` on `{self.table_name}` ({columns})")


def _checked(fieldname: str) -> str:
	if re.search(r"\W", fieldname):
		frappe.throw(f"Fieldname {fieldname} cannot have special characters", frappe.db.InvalidColumnName)
	return fieldname


def _definition(field) -> str:
	column = _COLUMN_TYPES[field.fieldtype]
	if field.fieldtype in _VARCHAR_TYPES:
		column += f" check (length(`{field.fieldname}`) <= {cint(field.length) or frappe.db.VARCHAR_LEN})"
	default = cstr(field.default)
	if field.fieldtype in ("Check", "Int"):
		return f"{column} not null default {cint(default)}"
	if field.fieldtype in ("Currency", "Float", "Percent"):
		return f"{column} not null default {flt(default)}"
	if default and default not in frappe.db.DEFAULT_SHORTCUTS and not default.startswith(":"):
		return f"{column} default {frappe.db.escape(default)}"
	return column


_absent("frappe.database.schema")
