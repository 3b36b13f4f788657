"""Lists of documents: `frappe.get_list` and `frappe.get_all`."""

import json
import re

import frappe
from frappe import _
from frappe._absent import _absent
from frappe.database._filters import _FUNCTION, checked, condition, quads
from frappe.database._values import DefaultOrderBy
from frappe.model import child_table_fields, default_fields, optional_fields
from frappe.types import _dict

_COLUMN = re.compile(
	r"^(?:`?(?:tab)?([\w -]+?)`?\.)?`?(\w+|\*)`?(?:\s+as\s+[`'\"]?(\w+)[`'\"]?)?$", re.IGNORECASE
)
_ORDER = re.compile(r"^((?:`[\w -]+`\.)?`?\w+`?|\w+\([\w`.*, ]*\))(?:\s+(asc|desc))?$", re.IGNORECASE)
_COMMA = re.compile(r",(?![^()]*\))")


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
		*,
		group_by=None,
		order_by=DefaultOrderBy,
		limit_start=False,
		limit_page_length=None,
		as_list=False,
		ignore_permissions=False,
		user=None,
		distinct=False,
		start=None,
		page_length=None,
		limit=None,
		pluck=None,
		parent_doctype=None,
	) -> list:
		"""The rows that match and that the user may read."""
		self.user, self.parent_doctype = user or self.user or frappe.session.user, parent_doctype
		self.meta, self.ignore_permissions = frappe.get_meta(self.doctype), ignore_permissions
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
		rows = frappe.db.sql(text, self.values, as_dict=not as_list)
		return [row[pluck] for row in rows] if pluck and not as_list else rows

	def check_read_permission(self, doctype: str, parent_doctype: str | None = None):
		options = {"user": self.user, "parent_doctype": parent_doctype}
		if not any(frappe.has_permission(doctype, right, **options) for right in ("select", "read")):
			frappe.flags.error_message = _("Insufficient Permission for {0}").format(frappe.bold(_(doctype)))
			raise frappe.PermissionError(doctype)

	def _fields(self, fields, pluck) -> list[str]:
		if isinstance(fields, str):
			fields = ["*"] if fields == "*" else _COMMA.split(fields)
		fields = [pluck] if pluck and not fields else list(fields or ["name"])
		kept = [field.strip() for field in fields if not self._looks_optional(field)]
		return [column for field in kept if (column := self._field(field))]

	def _looks_optional(self, field: str) -> bool:
		"""Whether Frappe 15 leaves it out: its text contains the name of an optional column that the table does not have."""
		names = [name for name in optional_fields if name in field]
		return bool(names) and not set(names) <= set(frappe.db.get_table_columns(self.doctype))

	def _field(self, field: str) -> str | None:
		if match := _COLUMN.match(field):
			return self._column(*match.groups())
		if _FUNCTION.match(field):
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
		"""The table behind the first part of `children.field` or `tabChild.field`."""
		if not owner or owner == self.doctype:
			return self.table, self.doctype
		field = self.meta.get_field(owner)
		if field and field.fieldtype == "Link":
			raise NotImplementedError("benchless has no fields of linked documents in lists; use a bench")
		child = field.options if field else owner
		table = f"`tab{child}`"
		on = f"{table}.`parenttype` = '{self.doctype}' and {table}.`parent` = {self.table}.`name`"
		self.joins[child] = f" left join {table} on ({on})"
		return table, child

	def _may_read(self, doctype: str, name: str) -> bool:
		if self.ignore_permissions or name in (*default_fields, *child_table_fields, *optional_fields, "*"):
			return True
		parenttype = self.parent_doctype if doctype == self.doctype else self.doctype
		meta = frappe.get_meta(doctype)
		return not meta.has_field(name) or name in meta.get_permitted_fieldnames(parenttype, user=self.user)

	def _all_columns(self, table: str, doctype: str) -> str:
		meta = frappe.get_meta(doctype)
		if self.ignore_permissions or not meta.get_high_permlevel_fields():
			return f"{table}.*"
		names = [name for name in meta.get_valid_columns() if self._may_read(doctype, name)]
		return ", ".join(f"{table}.`{name}`" for name in names)

	def _conditions(self, filters, or_filters) -> list[str]:
		conditions = [self._condition(*quad) for quad in quads(_parsed(filters))]
		if alternatives := [self._condition(*quad) for quad in quads(_parsed(or_filters))]:
			conditions.append(f"({' or '.join(alternatives)})")
		if not self.ignore_permissions and (match := self.build_match_conditions()):
			conditions.append(f"({match.replace('%', '%%')})")
		return conditions

	def _condition(self, owner: str | None, name: str, operator: str, value) -> str:
		if "." in name and not owner:
			owner, name = name.replace("`", "").removeprefix("tab").split(".", 1)
		table, doctype = self._table_of(owner)
		field = frappe.get_meta(doctype).get_field(name) or _dict(fieldname=checked(name))
		text, values = condition(f"{table}.`{name}`", operator, value, field)
		self.values += values
		return text

	def build_match_conditions(self, as_condition=True) -> str:
		"""The SQL condition that limits the user to documents they may see."""
		conditions = []
		granted = frappe.permissions.get_role_permissions(self.meta, user=self.user)
		own_only = granted.get("if_owner") or {}
		if own_only and not any(granted.get(right) and right not in own_only for right in ("select", "read")):
			conditions.append(f"{self.table}.`owner` = {frappe.db.escape(self.user, percent=False)}")
		return " and ".join(filter(None, [*conditions, self.get_permission_query_conditions()]))

	def get_permission_query_conditions(self) -> str:
		hooks = frappe.get_hooks("permission_query_conditions", {})
		methods = hooks.get(self.doctype, []) + hooks.get("*", [])
		found = [frappe.call(frappe.get_attr(method), self.user, doctype=self.doctype) for method in methods]
		return " and ".join(f"({part})" for part in found if part)

	def _order(self, order_by, chosen: list[str], group_by) -> str:
		if order_by and order_by != DefaultOrderBy:
			return f" order by {self._safe_order(order_by)}"
		is_total = len(chosen) == 1 and re.match(r"(count|min|max|sum|avg)\(", chosen[0], re.IGNORECASE)
		if not order_by or (is_total and not group_by):
			return ""
		field = self.meta.sort_field or "modified"
		direction = (self.meta.sort_field and self.meta.sort_order) or "desc"
		return f" order by {self._safe_order(field if ' ' in field else f'{field} {direction}')}"

	def _safe_order(self, text: str) -> str:
		parts = []
		for part in _COMMA.split(text):
			match = _ORDER.match(part.strip())
			if not match:
				frappe.throw(_("Illegal SQL Query"), frappe.DataError)
			name, direction = match.groups()
			own = f"{self.table}.`{name}`" if name in self.meta.get_valid_columns() else name
			parts.append(f"{own} {direction or ''}".strip())
		return ", ".join(parts)

	@staticmethod
	def _limit(start, *lengths) -> str:
		length = next((int(length) for length in lengths if length), 0)
		return f" limit {length} offset {int(start or 0)}" if length else ""


_absent("frappe.model.db_query")


def _parsed(filters):
	"""Lists take filters as JSON too; elsewhere a text is a name, whatever it begins with."""
	return json.loads(filters) if isinstance(filters, str) else filters
