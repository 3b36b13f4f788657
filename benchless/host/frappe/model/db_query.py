"""Lists of documents: `frappe.get_list` and `frappe.get_all`."""

import datetime
import re

import frappe
from frappe import _
from frappe.database._filters import _FUNCTION, _NAME
from frappe.database.utils import DefaultOrderBy, FallBackDateTimeStr
from frappe.model import child_table_fields, default_fields, optional_fields
from frappe.types import _dict
from frappe.utils import cstr, flt, get_datetime, getdate

_COLUMN = re.compile(
	r"^(?:`?(?:tab)?([\w -]+?)`?\.)?`?(\w+|\*)`?(?:\s+as\s+[`'\"]?(\w+)[`'\"]?)?$", re.IGNORECASE
)
_ORDER = re.compile(r"^((?:`[\w -]+`\.)?`?\w+`?|\w+\([\w`.*, ]*\))(?:\s+(asc|desc))?$", re.IGNORECASE)
_NUMBERS = ("Check", "Float", "Int", "Currency", "Percent")
_MOMENTS = ("creation", "modified")


class DatabaseQuery:
	def __init__(self, doctype, user=None):
		self.doctype, self.user = doctype, user
		self.table = f"`tab{doctype}`"
		self.joins, self.values = {}, []

	def execute(
		self,
		fields=None,
		filters=None,
		or_filters=None,
		docstatus=None,
		group_by=None,
		order_by=DefaultOrderBy,
		limit_start=False,
		limit_page_length=None,
		as_list=False,
		with_childnames=False,
		debug=False,
		ignore_permissions=False,
		user=None,
		with_comment_count=False,
		join="left join",
		distinct=False,
		start=None,
		page_length=None,
		limit=None,
		ignore_ifnull=False,
		save_user_settings=False,
		save_user_settings_fields=False,
		update=None,
		add_total_row=None,
		user_settings=None,
		reference_doctype=None,
		run=True,
		strict=True,
		pluck=None,
		ignore_ddl=False,
		*,
		parent_doctype=None,
	) -> list:
		"""The rows that match and that the user may read."""
		self.user = user or self.user or frappe.session.user
		self.meta = frappe.get_meta(self.doctype)
		self.ignore_permissions, self.ignore_ifnull = ignore_permissions, ignore_ifnull
		if not ignore_permissions:
			self.check_read_permission(self.doctype, parent_doctype)
		if isinstance(fields, dict) or (fields and isinstance(fields[0], list)):
			fields, filters = filters, fields  # Frappe takes them in either order
		chosen = self._fields(fields, pluck)
		if not chosen:
			return []
		conditions = self._conditions(filters, or_filters)
		text = f"select {'distinct ' * bool(distinct)}{', '.join(chosen)} from {self.table}"
		text += "".join(self.joins.values()) + (f" where {' and '.join(conditions)}" if conditions else "")
		text += f" group by {self._safe_order(group_by)}" if group_by else ""
		text += "" if distinct else self._order(order_by, chosen, group_by)
		text += self._limit(start or limit_start, limit, page_length, limit_page_length)
		options = {
			"as_dict": not as_list,
			"debug": debug,
			"update": update,
			"ignore_ddl": ignore_ddl,
			"run": run,
		}
		rows = frappe.db.sql(text, self.values, **options)
		return [row[pluck] for row in rows] if pluck and run and not as_list else rows

	def check_read_permission(self, doctype: str, parent_doctype: str | None = None):
		rights = ("select", "read")
		options = {"user": self.user, "parent_doctype": parent_doctype}
		if not any(frappe.has_permission(doctype, right, **options) for right in rights):
			frappe.flags.error_message = _("Insufficient Permission for {0}").format(frappe.bold(_(doctype)))
			raise frappe.PermissionError(doctype)

	def _fields(self, fields, pluck) -> list[str]:
		if isinstance(fields, str):
			fields = ["*"] if fields == "*" else [part.strip() for part in re.split(r",(?![^()]*\))", fields)]
		fields = [pluck] if pluck and not fields else list(fields or ["name"])
		return [column for field in fields if (column := self._field(field))]

	def _field(self, field: str) -> str | None:
		field = field.strip()
		if match := _COLUMN.match(field):
			return self._column(*match.groups())
		if _FUNCTION.match(field) and field.split("(")[0].lower() != "sleep":
			return field
		frappe.throw(_("Cannot use sub-query or function in fields: {0}").format(field), frappe.DataError)

	def _column(self, owner: str | None, name: str, alias: str | None) -> str | None:
		table, doctype = self._table_of(owner)
		if not self._may_read(doctype, name):
			return None
		if name == "*":
			return self._all_columns(table, doctype)
		return f"{table}.`{name}`" + (f" as `{alias}`" if alias else "")

	def _table_of(self, owner: str | None) -> tuple[str, str]:
		"""The table behind the first part of `link.field`, `children.field` or `tabChild.field`."""
		if not owner or owner == self.doctype:
			return self.table, self.doctype
		field = self.meta.get_field(owner)
		if field and field.fieldtype == "Link":
			alias = f"`{owner}_link`"
			on = f"{alias}.`name` = {self.table}.`{owner}`"
			self.joins[owner] = f" left join `tab{field.options}` as {alias} on {on}"
			return alias, field.options
		child = field.options if field else owner
		table = f"`tab{child}`"
		on = f"{table}.`parenttype` = '{self.doctype}' and {table}.`parent` = {self.table}.`name`"
		self.joins[child] = f" left join {table} on ({on})"
		return table, child

	def _may_read(self, doctype: str, name: str) -> bool:
		if self.ignore_permissions or name in (*default_fields, *child_table_fields, *optional_fields, "*"):
			return True
		parenttype = None if doctype == self.doctype else self.doctype
		meta = frappe.get_meta(doctype)
		return not meta.has_field(name) or name in meta.get_permitted_fieldnames(parenttype, user=self.user)

	def _all_columns(self, table: str, doctype: str) -> str:
		if self.ignore_permissions or not frappe.get_meta(doctype).get_high_permlevel_fields():
			return f"{table}.*"
		names = [
			name for name in frappe.get_meta(doctype).get_valid_columns() if self._may_read(doctype, name)
		]
		return ", ".join(f"{table}.`{name}`" for name in names)

	def _conditions(self, filters, or_filters) -> list[str]:
		conditions = [self._condition(item) for item in self._quads(filters)]
		alternatives = [self._condition(item) for item in self._quads(or_filters)]
		if alternatives:
			conditions.append(f"({' or '.join(alternatives)})")
		if not self.ignore_permissions:
			match = self.build_match_conditions()
			conditions += [f"({match.replace('%', '%%')})"] if match else []
		return conditions

	def _quads(self, filters):
		"""Filters in any of their spellings, as (doctype, field, operator, value)."""
		if isinstance(filters, str):
			filters = frappe.parse_json(filters) if filters.startswith(("[", "{")) else {"name": filters}
		if isinstance(filters, dict):
			filters = [
				[key, *value] if isinstance(value, list | tuple) else [key, "=", value]
				for key, value in filters.items()
			]
		for item in filters or ():
			if isinstance(item, dict):
				yield from self._quads(item)
				continue
			item = [item[0], "=", item[1]] if len(item) == 2 else list(item)
			yield tuple(item[:4]) if len(item) > 3 else (None, *item)

	def _condition(self, quad) -> str:
		owner, name, operator, value = quad
		if "." in name and not owner:
			owner, name = re.sub("[`]", "", name).removeprefix("tab").split(".", 1)
		if not _NAME.match(name):
			frappe.throw(_("Invalid filter: {0}").format(name), frappe.DataError)
		table, doctype = self._table_of(owner)
		column, field = f"{table}.`{name}`", frappe.get_meta(doctype).get_field(name) or _dict(fieldname=name)
		operator = operator.lower()
		if operator == "is":
			return f"ifnull({column}, '') {'!=' if value == 'set' else '='} ''"
		new, fallback, nullable = self._value(field, name, operator, value)
		self.values.append(new)
		if operator == "between":
			self.values[-1:] = new
			return f"{column} between %s and %s"
		plain = self.ignore_ifnull or not nullable or (value and operator in ("=", "like"))
		return f"{column} {operator} %s" if plain else f"ifnull({column}, '{fallback}') {operator} %s"

	def _value(self, field, name: str, operator: str, value):
		"""The value as the column compares it, what a missing one counts as, and whether one can be missing."""
		nullable = name not in ("name", *_MOMENTS) and field.fieldtype not in _NUMBERS
		kind = "Datetime" if name in _MOMENTS else field.fieldtype
		if operator == "between":
			return _span(kind, value), "", False
		if operator in ("in", "not in"):
			members = value.split(",") if isinstance(value, str) else list(value or ())
			has_blank = not members or any(member in (None, "") for member in members)
			return (
				[cstr(member).strip() for member in members] or [""],
				"",
				nullable and (operator != "in" or has_blank),
			)
		if operator not in ("=", "!=", "<>", ">", "<", ">=", "<=", "like", "not like"):
			raise NotImplementedError(f"benchless has no filter operator {operator!r}; use a bench")
		if kind in ("Date", "Datetime") or isinstance(value, datetime.datetime):
			nullable = nullable and operator not in (">", ">=")
			return (
				_moment(kind, value),
				"0001-01-01" if kind == "Date" else FallBackDateTimeStr[:19],
				nullable,
			)
		if "like" in operator or (isinstance(value, str) and field.fieldtype not in _NUMBERS):
			return value or "", "", nullable
		if field.fieldtype in _NUMBERS:
			return flt(value), "0", False
		return cstr(value) if not value or field.fieldtype else value, "", nullable

	def build_match_conditions(self, as_condition=True) -> str:
		"""What limits the user to the documents that are theirs to see, as SQL."""
		from frappe import permissions

		conditions = []
		granted = permissions.get_role_permissions(self.meta, user=self.user)
		own_only = granted.get("if_owner") or {}
		if own_only and not any(granted.get(right) and right not in own_only for right in ("select", "read")):
			conditions.append(f"{self.table}.`owner` = {frappe.db.escape(self.user, percent=False)}")
		return " and ".join(filter(None, [*conditions, self.get_permission_query_conditions()]))

	def get_permission_query_conditions(self) -> str:
		hooks = frappe.get_hooks("permission_query_conditions", {})
		methods = hooks.get(self.doctype, []) + hooks.get("*", [])
		found = [frappe.call(frappe.get_attr(method), self.user, doctype=self.doctype) for method in methods]
		return " and ".join(f"({condition})" for condition in found if condition)

	def _order(self, order_by, chosen: list[str], group_by) -> str:
		if order_by and order_by != DefaultOrderBy:
			return f" order by {self._safe_order(order_by)}"
		aggregates = re.match(r"(count|min|max|sum|avg)\(", chosen[0], re.IGNORECASE) and len(chosen) == 1
		if not order_by or (aggregates and not group_by):
			return ""
		field = self.meta.sort_field or "modified"
		if "," in field:
			return f" order by {self._safe_order(field)}"
		return f" order by {self.table}.`{field}` {(self.meta.sort_field and self.meta.sort_order) or 'desc'}"

	def _safe_order(self, text: str) -> str:
		parts = []
		for part in re.split(r",(?![^()]*\))", text):
			match = _ORDER.match(part.strip())
			if not match:
				frappe.throw(_("Illegal SQL Query"), frappe.DataError)
			name, direction = match.groups()
			own = re.fullmatch(r"\w+", name) and name in self.meta.get_valid_columns()
			parts.append(f"{f'{self.table}.`{name}`' if own else name} {direction or ''}".strip())
		return ", ".join(parts)

	@staticmethod
	def _limit(start, *lengths) -> str:
		length = next((int(length) for length in lengths if length), 0)
		return f" limit {length} offset {int(start or 0)}" if length else ""


def _span(kind: str | None, value) -> list:
	"""Both ends of `between`; a date as the end of a span of moments means the end of that day."""
	first, last = value if value else (None, None)
	if kind == "Date":
		return [getdate(first), getdate(last)]
	if kind != "Datetime":
		return [first, last]
	ends_with_day = len(cstr(last)) <= 10
	last = get_datetime(last)
	if ends_with_day:
		last = datetime.datetime.combine(last.date(), datetime.time(23, 59, 59, 999999))
	return [get_datetime(first), last]


def _moment(kind: str | None, value):
	if not value:
		return "" if value is None else value
	return getdate(value) if kind == "Date" else get_datetime(value)
