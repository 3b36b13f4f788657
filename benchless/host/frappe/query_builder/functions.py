"""Functions of SQL for use in a statement: those that SQLite and MariaDB have in common."""

from pypika.functions import (
	Abs,
	Avg,
	Coalesce,
	Concat,
	Count,
	Date,
	IfNull,
	Max,
	Min,
	NullIf,
	Sum,
)

from frappe._absent import _absent

__all__ = [
	"Abs",
	"Avg",
	"Coalesce",
	"Concat",
	"Count",
	"Date",
	"IfNull",
	"Max",
	"Min",
	"NullIf",
	"Sum",
]

_absent("frappe.query_builder.functions")
