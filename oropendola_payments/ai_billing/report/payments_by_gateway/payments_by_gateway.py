"""Report: outcomes, captured and refunded amounts of each gateway in a period."""

from decimal import Decimal
from typing import Any

import frappe
from frappe import _
from frappe.query_builder import DocType
from frappe.query_builder.functions import Count, Sum
from frappe.utils import add_days, getdate

from oropendola_payments.ai_billing import analytics
from oropendola_payments.ai_billing.periods import today

COUNTED = {"Paid": "paid", "Failed": "failed", "Expired": "abandoned", "Cancelled": "cancelled"}


def execute(filters: dict | None = None) -> tuple[list[dict], list[dict], None, dict | None]:
	"""Return columns, rows, message and chart."""
	period = period_of(filters or {})
	rows: dict[tuple, dict] = {}
	_add_attempts(rows, period)
	_add_money(rows, "taken", _captured(period))
	_add_money(rows, "refunded", _refunded(period))
	data = [_finished(row) for _key, row in sorted(rows.items())]
	return columns(), data, None, _chart(data)


def period_of(filters: dict) -> dict:
	"""Return the first day, the day after the last, mode and currency. The default is the last 30 days."""
	last = getdate(filters.get("to_date") or today())
	return {
		"since": getdate(filters.get("from_date") or add_days(last, -30)),
		"until": getdate(add_days(last, 1)),
		"mode": filters.get("mode") or "",
		"currency": filters.get("currency") or "",
	}


def _row(rows: dict, gateway: str, currency: str) -> dict:
	counts = dict.fromkeys((*COUNTED.values(), "open"), 0)
	empty = {"attempts": 0, **counts, "taken": Decimal(0), "refunded": Decimal(0)}
	return rows.setdefault((gateway, currency), {"gateway": gateway, "currency": currency, **empty})


def _add_attempts(rows: dict, period: dict) -> None:
	attempt = DocType("Payment Attempt")
	query = frappe.qb.from_(attempt).select(attempt.gateway, attempt.currency, attempt.status, Count("*"))
	query = query.groupby(attempt.gateway, attempt.currency, attempt.status)
	query = _restricted(query, period, attempt.initiated_at, attempt.currency)
	for gateway, currency, status, count in query.run():
		row = _row(rows, gateway, currency)
		row["attempts"] += int(count)
		row[COUNTED.get(status, "open")] += int(count)


def _add_money(rows: dict, column: str, found: list[tuple]) -> None:
	for gateway, currency, amount in found:
		_row(rows, gateway, currency)[column] = Decimal(str(amount or 0))


def _captured(period: dict) -> list[tuple]:
	# Not credit: it comes from an earlier payment that is counted already.
	capture = DocType("Payment Capture")
	query = _sums(capture).where(capture.gateway != "credit")
	return _restricted(query, period, capture.captured_at, capture.currency).run()


def _refunded(period: dict) -> list[tuple]:
	refund = DocType("Payment Refund")
	query = _sums(refund).where(refund.status == "Refunded")
	return _restricted(query, period, refund.completed_at, refund.currency).run()


def _sums(table: Any) -> Any:
	"""Return a query for the amounts of captures or refunds by gateway and currency."""
	attempt = DocType("Payment Attempt")
	query = frappe.qb.from_(table).join(attempt).on(attempt.name == table.attempt)
	return query.select(table.gateway, table.currency, Sum(table.amount)).groupby(
		table.gateway, table.currency
	)


def _restricted(query: Any, period: dict, moment: Any, currency: Any) -> Any:
	"""Return the query, limited to the period and the chosen mode and currency."""
	query = query.where(moment >= period["since"]).where(moment < period["until"])
	for column, chosen in ((DocType("Payment Attempt").mode, "mode"), (currency, "currency")):
		if period[chosen]:
			query = query.where(column == period[chosen])
	return query


def _finished(row: dict) -> dict:
	ended = sum(row[name] for name in COUNTED.values())
	label = analytics.gateway_labels().get(row["gateway"], row["gateway"])
	return {
		**row,
		"gateway": label,
		"success": round(100 * row["paid"] / ended, 1) if ended else None,
		"net": float(row["taken"] - row["refunded"]),
		"taken": float(row["taken"]),
		"refunded": float(row["refunded"]),
	}


def columns() -> list[dict]:
	"""Return the columns. Their widths fit on a laptop screen."""
	money = {"fieldtype": "Currency", "options": "currency", "width": 122}
	return [
		{"fieldname": "gateway", "label": _("Gateway"), "fieldtype": "Data", "width": 106},
		{"fieldname": "currency", "label": _("Currency"), "fieldtype": "Data", "width": 92},
		{"fieldname": "attempts", "label": _("Attempts"), "fieldtype": "Int", "width": 90},
		{"fieldname": "paid", "label": _("Paid"), "fieldtype": "Int", "width": 72},
		{"fieldname": "failed", "label": _("Failed"), "fieldtype": "Int", "width": 76},
		{"fieldname": "abandoned", "label": _("Abandoned"), "fieldtype": "Int", "width": 102},
		{"fieldname": "cancelled", "label": _("Cancelled"), "fieldtype": "Int", "width": 96},
		{"fieldname": "open", "label": _("Open"), "fieldtype": "Int", "width": 72},
		{"fieldname": "success", "label": _("Success"), "fieldtype": "Percent", "width": 86},
		{"fieldname": "taken", "label": _("Taken"), **money},
		{"fieldname": "refunded", "label": _("Refunded"), **money},
		{"fieldname": "net", "label": _("Net"), **money},
	]


def _chart(rows: list[dict]) -> dict | None:
	if not rows:
		return None
	labels = [f"{row['gateway']} {row['currency']}" for row in rows]
	names = {
		"paid": _("Paid"),
		"failed": _("Failed"),
		"abandoned": _("Abandoned"),
		"cancelled": _("Cancelled"),
	}
	names["open"] = _("Open")
	datasets = [{"name": label, "values": [row[name] for row in rows]} for name, label in names.items()]
	return {
		"data": analytics.in_whole_numbers({"labels": labels, "datasets": datasets}, stacked=True),
		"type": "bar",
		"barOptions": {"stacked": 1},
		"colors": ["#2f9d58", "#e03636", "#9a9a9a", "#c8c8c8", "#3b82f6"],
	}
