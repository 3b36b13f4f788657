"""How MariaDB would find the rows of a statement, and whether it would read a large table for that."""

import re
from dataclasses import dataclass

import frappe

from oropendola_payments.tests.growth.generator import TABLES

EXPLAINED = ("select", "update", "delete")
NAMED = re.compile(r"`tab([^`]+)`(?:\s+(?:AS\s+)?`?([a-z_]\w*)`?)?", re.IGNORECASE)
LIMIT = re.compile(r"\bLIMIT\s+\d+(?:\s+OFFSET\s+\d+)?\s*(?:\)\s*\w*\s*)?$", re.IGNORECASE)
WORDS = (
	"where",
	"join",
	"left",
	"inner",
	"on",
	"set",
	"order",
	"group",
	"limit",
	"force",
	"union",
	"for",
	"having",
	"as",
)
SHARE = 0.5
FOREIGN = 0.1  # of all rows: more that the generator did not make bend the plans
ENOUGH = 500  # rows: with fewer, reading all of them is the best plan


@dataclass(frozen=True)
class Scan:
	"""A large table that the statement would read for the most part."""

	table: str
	kind: str
	rows: int
	statement: str

	def __str__(self) -> str:
		return f"{self.table} ({self.kind}, {self.rows} rows): {' '.join(self.statement.split())[:700]}"


def sizes() -> dict[str, int]:
	return {doctype: count for doctype in TABLES if (count := frappe.db.count(doctype)) >= ENOUGH}


def scans(statement: str, large: dict[str, int]) -> list[Scan]:
	"""Return the large tables that this statement would scan."""
	if not statement.lstrip(" \n\t(").lower().startswith(EXPLAINED):
		return []
	tables = _tables_by_alias(statement)
	found = []
	for row in frappe.db.sql(f"EXPLAIN EXTENDED {statement.replace('%', '%%')}", as_dict=True):
		doctype, rows = tables.get(str(row.table)), _rows(row, statement)
		if doctype in large and row.type != "eq_ref" and rows > SHARE * large[doctype]:
			found.append(Scan(doctype, row.type, rows, statement))
	return found


def _rows(row: frappe._dict, statement: str) -> int:
	"""Return how many rows MariaDB expects to read. It does not count that a LIMIT ends the walk along an index, however long the table is."""
	rows = int(str(row.rows or 0).split()[0])  # "181 (1%)" behind a filter
	limit = LIMIT.search(statement)
	is_walk = row.type in ("range", "ref") and float(row.filtered or 0) == 100
	if limit and is_walk and not re.search("filesort|temporary", row.Extra or ""):
		return 0
	return rows


def _tables_by_alias(statement: str) -> dict[str, str]:
	found = {}
	for doctype, alias in NAMED.findall(statement):
		found[f"tab{doctype}"] = doctype
		if alias and alias.lower() not in WORDS:
			found[alias] = doctype
	return found
