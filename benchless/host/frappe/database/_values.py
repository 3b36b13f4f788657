"""Reads and writes single values and rows, without documents."""

import itertools
import re
from collections.abc import Iterable, Sequence
from typing import Any

import frappe
from frappe.utils.data import cast_fieldtype, now, sbool

from ._filters import columns, order_by_clause, where

DefaultOrderBy = "KEEP_DEFAULT_ORDERING"
MAX_PARAMETERS = 30_000


class Values:
	def get_value(
		self,
		doctype,
		filters=None,
		fieldname="name",
		ignore=None,
		as_dict=False,
		*,
		order_by=DefaultOrderBy,
		cache=False,
		for_update=False,
		pluck=False,
		distinct=False,
		skip_locked=False,
		wait=True,
	):
		"""One value, several of one row, or None; for a Single DocType the filters are None."""
		options = {"cache": cache, "for_update": for_update, "pluck": pluck, "distinct": distinct}
		options |= {"order_by": order_by, "limit": 1, "skip_locked": skip_locked, "wait": wait}
		rows = self.get_values(doctype, filters, fieldname, ignore, as_dict, **options)
		if not rows:
			return None
		return rows[0] if as_dict or pluck or len(rows[0]) > 1 else rows[0][0]

	def get_values(
		self,
		doctype,
		filters=None,
		fieldname="name",
		ignore=None,
		as_dict=False,
		*,
		order_by=DefaultOrderBy,
		cache=False,
		for_update=False,
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
			rows = self.get_values_from_single(fields, filters, doctype, as_dict)
		else:
			query, values = self._select(doctype, fields, filters, order_by, limit, distinct)
			if for_update:
				query += " FOR UPDATE" + ("" if wait else " NOWAIT")
			rows = self._rows_or_nothing(ignore, query, values, as_dict or fields == "*", pluck)
		if key:
			self.value_cache[key] = rows
		return rows

	def _select(self, doctype, fields, filters, order_by, limit, distinct) -> tuple[str, list]:
		condition, values = where(filters)
		query = f"select {'distinct ' * bool(distinct)}{columns(fields)} from `{_table(doctype)}`{condition}"
		if order_by and not distinct:
			query += order_by_clause("modified" if order_by == DefaultOrderBy else order_by)
		return query + (f" limit {int(limit)}" if limit else ""), values

	def _rows_or_nothing(self, ignore, query, values, as_dict, pluck):
		try:
			return self.sql(query, values, as_dict=as_dict, pluck=pluck)
		except Exception as error:
			if ignore and self.is_table_missing(error):
				return None
			raise

	def get_values_from_single(self, fields, filters, doctype, as_dict=False):
		"""The fields of a Single, as text."""
		found = self.get_singles_dict(doctype)
		if isinstance(filters, dict) and any(found.get(key) != value for key, value in filters.items()):
			return []
		if fields == "*":
			return [found] if found else []
		chosen = frappe._dict({field: found[field] for field in fields if field in found})
		if not chosen and not isinstance(filters, dict):
			return []
		return [chosen] if as_dict else [[chosen.get(field) for field in fields]]

	def get_singles_dict(self, doctype, debug=False, *, for_update=False, cast=False):
		query = "select field, value from `tabSingles` where doctype = %s" + " FOR UPDATE" * bool(for_update)
		found = frappe._dict(self.sql(query, (doctype,)))
		for field in frappe.get_meta(doctype).fields if cast else ():
			if field.fieldname in found:
				found[field.fieldname] = cast_fieldtype(field.fieldtype, found[field.fieldname])
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
		known[fieldname] = cast_fieldtype(field.fieldtype, row[0][0] if row else None)
		return known[fieldname]

	def set_single_value(
		self, doctype: str, fieldname, value=None, *, modified=None, modified_by=None, update_modified=True
	):
		"""Write fields of a Single without its checks."""
		changes = _changes(fieldname, value, modified, modified_by, update_modified)
		self.sql("delete from `tabSingles` where doctype = %s and field in %s", (doctype, list(changes)))
		rows = [(doctype, key, sbool(new)) for key, new in changes.items()]
		self.bulk_insert("Singles", ["doctype", "field", "value"], rows)
		frappe.clear_document_cache(doctype, doctype)
		self.value_cache.pop(doctype, None)

	def set_value(self, dt, dn, field, val=None, modified=None, modified_by=None, update_modified=True):
		"""Write fields of the rows that match, without the checks of their document."""
		if dn is None or dt == dn:
			stamps = {"modified": modified, "modified_by": modified_by, "update_modified": update_modified}
			self.set_single_value(dt, field, val, **stamps)
			return
		changes = _changes(field, val, modified, modified_by, update_modified)
		frappe.clear_document_cache(dt, dn if isinstance(dn, str) else None)
		condition, values = where(dn)
		assignments = ", ".join(f"`{_column(name)}` = %s" for name in changes)
		new = [self._for_column(dt, name, value) for name, value in changes.items()]
		self.sql(f"update `{_table(dt)}` set {assignments}{condition}", new + values)
		self.value_cache.pop(dt, None)

	def _for_column(self, doctype: str, name: str, value):
		from .schema import _column_value

		if doctype.startswith("__") or doctype in ("Singles", "Series"):
			return value
		field = frappe.get_meta(doctype).get_field(name)
		return _column_value(field and field.fieldtype, value)

	def bulk_insert(
		self, doctype: str, fields: list[str], values: Iterable[Sequence[Any]], ignore_duplicates=False
	):
		rows = iter(values)
		names = ", ".join(f"`{_column(field)}`" for field in fields)
		start = f"insert {'ignore ' * ignore_duplicates}into `{_table(doctype)}` ({names}) values "
		place = "(" + ", ".join(["%s"] * len(fields)) + ")"
		while chunk := list(itertools.islice(rows, MAX_PARAMETERS // len(fields))):
			self.sql(start + ", ".join([place] * len(chunk)), list(itertools.chain(*chunk)))

	def delete(self, doctype: str, filters: dict | list | None = None):
		"""Delete the rows that match, without the checks of their documents."""
		condition, values = where(filters)
		return self.sql(f"delete from `{_table(doctype)}`{condition}", values)

	def exists(self, dt, dn=None, cache=False):
		"""The name of a row that matches, or None."""
		if dt != "DocType" and dt == dn:
			return dn
		if isinstance(dt, dict):
			dn = {key: value for key, value in dt.items() if key != "doctype"}
			dt = dt["doctype"]
		return self.get_value(dt, dn, ignore=True, cache=cache, order_by=None)

	def count(self, dt, filters=None):
		condition, values = where(filters)
		return self.sql(f"select count(*) from `{_table(dt)}`{condition}", values)[0][0]

	def get_global(self, key, user="__global"):
		"""A value that belongs to the site and to no DocType."""
		query = "select value from `tabSingles` where doctype = %s and field = %s"
		return frappe.cache.hget(user, key, lambda: (self.sql(query, (user, key), pluck=True) or [None])[0])

	def get_default(self, key, parent="__default"):
		return self.get_global(key, parent)

	def set_global(self, key, val, user="__global"):
		self.sql("delete from `tabSingles` where doctype = %s and field = %s", (user, key))
		self.sql("insert into `tabSingles` (doctype, field, value) values (%s, %s, %s)", (user, key, val))
		frappe.cache.hdel(user, key)
		self.after_rollback.add(lambda: frappe.cache.hdel(user, key))


def _changes(fieldname, value, modified, modified_by, update_modified: bool) -> dict[str, Any]:
	changes = dict(fieldname) if isinstance(fieldname, dict) else {fieldname: value}
	if update_modified:
		changes |= {"modified": modified or now(), "modified_by": modified_by or frappe.session.user}
	return changes


def _table(doctype: str) -> str:
	return doctype if doctype.startswith(("tab", "__")) else f"tab{doctype}"


def _column(name: str) -> str:
	if not re.fullmatch(r"\w+", name):
		frappe.throw(f"Invalid column name: {name}", frappe.InvalidColumnName)
	return name
