"""Report: how monthly recurring revenue moved, by month and currency: new, reactivated, expanded, contracted, churned."""

from datetime import date, timedelta

import frappe
from frappe import _
from frappe.utils import getdate

from oropendola_payments.ai_billing import mrr
from oropendola_payments.ai_billing.periods import today

MOST_MONTHS = 120


def execute(filters: dict | None = None) -> tuple[list[dict], list[dict], None, dict | None]:
	"""Return columns, rows, message and chart."""
	filters = filters or {}
	first, last = _range(filters)
	rows = [
		_row(movement)
		for movement in mrr.movements(first, last, filters.get("currency"), filters.get("user"))
	]
	return columns(), rows, None, _chart(rows)


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
		{"fieldname": name, "label": label, "fieldtype": "Currency", "options": "currency", "width": 120}
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
