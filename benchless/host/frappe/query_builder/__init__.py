"""`frappe.qb`: statements that are built from Python expressions with PyPika, as in Frappe."""

# ruff: noqa: I001  (the builder comes first: it prepares PyPika's classes before others are made of them)

from frappe.query_builder import _builder
from frappe._absent import _absent

from pypika import Case, Criterion, Field, JoinType, Not, Order, Table

__all__ = ["Case", "Criterion", "DocType", "Field", "JoinType", "Not", "Order", "Table"]


def DocType(*args, **kwargs):
	"""The table of a DocType, for use in a statement."""
	return _builder.qb.DocType(*args, **kwargs)


_absent("frappe.query_builder")
