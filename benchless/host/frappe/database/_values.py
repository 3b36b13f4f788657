"""Reads and writes single values and rows, without documents."""

import itertools
import re
from collections.abc import Iterable, Sequence
from typing import Any

import frappe
from frappe.utils import cast_fieldtype, get_datetime, get_table_name, getdate, now, sbool

from ._filters import columns, order_by_clause, where
from .utils import DefaultOrderBy

MAX_PARAMETERS = 30_000


class Values:
	def get(self, doctype, filters=None, as_dict=True, cache=False):
		return self.get_value(doctype, filters, "*", as_dict=as_dict, cache=cache)

	def get_value(
		self,
		doctype,
		filters=None,
		fieldname="name",
		ignore=None,
		as_dict=False,
		debug=False,
		order_by=DefaultOrderBy,
		cache=False,
		for_update=False,
		*,
		run=True,
		pluck=False,
		distinct=False,
		skip_locked=False,
		wait=True,
	):
		"""One value, several of one row, or None; for a Single DocType the filters are None."""
		rows = self.get_values(
			doctype,
			filters,
			fieldname,
			ignore,
			as_dict,
			debug,
			order_by,
			cache=cache,
			for_update=for_update,
			run=run,
			pluck=pluck,
			distinct=distinct,
			limit=1,
			skip_locked=skip_locked,
			wait=wait,
		)
		if not run or not rows:
			return rows or None
		return rows[0] if as_dict or pluck or len(rows[0]) > 1 else rows[0][0]

	def get_values(
		self,
		doctype,
		filters=None,
		fieldname="name",
		ignore=None,
		as_dict=False,
		debug=False,
		order_by=DefaultOrderBy,
		update=None,
		cache=False,
		for_update=False,
		*,
		run=True,
		pluck=False,
		distinct=False,
		limit=None,
		skip_locked=False,
		wait=True,
	):
		"""The rows that match, as tuples or dicts."""
		key = (doctype, filters, str(fieldname)) if cache and isinstance(filters, str) else None
		if key and key in self.value_cache:
			return self.value_cache[key]
		if isinstance(filters, list) and not any(filters):
			return {}
		fields = [fieldname] if isinstance(fieldname, str) and fieldname != "*" else fieldname
		if filters is None or (filters == doctype and doctype != "DocType"):
			rows = self.get_values_from_single(fields, filters, doctype, as_dict, debug, update, pluck=pluck)
		else:
			query, values = self._select(doctype, fields, filters, order_by, limit, distinct)
			query += " FOR UPDATE" * bool(for_update) + " NOWAIT" * (bool(for_update) and not wait)
			options = {
				"as_dict": as_dict or fields == "*",
				"debug": debug,
				"update": update,
				"run": run,
				"pluck": pluck,
			}
			rows = self._rows_or_single(query, values, options, ignore, fields, filters, doctype)
		if key:
			self.value_cache[key] = rows
		return rows

	def _select(self, doctype, fields, filters, order_by, limit, distinct) -> tuple[str, list]:
		condition, values = where(doctype, filters)
		query = f"select {'distinct ' * bool(distinct)}{columns(fields)} from `{get_table_name(doctype)}`{condition}"
		if order_by and not distinct:
			query += order_by_clause("modified" if order_by == DefaultOrderBy else order_by)
		return query + (f" limit {int(limit)}" if limit else ""), values

	def _rows_or_single(self, query, values, options, ignore, fields, filters, doctype):
		try:
			return self.sql(query, values, **options)
		except Exception as error:
			if ignore and (self.is_missing_column(error) or self.is_table_missing(error)):
				return None
			if not self.is_table_missing(error):
				raise
			return self.get_values_from_single(fields, filters, doctype, options["as_dict"])

	def get_values_from_single(
		self,
		fields,
		filters,
		doctype,
		as_dict=False,
		debug=False,
		update=None,
		*,
		run=True,
		pluck=False,
		distinct=False,
	):
		"""The fields of a Single, as text."""
		found = self.get_singles_dict(doctype)
		if isinstance(filters, dict) and any(found.get(key) != value for key, value in filters.items()):
			return []
		if fields == "*":
			return [found] if found else []
		chosen = frappe._dict({field: found[field] for field in fields if field in found}).update(update)
		if not chosen and not isinstance(filters, dict):
			return []
		return [chosen] if as_dict else [[chosen.get(field) for field in fields]]

	def get_singles_dict(self, doctype, debug=False, *, for_update=False, cast=False):
		query = "select field, value from `tabSingles` where doctype = %s" + " FOR UPDATE" * bool(for_update)
		found = frappe._dict(self.sql(query, (doctype,), debug=debug))
		if cast:
			for field in frappe.get_meta(doctype).fields:
				if field.fieldname in found:
					found[field.fieldname] = cast_fieldtype(field.fieldtype, found[field.fieldname], False)
		return found

	def get_single_value(self, doctype, fieldname, cache=True):
		"""One field of a Single, as its type."""
		known = self.value_cache.setdefault(doctype, {})
		if cache and fieldname in known:
			return known[fieldname]
		field = frappe.get_meta(doctype).get_field(fieldname)
		if not field:
			message = frappe._("Field {0} does not exist on {1}")
			frappe.throw(message.format(frappe.bold(fieldname), frappe.bold(doctype)), self.InvalidColumnName)
		query = "select value from `tabSingles` where doctype = %s and field = %s"
		row = self.sql(query, (doctype, fieldname))
		known[fieldname] = cast_fieldtype(field.fieldtype, row[0][0] if row else None, False)
		return known[fieldname]

	@staticmethod
	def get_all(*args, **kwargs):
		return frappe.get_all(*args, **kwargs)

	@staticmethod
	def get_list(*args, **kwargs):
		return frappe.get_list(*args, **kwargs)

	@staticmethod
	def _get_update_dict(
		fieldname, value: Any, *, modified, modified_by, update_modified: bool
	) -> dict[str, Any]:
		changes = dict(fieldname) if isinstance(fieldname, dict) else {fieldname: value}
		if update_modified:
			changes |= {"modified": modified or now(), "modified_by": modified_by or frappe.session.user}
		return changes

	def set_single_value(
		self,
		doctype: str,
		fieldname: str | dict,
		value=None,
		*,
		modified=None,
		modified_by=None,
		update_modified=True,
		debug=False,
	):
		"""Write fields of a Single without its checks."""
		changes = self._get_update_dict(
			fieldname, value, modified=modified, modified_by=modified_by, update_modified=update_modified
		)
		self.sql("delete from `tabSingles` where doctype = %s and field in %s", (doctype, list(changes)))
		rows = [(doctype, key, sbool(new)) for key, new in changes.items()]
		places = ", ".join(["(%s, %s, %s)"] * len(rows))
		query = f"insert into `tabSingles` (doctype, field, value) values {places}"
		self.sql(query, list(itertools.chain(*rows)), debug=debug)
		frappe.clear_document_cache(doctype, doctype)
		self.value_cache.pop(doctype, None)

	def set_value(
		self, dt, dn, field, val=None, modified=None, modified_by=None, update_modified=True, debug=False
	):
		"""Write fields of the rows that match, without the checks of their document."""
		options = {"modified": modified, "modified_by": modified_by, "update_modified": update_modified}
		if dn is None or dt == dn:
			if frappe.get_meta(dt).issingle:
				self.set_single_value(dt, field, val, debug=debug, **options)
			return
		changes = self._get_update_dict(field, val, **options)
		frappe.clear_document_cache(dt, dn if isinstance(dn, str) else None)
		condition, values = where(dt, dn)
		assignments = ", ".join(f"`{_column(name)}` = %s" for name in changes)
		new = [self._for_column(dt, name, value) for name, value in changes.items()]
		self.sql(f"update `{get_table_name(dt)}` set {assignments}{condition}", new + values, debug=debug)
		self.value_cache.pop(dt, None)

	def _for_column(self, doctype: str, name: str, value):
		from .schema import _column_value

		if doctype.startswith("__") or doctype in ("Singles", "Series"):
			return value
		field = frappe.get_meta(doctype).get_field(name)
		return _column_value(field and field.fieldtype, value)

	def bulk_update(
		self,
		doctype: str,
		doc_updates: dict,
		*,
		chunk_size: int = 100,
		modified: str | None = None,
		modified_by: str | None = None,
		update_modified: bool = True,
		debug: bool = False,
	):
		"""Write other values into each of many rows: {name: {field: value}}; one statement a chunk."""
		common = self._get_update_dict(
			{}, None, modified=modified, modified_by=modified_by, update_modified=update_modified
		)
		names = iter(doc_updates)
		while chunk := list(itertools.islice(names, chunk_size)):
			self._update_chunk(doctype, {name: doc_updates[name] for name in chunk}, common)

	def _update_chunk(self, doctype: str, updates: dict, common: dict):
		assignments, values = [], []
		for field in dict.fromkeys(itertools.chain.from_iterable(updates.values())):
			cases = [(name, changes[field]) for name, changes in updates.items() if field in changes]
			whens = " ".join(["when `name` = %s then %s"] * len(cases))
			assignments.append(f"`{_column(field)}` = case {whens} else `{field}` end")
			values += [
				part for name, value in cases for part in (name, self._for_column(doctype, field, value))
			]
		assignments += [f"`{field}` = %s" for field in common]
		query = f"update `{get_table_name(doctype)}` set {', '.join(assignments)} where `name` in %s"
		self.sql(query, [*values, *common.values(), list(updates)])

	def bulk_insert(
		self,
		doctype: str,
		fields: list[str],
		values: Iterable[Sequence[Any]],
		ignore_duplicates=False,
		*,
		chunk_size=10_000,
	):
		rows = iter(values)
		names = ", ".join(f"`{_column(field)}`" for field in fields)
		start = f"insert {'ignore ' * ignore_duplicates}into `{get_table_name(doctype)}` ({names}) values "
		place = "(" + ", ".join(["%s"] * len(fields)) + ")"
		size = max(1, min(chunk_size, MAX_PARAMETERS // len(fields)))
		while chunk := list(itertools.islice(rows, size)):
			self.sql(start + ", ".join([place] * len(chunk)), list(itertools.chain(*chunk)))

	def delete(self, doctype: str, filters: dict | list | None = None, debug=False, **kwargs):
		"""Delete the rows that match, without the checks of their documents."""
		condition, values = where(doctype, filters or kwargs.get("conditions"))
		return self.sql(f"delete from `{get_table_name(doctype)}`{condition}", values, debug=debug)

	def exists(self, dt, dn=None, cache=False):
		"""The name of a row that matches, or None."""
		if dt != "DocType" and dt == dn:
			return dn
		if isinstance(dt, dict):
			filters = dict(dt)
			dt, dn = filters.pop("doctype"), filters
		return self.get_value(dt, dn, ignore=True, cache=cache, order_by=None)

	def count(self, dt, filters=None, debug=False, cache=False, distinct: bool = True):
		condition, values = where(dt, filters)
		return self.sql(f"select count(*) from `{get_table_name(dt)}`{condition}", values, debug=debug)[0][0]

	def get_default(self, key, parent="__default"):
		found = frappe.defaults.get_defaults_for(parent)
		value = found.get(key, found.get(frappe.scrub(key)))
		return value[0] if isinstance(value, list) else value

	@staticmethod
	def set_default(key, val, parent="__default", parenttype=None):
		frappe.defaults.set_default(key, val, parent, parenttype)

	def get_global(self, key, user="__global"):
		return self.get_default(key, user)

	def set_global(self, key, val, user="__global"):
		self.set_default(key, val, user)

	@staticmethod
	def format_date(date):
		return getdate(date).strftime("%Y-%m-%d")

	@staticmethod
	def format_datetime(datetime):
		return (
			get_datetime(datetime).strftime("%Y-%m-%d %H:%M:%S.%f")
			if datetime
			else "0001-01-01 00:00:00.000000"
		)


def _column(name: str) -> str:
	if not re.fullmatch(r"\w+", name):
		frappe.throw(f"Invalid column name: {name}", frappe.InvalidColumnName)
	return name
