"""Turns filters, fields and orders into the parts of a statement."""

import datetime
import re

import frappe
from frappe.types import _dict
from frappe.utils.data import cstr, flt, get_datetime, getdate

_NAME = re.compile(r"^\w+$")
_FUNCTION = re.compile(r"^(\w+)\s*\((distinct\s+)?([\w`.*, ]*)\)(\s+as\s+`?\w+`?)?$", re.IGNORECASE)
_OPERATORS = {"=", "!=", "<>", "<", ">", "<=", ">=", "like", "not like", "in", "not in", "between", "is"}
_NUMBERS = ("Check", "Float", "Int", "Currency", "Percent")
_NEVER_MISSING = {"name": "Data", "creation": "Datetime", "modified": "Datetime"}


def where(filters) -> tuple[str, list]:
	"""The WHERE of a statement, with a leading blank, and its values."""
	parts, values = [], []
	for owner, name, operator, value in quads(filters):
		if owner:
			raise NotImplementedError("benchless filters other tables in frappe.get_all only; use a bench")
		text, more = condition(f"`{checked(name)}`", operator, value)
		parts.append(text)
		values += more
	return (" where " + " and ".join(parts) if parts else ""), values


def quads(filters):
	"""Filters in any of their spellings, as (owner, field, operator, value)."""
	if isinstance(filters, str | int):
		filters = {"name": str(filters)}
	if isinstance(filters, dict):
		for name, value in filters.items():
			yield (None, name, *(value if isinstance(value, list | tuple) else ("=", value)))
	elif filters and all(isinstance(item, str | int) for item in filters):
		yield None, "name", "in", filters
	else:
		for item in filters or ():
			yield from _quads_of_item(item)


def _quads_of_item(item):
	if isinstance(item, dict):
		yield from quads(item)
	elif len(item) == 2:
		yield None, item[0], "=", item[1]
	else:
		yield tuple(item[:4]) if len(item) > 3 else (None, *item)


def checked(name: str) -> str:
	if not _NAME.match(name):
		frappe.throw(frappe._("Invalid filter: {0}").format(name), frappe.DataError)
	return name


def condition(column: str, operator: str, value, field: _dict | None = None) -> tuple[str, list]:
	"""As SQL compares; with a field as Frappe's lists do, where a missing value counts as empty."""
	operator = operator.lower()
	if operator not in _OPERATORS:
		raise NotImplementedError(f"benchless has no filter operator {operator!r}; use a bench")
	if operator == "is":
		is_set = value.lower() == "set"
		if field is None:
			return f"{column} is {'not ' * is_set}null", []
		return f"ifnull({column}, '') {'!=' if is_set else '='} ''", []
	if field is None and value is None:
		return f"{column} is null", []
	kind = field and (_NEVER_MISSING.get(field.fieldname) or field.fieldtype)
	if operator == "between":
		return f"{column} between %s and %s", _span(kind, value)
	if operator in ("in", "not in"):
		value = value.split(",") if isinstance(value, str) else list(value or ()) or [""]
	if field is None:
		return f"{column} {operator} %s", [value]
	value, fallback, counts_missing = _for_list(kind, operator, value)
	if counts_missing and field.fieldname not in _NEVER_MISSING:
		column = f"ifnull({column}, '{fallback}')"
	return f"{column} {operator} %s", [value]


def _for_list(kind: str | None, operator: str, value):
	"""The value as the column compares it, what a missing one counts as, and whether that matters."""
	if operator in ("in", "not in"):
		members = [cstr(member).strip() for member in value]
		return members, "", kind not in _NUMBERS and (operator == "not in" or "" in members)
	if kind in ("Date", "Datetime") or isinstance(value, datetime.datetime):
		fallback = "0001-01-01" if kind == "Date" else "0001-01-01 00:00:00"
		plain = operator in (">", ">=") or (value and operator == "=")
		return _moment(kind, value), fallback, not plain
	if kind in _NUMBERS and "like" not in operator:
		return flt(value), "0", False
	return value if value and not kind else cstr(value), "", not (value and operator in ("=", "like"))


def _span(kind: str | None, value) -> list:
	"""Both ends of `between`; a date as the end of a span of moments means the end of that day."""
	first, last = value
	if kind == "Date":
		return [getdate(first), getdate(last)]
	if kind != "Datetime":
		return [first, last]
	end = get_datetime(last)
	if len(cstr(last)) <= 10:
		end = datetime.datetime.combine(end.date(), datetime.time.max)
	return [get_datetime(first), end]


def _moment(kind: str | None, value):
	if not value:
		return "" if value is None else value
	return getdate(value) if kind == "Date" else get_datetime(value)


def columns(fields) -> str:
	"""The list of columns after SELECT."""
	return "*" if fields in ("*", ["*"]) else ", ".join(_field(field.strip()) for field in fields)


def _field(field: str) -> str:
	name, _as, alias = re.sub(r"\s+as\s+", " as ", field, flags=re.I).partition(" as ")
	if _NAME.match(name):
		return f"`{name}`" + (f" as `{alias}`" if alias else "")
	if _FUNCTION.match(field):
		return field
	raise NotImplementedError(f"benchless does not understand the field {field!r} here; use a bench")


def order_by_clause(order_by: str) -> str:
	"""Without a direction the newest or greatest comes first, as in Frappe."""
	parts = []
	for declaration in order_by.split(","):
		name, *direction = declaration.replace("`", "").split()
		ascending = direction and direction[0].lower() == "asc"
		parts.append(f"`{checked(name)}` {'asc' if ascending else 'desc'}")
	return " order by " + ", ".join(parts)
