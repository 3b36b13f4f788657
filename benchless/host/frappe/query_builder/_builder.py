"""The builder behind `frappe.qb`, and what PyPika must do differently for Frappe and for SQLite."""

import datetime
from typing import TYPE_CHECKING, Any

import pypika.terms
from pypika import Order
from pypika.dialects import MySQLQueryBuilder
from pypika.queries import Selectable, Table, _SetOperation
from pypika.utils import format_alias_sql, ignore_copy

import frappe
from frappe._absent import _Absent
from frappe.database._dialect import adapt
from frappe.database._values import _table

_DATES = (datetime.date, datetime.time, datetime.timedelta)


class _Parameters:
	"""Collects the strings of a statement, which are sent separately from its text."""

	def __init__(self):
		self.values = {}

	def add(self, value: str) -> str:
		name = f"param{len(self.values) + 1}"
		self.values[name] = value
		return f"%({name})s"


class _Value(pypika.terms.ValueWrapper):
	"""A constant: strings become parameters, dates and times are written as the columns hold them."""

	def get_sql(self, quote_char=None, param_wrapper=None, **kwargs):
		if isinstance(self.value, _DATES):
			self.value = adapt(self.value)
		elif param_wrapper and isinstance(self.value, str):
			mark = param_wrapper.add(self.value)
			return format_alias_sql(mark, self.alias, quote_char=quote_char, **kwargs)
		return super().get_sql(quote_char=quote_char, **kwargs)


class _Function(pypika.terms.Function):
	"""A function whose arguments become parameters. As in Frappe, those of an aggregate do not."""

	_parameters = None

	def get_sql(self, param_wrapper=None, **kwargs):
		self._parameters = param_wrapper
		return super().get_sql(**kwargs)

	def get_function_sql(self, **kwargs):
		return super().get_function_sql(param_wrapper=self._parameters, **kwargs)


# PyPika looks these names up when it wraps a constant and when its functions are defined. As in Frappe, `field` is a
# column like any other and not a method of tables.
pypika.terms.ValueWrapper = _Value
pypika.terms.Function = _Function
Selectable.field = pypika.terms.PseudoColumn("field")
Selectable.__getattr__ = ignore_copy(lambda table, name: pypika.terms.Field(name, table=table))
Selectable.__getitem__ = Selectable.__getattr__


def _walk(query) -> tuple[str, dict]:
	"""The text of the statement and its parameters."""
	parameters = _Parameters()
	return query.get_sql(param_wrapper=parameters), parameters.values


def _run(query, *args, **kwargs):
	"""Run the statement; the options are those of `frappe.db.sql`."""
	return frappe.db.sql(*_walk(query), *args, **kwargs)


class _Query(MySQLQueryBuilder):
	run, walk = _run, _walk

	def __init__(self):
		super().__init__(wrapper_cls=_Value)
		self.wrap_set_operation_queries = False  # SQLite takes no parentheses around the parts of a UNION

	def get_sql(self, *args, **kwargs):
		changes = self._update_table or self._delete_from
		if changes and (self._joins or self._limit is not None or self._orderbys):
			raise _Absent("benchless changes rows without JOIN, ORDER BY and LIMIT only; use a bench")
		if self._mysql_rollup:
			raise _Absent("benchless has no WITH ROLLUP; use a bench")
		return super().get_sql(*args, **kwargs)

	def _force_index_sql(self, **kwargs) -> str:
		return ""  # SQLite has no such hints

	_use_index_sql = _force_index_sql


_SetOperation.run, _SetOperation.walk = _run, _walk


class _Builder:
	"""What `frappe.qb` offers."""

	Field, Table = pypika.terms.Field, Table
	asc, desc = Order.asc, Order.desc

	@staticmethod
	def DocType(table_name: str, *args, **kwargs) -> Any:
		return Table(_table(table_name), *args, **kwargs)

	def from_(self, table, *args, **kwargs) -> _Query:
		return _Query().from_(self._table_of(table), *args, **kwargs)

	def into(self, table) -> _Query:
		return _Query().into(self._table_of(table))

	def update(self, table) -> _Query:
		return _Query().update(self._table_of(table))

	def _table_of(self, table):
		return self.DocType(table) if isinstance(table, str) else table

	if not TYPE_CHECKING:

		def __getattr__(self, name: str):
			if name.startswith("_"):
				raise AttributeError(name)
			raise _Absent(f"benchless has no frappe.qb.{name}; use a bench")


qb = _Builder()
