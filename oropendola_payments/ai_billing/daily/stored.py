"""Figures of days, exact at any time: a day counts by its sums while nothing of it changed, and by its records otherwise.

Sums, marks and records are read in one transaction, so they belong to the same moment.
"""

import json
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal

import frappe
from frappe.utils import cint, getdate

from oropendola_payments.ai_billing.daily import live
from oropendola_payments.ai_billing.daily.types import (
	AMOUNTS,
	CHANGED,
	CLOSED,
	EVERYTHING,
	STATUSES,
	SUMS,
	TABLE,
	Figures,
	Group,
)

COLUMNS = (
	"day",
	"kind",
	*("gateway", "currency", "mode"),
	*map(frappe.scrub, STATUSES),
	"captures",
	*AMOUNTS,
)


def figures(
	first: date,
	last: date = date.max,
	parts: tuple[str, ...] = EVERYTHING,
	with_reasons: bool = False,
) -> list[Figures]:
	"""Return the figures of all groups from the first day to the last, both included. Only `parts` of them are complete."""
	rows = _rows(first, last, with_reasons)
	days = {kind: {getdate(row.day) for row in rows if row.kind == kind} for kind in (CLOSED, CHANGED)}
	summed_up = days[CLOSED] - days[CHANGED]
	found = [_figures(row) for row in rows if row.kind == SUMS and getdate(row.day) in summed_up]
	for start, end in _others(first, last, summed_up):
		found += live.count(start, end, parts)
	return found


def _rows(first: date, last: date, with_reasons: bool) -> list[frappe._dict]:
	table = frappe.qb.DocType(TABLE)
	columns = (*COLUMNS, "reasons") if with_reasons else COLUMNS
	query = frappe.qb.from_(table).select(*(table[column] for column in columns))
	return query.where((table.day >= first) & (table.day <= last)).run(as_dict=True)


def _others(first: date, last: date, summed_up: set[date]) -> Iterator[tuple[date, date]]:
	"""Yield the first and the last day of each stretch of days that are not summed up."""
	one = timedelta(days=1)
	for day in sorted(summed_up):
		if first < day:
			yield first, day - one
		first = day + one
	if first <= last:
		yield first, last


def _figures(row: frappe._dict) -> Figures:
	group = Group(getdate(row.day), row.gateway or "", row.currency or "", row.mode or "")
	counts = {status: cint(row[frappe.scrub(status)]) for status in STATUSES}
	amounts = {name: Decimal(str(row[name] or 0)) for name in AMOUNTS}
	return Figures(group, counts, json.loads(row.get("reasons") or "{}"), cint(row.captures), **amounts)


def as_row(found: Figures) -> dict:
	"""Return the values of the row that stores these figures."""
	counts = {frappe.scrub(status): number for status, number in found.attempts.items()}
	reasons = json.dumps(found.reasons, ensure_ascii=False, sort_keys=True) if found.reasons else None
	amounts = {name: getattr(found, name) for name in AMOUNTS}
	return {
		**found.group._asdict(),
		"kind": SUMS,
		**counts,
		"reasons": reasons,
		"captures": found.captures,
		**amounts,
	}
