"""Report: outcomes, captured and refunded amounts of each gateway in a period."""

from decimal import Decimal

from frappe import _
from frappe.utils import add_days, getdate

from oropendola_payments.ai_billing import analytics
from oropendola_payments.ai_billing.daily import stored
from oropendola_payments.ai_billing.daily.types import ATTEMPTS, MONEY, Figures
from oropendola_payments.ai_billing.periods import today

COUNTED = {"Paid": "paid", "Failed": "failed", "Expired": "abandoned", "Cancelled": "cancelled"}


def execute(filters: dict | None = None) -> tuple[list[dict], list[dict], None, dict | None]:
	"""Return columns, rows, message and chart."""
	period = period_of(filters or {})
	rows: dict[tuple, dict] = {}
	for found in stored.figures(period["since"], period["until"], (ATTEMPTS, MONEY)):
		if all(
			not period[name] or getattr(found.group, name) == period[name] for name in ("mode", "currency")
		):
			_add(rows, found)
	data = [_finished(row) for _key, row in sorted(rows.items())]
	return columns(), data, None, _chart(data)


def period_of(filters: dict) -> dict:
	"""Return the first and the last day, mode and currency. The default is the last 30 days."""
	last = getdate(filters.get("to_date") or today())
	return {
		"since": getdate(filters.get("from_date") or add_days(last, -30)),
		"until": last,
		"mode": filters.get("mode") or "",
		"currency": filters.get("currency") or "",
	}


def _row(rows: dict, gateway: str, currency: str) -> dict:
	counts = dict.fromkeys((*COUNTED.values(), "open"), 0)
	empty = {"attempts": 0, **counts, "taken": Decimal(0), "refunded": Decimal(0)}
	return rows.setdefault((gateway, currency), {"gateway": gateway, "currency": currency, **empty})


def _add(rows: dict, found: Figures) -> None:
	attempts = sum(found.attempts.values())
	if not (attempts or found.taken or found.refunded):
		return
	row = _row(rows, found.group.gateway, found.group.currency)
	row["attempts"] += attempts
	for status, number in found.attempts.items():
		row[COUNTED.get(status, "open")] += number
	row["taken"] += found.taken
	row["refunded"] += found.refunded


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
