"""Turns filters, fields and orders into the parts of a statement, as `frappe.db.get_value` reads them."""

import re

import frappe

OPERATORS = {"=", "!=", "<>", "<", ">", "<=", ">=", "like", "not like", "regex"}
_NAME = re.compile(r"^\w+$")
_FUNCTION = re.compile(r"^(\w+)\s*\((distinct\s+)?([\w`.*, ]*)\)(\s+as\s+`?\w+`?)?$", re.IGNORECASE)


def where(doctype: str, filters) -> tuple[str, list]:
	"""The WHERE of a statement, with a leading blank, and its values."""
	conditions, values = [], []
	for field, operator, value in _triples(doctype, filters):
		text, more = _condition(field, operator, value)
		conditions.append(text)
		values += more
	return (" where " + " and ".join(conditions) if conditions else ""), values


def _triples(doctype: str, filters):
	if filters is None:
		return
	if isinstance(filters, str | int):
		yield "name", "=", str(filters)
	elif isinstance(filters, dict):
		for field, value in filters.items():
			operator, value = value if isinstance(value, list | tuple) else ("=", value)
			yield field, operator, value
	elif filters and all(isinstance(item, str | int) for item in filters):
		yield "name", "in", filters
	else:
		for item in filters:
			yield from _item_triples(doctype, item)


def _item_triples(doctype: str, item):
	if isinstance(item, dict | str | int):
		yield from _triples(doctype, item)
	elif len(item) == 2:
		yield item[0], "=", item[1]
	elif len(item) == 3:
		yield tuple(item)
	elif item[0] == doctype:
		yield tuple(item[1:])
	else:
		raise NotImplementedError(
			"benchless has no filters on another table here; use frappe.get_all, or a bench"
		)


def _condition(field: str, operator: str, value) -> tuple[str, list]:
	if not _NAME.match(field):
		frappe.throw(frappe._("Invalid filter: {0}").format(field))
	column, operator = f"`{field}`", operator.casefold()
	if value is None:  # whatever the operator, as in Frappe
		return f"{column} is null", []
	if operator == "is":
		return f"{column} is {'not ' * (value.lower() == 'set')}null", []
	if operator == "between":
		return f"{column} between %s and %s", list(value)
	if operator in ("in", "not in"):
		members = value.split(",") if isinstance(value, str) else list(value) or [""]
		return f"{column} {operator} %s", [members]
	if operator not in OPERATORS:
		raise NotImplementedError(f"benchless has no filter operator {operator!r}; use a bench")
	return f"{column} {operator.replace('regex', 'regexp')} %s", [value]


def columns(fields) -> str:
	"""The list of columns after SELECT."""
	if fields == "*" or fields == ["*"]:
		return "*"
	return ", ".join(_field(field.strip()) for field in fields)


def _field(field: str) -> str:
	name, _as, alias = re.sub(r"\s+as\s+", " as ", field, flags=re.I).partition(" as ")
	if name == "*":
		return name
	if _NAME.match(name):
		return f"`{name}`" + (f" as `{alias}`" if alias else "")
	if _FUNCTION.match(field) or re.fullmatch(r"(`[\w -]+`\.)?`\w+`(\s+as\s+`?\w+`?)?", field, re.IGNORECASE):
		return field
	raise NotImplementedError(f"benchless does not understand the field {field!r} here; use a bench")


def order_by_clause(order_by: str) -> str:
	"""Without a direction the newest or greatest comes first, as in Frappe."""
	parts = []
	for declaration in filter(None, map(str.strip, order_by.split(","))):
		name, *direction = declaration.split()
		column = name if "`" in name else f"`{name}`"
		parts.append(f"{column} {'asc' if direction and direction[0].lower() == 'asc' else 'desc'}")
	return " order by " + ", ".join(parts)
