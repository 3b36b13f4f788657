"""Report: how monthly recurring revenue moved, by month and currency: new, reactivated, expanded, contracted, churned."""

from datetime import date, timedelta
from decimal import Decimal

import frappe
from frappe import _
from frappe.utils import getdate

from oropendola_payments.ai_billing import kept, mrr
from oropendola_payments.ai_billing.periods import today

MOST_MONTHS = 120
AMOUNTS = ("opening", *mrr.KINDS, "closing")
NAME, READS = "MRR Movements", "AI Invoice"
KEPT = (NAME,)


def execute(filters: dict | None = None) -> tuple[list[dict], list[dict], str | None, dict | None]:
	"""Return columns, rows, message and chart."""
	filters = filters or {}
	first, last = _range(filters)
	counted = None if filters.get("user") else kept.find(NAME, filters)
	rows = _kept_rows(counted.rows, first, last, filters.get("currency")) if counted else None
	if counted and rows is not None:
		return columns(), rows, counted.note(), _chart(rows)
	rows = [
		_row(movement)
		for movement in mrr.movements(first, last, filters.get("currency"), filters.get("user"))
	]
	return columns(), rows, None, _chart(rows)


def results() -> dict[str, list[dict]]:
	"""Return the rows of all months that somebody can ask for today, in all currencies."""
	first = today() - timedelta(days=MOST_MONTHS * 31)
	return {NAME: [_row(movement) for movement in mrr.movements(first, today())]}


def _kept_rows(rows: list[dict], first: date, last: date, currency: str | None) -> list[dict] | None:
	"""Return those of the kept rows that were asked for, or None if an earlier month was."""
	if not rows or f"{first:%Y-%m}" < rows[0]["month"]:
		return None
	return [
		{**row, **{name: Decimal(row[name]) for name in AMOUNTS}}
		for row in rows
		if f"{first:%Y-%m}" <= row["month"] <= f"{last:%Y-%m}" and currency in (None, "", row["currency"])
	]


def _range(filters: dict) -> tuple[date, date]:
	last = getdate(filters.get("to_date")) if filters.get("to_date") else today()
	first = getdate(filters.get("from_date")) if filters.get("from_date") else last - timedelta(days=365)
	if first > last:
		frappe.throw(_("The first day is after the last one. Please exchange them."))
	if (last - first).days > MOST_MONTHS * 31:
		frappe.throw(_("Please choose at most {0} months.").format(MOST_MONTHS))
	return first, last


def _row(movement: mrr.Movement) -> dict:
	return {
		"month": movement.month.strftime("%Y-%m"),
		"currency": movement.currency,
		"opening": movement.opening,
		**movement.moved,
		"closing": movement.closing,
		"customers": movement.customers,
	}


def columns() -> list[dict]:
	labels = {
		"opening": _("Opening"),
		"new": _("New"),
		"reactivation": _("Reactivation"),
		"expansion": _("Expansion"),
		"contraction": _("Contraction"),
		"churn": _("Churn"),
		"closing": _("Closing"),
	}
	amounts = [
		{"fieldname": name, "label": label, "fieldtype": "Currency", "options": "currency", "width": 145}
		for name, label in labels.items()
	]
	return [
		{"fieldname": "month", "label": _("Month"), "fieldtype": "Data", "width": 90},
		{"fieldname": "currency", "label": _("Currency"), "fieldtype": "Data", "width": 90},
		*amounts,
		{"fieldname": "customers", "label": _("Customers"), "fieldtype": "Int", "width": 100},
	]


def _chart(rows: list[dict]) -> dict | None:
	"""Return a chart of the movements in the currency of most customers, because currencies cannot be compared."""
	customers: dict[str, int] = {}
	for row in rows:
		customers[row["currency"]] = customers.get(row["currency"], 0) + row["customers"]
	if not any(customers.values()):
		return None
	currency = max(sorted(customers), key=customers.__getitem__)
	shown = [row for row in rows if row["currency"] == currency]
	labels = {column["fieldname"]: column["label"] for column in columns()}
	datasets = [
		{"name": f"{labels[kind]} {currency}", "values": [float(row[kind]) for row in shown]}
		for kind in mrr.KINDS
	]
	data = {"labels": [row["month"] for row in shown], "datasets": datasets}
	return {"data": data, "type": "bar", "barOptions": {"stacked": 1}}
