"""`frappe.qb`: PyPika queries that run on the site's database."""

import datetime
import decimal

from pypika import MySQLQuery, Order, Schema, Table, terms
from pypika.dialects import MySQLQueryBuilder
from pypika.queries import Column, _SetOperation  # noqa: F401

import frappe
from frappe.utils import get_table_name

from .._absent import _Absent


class _Parameters:
	"""Collects the values of a query while its text is made."""

	def __init__(self):
		self.values = {}

	def add(self, value) -> str:
		name = f"param{len(self.values) + 1}"
		self.values[name] = value
		return f"%({name})s"


class _Value(terms.ValueWrapper):
	"""A constant that becomes a parameter instead of text."""

	def get_sql(self, quote_char=None, secondary_quote_char="'", param_wrapper=None, **kwargs):
		constant = str | bytes | datetime.date | datetime.time | datetime.timedelta | decimal.Decimal
		if isinstance(param_wrapper, _Parameters) and isinstance(self.value, constant):
			text = param_wrapper.add(self.value)
		else:
			text = self.get_value_sql(
				quote_char=quote_char, secondary_quote_char=secondary_quote_char, **kwargs
			)
		return terms.format_alias_sql(text, self.alias, quote_char=quote_char, **kwargs)


def _function_sql(self, **kwargs):
	"""As PyPika's, which forgets to hand the collector on to the arguments."""
	with_alias = kwargs.pop("with_alias", False)
	kwargs.pop("with_namespace", None)
	wanted = {name: kwargs.get(name) for name in ("quote_char", "dialect", "param_wrapper")}
	text = self.get_function_sql(with_namespace=True, **wanted)
	return terms.format_alias_sql(text, self.alias, **kwargs) if with_alias else text


class _Builder(MySQLQueryBuilder):
	def walk(self) -> tuple[str, dict]:
		"""The text and its parameters."""
		return _walk(self)

	def run(self, *args, **kwargs):
		return frappe.db.sql(*_walk(self), *args, **kwargs)


def _walk(query) -> tuple[str, dict]:
	parameters = _Parameters()
	return query.get_sql(param_wrapper=parameters), parameters.values


class _Query(MySQLQuery):
	"""Table names are DocTypes: `frappe.qb.from_("User")`."""

	terms, Field, Table, Schema, desc, asc = terms, terms.Field, Table, Schema, Order.desc, Order.asc

	@classmethod
	def _builder(cls, **kwargs):
		return _Builder(wrapper_cls=_Value, **kwargs)

	@staticmethod
	def functions(name: str, *args, **kwargs):
		return terms.Function(name, *args, **kwargs)

	@staticmethod
	def DocType(table_name: str, *args, **kwargs):
		return Table(get_table_name(table_name), *args, **kwargs)

	@classmethod
	def from_(cls, table, *args, **kwargs):
		return super().from_(cls._table(table), *args, **kwargs)

	@classmethod
	def into(cls, table, *args, **kwargs):
		return super().into(cls._table(table), *args, **kwargs)

	@classmethod
	def update(cls, table, *args, **kwargs):
		return super().update(cls._table(table), *args, **kwargs)

	@classmethod
	def _table(cls, table):
		return cls.DocType(table) if isinstance(table, str) else table

	@staticmethod
	def get_query(*args, **kwargs):
		raise _Absent("benchless has no frappe.qb.get_query; use frappe.qb.from_, frappe.get_all, or a bench")


def get_query_builder(type_of_db: str):
	return _Query


def DocType(*args, **kwargs):
	return frappe.qb.DocType(*args, **kwargs)


_SetOperation.run = _Builder.run
_SetOperation.walk = _Builder.walk
terms.ValueWrapper = _Value
terms.Function.get_sql = _function_sql
