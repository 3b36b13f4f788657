"""Report: what customers used, per day, customer, plan, API key or model, from the daily sums."""

from datetime import date
from typing import Any

import frappe
from frappe import _
from frappe.query_builder import DocType
from frappe.query_builder.functions import Sum
from frappe.utils import add_days, cint, getdate

from oropendola_payments.ai_billing import kept
from oropendola_payments.ai_billing.periods import today

THOUSANDTHS = 1000
USUAL_DAYS, MOST_ROWS, MOST_BARS = 30, 2000, 20
AMOUNTS = ("requests", "input_tokens", "output_tokens", "units")
# What a row stands for: its column and how it is shown.
GROUPS = {
	"Day": ("day", lambda: {"label": _("Day"), "fieldtype": "Date"}),
	"Customer": ("user", lambda: {"label": _("Customer"), "fieldtype": "Link", "options": "User"}),
	"Subscription": (
		"subscription",
		lambda: {"label": _("Subscription"), "fieldtype": "Link", "options": "AI Subscription"},
	),
	"API Key": ("api_key", lambda: {"label": _("API Key"), "fieldtype": "Link", "options": "AI API Key"}),
	"Model": ("model", lambda: {"label": _("Model"), "fieldtype": "Data"}),
	"Paid From": ("source", lambda: {"label": _("Paid From"), "fieldtype": "Data"}),
}
NAME, READS = "Usage", "AI Usage Day"
KEPT_GROUPS = ("Day", "Model", "Paid From")
KEPT = tuple(f"{NAME} by {group}" for group in KEPT_GROUPS)
NARROWING = ("user", "subscription", "model", "source")


def execute(filters: dict | None = None) -> tuple[list[dict], list[dict], str | None, dict | None]:
	"""Return columns, rows, message and chart."""
	filters = filters or {}
	asked = str(filters.get("group_by") or "")
	group = asked if asked in GROUPS else "Day"
	counted = kept.find(_name(group), filters) if _is_usual(group, filters) else None
	found = counted.rows if counted else _rows(group, filters)
	rows = found[:MOST_ROWS]
	notes = [counted.note()] if counted else []
	if len(found) > MOST_ROWS:
		text = _(
			"There are more than {0} rows. The others, and what they used, are missing from the list and its total."
		)
		notes.append(text.format(MOST_ROWS))
	return columns(group), rows, " ".join(notes) or None, _chart(group, rows)


def results() -> dict[str, list[dict]]:
	"""Return the usual period by what names no customer, so that nothing is kept of one who asks to be forgotten."""
	return {_name(group): _rows(group, {}) for group in KEPT_GROUPS}


def _name(group: str) -> str:
	return f"{NAME} by {group}"


def _is_usual(group: str, filters: dict) -> bool:
	"""Return whether the last days of all customers were asked for."""
	is_narrowed = any(filters.get(name) for name in NARROWING)
	return group in KEPT_GROUPS and not is_narrowed and _period(filters) == _period({})


def _period(filters: dict) -> tuple[date, date]:
	first = getdate(filters.get("from_date") or add_days(today(), 1 - USUAL_DAYS))
	return first, getdate(filters.get("to_date") or today())


def _rows(group: str, filters: dict) -> list[dict]:
	return [_row(row) for row in _sums(filters, GROUPS[group][0])]


def _sums(filters: dict, column: str) -> list[frappe._dict]:
	table = DocType("AI Usage Day")
	first, last = _period(filters)
	query = frappe.qb.from_(table).where((table.day >= first) & (table.day <= last))
	for name in NARROWING:
		if filters.get(name):
			query = query.where(table[name] == filters[name])
	sums = [Sum(table[field]).as_(field) for field in AMOUNTS]
	query = query.select(table[column].as_("name"), *sums).groupby(table[column])
	if column == "day":
		query = query.orderby(table.day)
	else:
		query = query.orderby(Sum(table.requests), order=frappe.qb.desc).orderby(table[column])
	return query.limit(MOST_ROWS + 1).run(as_dict=True)


def _row(row: frappe._dict) -> dict[str, Any]:
	amounts: dict[str, Any] = {field: cint(row[field]) for field in AMOUNTS}
	return {"name": row.name, **amounts, "units": amounts["units"] / THOUSANDTHS}


def columns(group: str) -> list[dict]:
	labels = {
		"requests": _("Requests"),
		"input_tokens": _("Input Tokens"),
		"output_tokens": _("Output Tokens"),
		"units": _("Units"),
	}
	amounts = [
		{
			"fieldname": field,
			"label": label,
			"fieldtype": "Float" if field == "units" else "Int",
			"width": 140,
		}
		for field, label in labels.items()
	]
	return [{"fieldname": "name", "width": 200, **GROUPS[group][1]()}, *amounts]


def _chart(group: str, rows: list[dict]) -> dict | None:
	"""Return requests and tokens: over time, or of the largest."""
	if not rows:
		return None
	shown = rows if group == "Day" else rows[:MOST_BARS]
	tokens = [row["input_tokens"] + row["output_tokens"] for row in shown]
	datasets = [{"name": _("Requests"), "values": [row["requests"] for row in shown]}]
	if any(tokens):
		datasets.append({"name": _("Tokens"), "values": tokens})
	labels = [str(row["name"] or "-") for row in shown]
	return {"data": {"labels": labels, "datasets": datasets}, "type": "line" if group == "Day" else "bar"}
