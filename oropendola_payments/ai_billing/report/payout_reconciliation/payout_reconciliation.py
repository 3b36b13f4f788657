"""Report: what each gateway took and what it paid out in a period, and what it has not paid out yet."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import frappe
from frappe import _
from frappe.query_builder import DocType
from frappe.query_builder.functions import Count, Sum
from frappe.utils import add_days, getdate

from oropendola_payments.ai_billing import analytics
from oropendola_payments.ai_billing.doctype.payment_payout.payment_payout import SUMS
from oropendola_payments.ai_billing.periods import today

OURS = ("captured", "refunded", "open")
# What payouts say, with the signs that a reader expects: fees and refunds as what was taken.
THEIRS = {
	"payouts": 1,
	"settled": 1,
	"settled_refunds": -1,
	"fees": -1,
	"tax": -1,
	"other": 1,
	"paid_out": 1,
}
LINE = "Payment Payout Line"


def execute(filters: dict | None = None) -> tuple[list[dict], list[dict]]:
	"""Return columns and rows, one for each gateway and currency."""
	period = _period(filters or {})
	rows: dict[tuple[str, str], dict[str, Any]] = {}
	_add(rows, "captured", _taken("Payment Capture", "captured_at", period))
	_add(rows, "refunded", _taken("Payment Refund", "completed_at", period))
	_add(rows, "open", _taken("Payment Capture", "captured_at", period, "capture", "Capture"))
	for gateway, currency, amount in _taken("Payment Refund", "completed_at", period, "refund", "Refund"):
		_row(rows, gateway, currency)["open"] -= _decimal(amount)
	_add_payouts(rows, period)
	labels = analytics.gateway_labels()
	return columns(), [
		{**_floats(row), "gateway": labels.get(row["gateway"], row["gateway"])}
		for _key, row in sorted(rows.items())
	]


def _period(filters: dict) -> dict:
	last = getdate(filters.get("to_date") or today())
	return {
		"since": getdate(filters.get("from_date") or last.replace(day=1)),
		"until": getdate(add_days(last, 1)),
		"gateway": analytics.gateway_code(filters.get("gateway")) or "",
		"currency": filters.get("currency") or "",
	}


def _row(rows: dict, gateway: str, currency: str) -> dict[str, Any]:
	empty = dict.fromkeys((*OURS, *THEIRS), Decimal(0))
	return rows.setdefault((gateway, currency), {"gateway": gateway, "currency": currency, **empty})


def _add(rows: dict, column: str, found: Iterable[tuple]) -> None:
	for gateway, currency, amount in found:
		_row(rows, gateway, currency)[column] += _decimal(amount)


def _taken(
	doctype: str, moment: str, period: dict, missing: str | None = None, kind: str | None = None
) -> list[tuple]:
	"""The captures or refunds of the period by gateway and currency; with `missing` only those that no line is about."""
	table, attempt = DocType(doctype), DocType("Payment Attempt")
	query = frappe.qb.from_(table).join(attempt).on(attempt.name == table.attempt)
	query = query.where(attempt.mode != "Manual").where(table.gateway != "credit")
	if doctype == "Payment Refund":
		query = query.where(table.status == "Refunded")
	if missing:
		line = DocType(LINE)
		query = query.left_join(line).on((line[missing] == table.name) & (line.kind == kind))
		query = query.where(line.name.isnull())
	query = _restricted(query, table, table[moment], period)
	query = query.select(table.gateway, table.currency, Sum(table.amount))
	return query.groupby(table.gateway, table.currency).run()


def _add_payouts(rows: dict, period: dict) -> None:
	payout = DocType("Payment Payout")
	sums = [Sum(payout[field]) for field in SUMS.values()]
	query = frappe.qb.from_(payout).select(
		payout.gateway, payout.currency, Count("*"), Sum(payout.amount), *sums
	)
	query = _restricted(query, payout, payout.paid_on, period).groupby(payout.gateway, payout.currency)
	for gateway, currency, count, amount, *amounts in query.run():
		by_kind = dict(zip(SUMS, map(_decimal, amounts), strict=True))
		values = {
			"payouts": Decimal(count),
			"settled": by_kind["Capture"],
			"settled_refunds": by_kind["Refund"],
			"fees": by_kind["Fee"],
			"tax": by_kind["Tax on Fee"],
			"other": by_kind["Dispute"] + by_kind["Adjustment"] + by_kind["Reserve"],
			"paid_out": _decimal(amount),
		}
		row = _row(rows, gateway, currency)
		row.update({name: sign * values[name] for name, sign in THEIRS.items()})


def _restricted(query: Any, table: Any, moment: Any, period: dict) -> Any:
	query = query.where(moment >= period["since"]).where(moment < period["until"])
	for name in ("gateway", "currency"):
		if period[name]:
			query = query.where(table[name] == period[name])
	return query


def _decimal(value: Any) -> Decimal:
	return Decimal(str(value or 0))


def _floats(row: dict) -> dict:
	return {name: float(value) if isinstance(value, Decimal) else value for name, value in row.items()}


def columns() -> list[dict]:
	money = {"fieldtype": "Currency", "options": "currency", "width": 118}
	return [
		{"fieldname": "gateway", "label": _("Gateway"), "fieldtype": "Data", "width": 100},
		{"fieldname": "currency", "label": _("Currency"), "fieldtype": "Data", "width": 84},
		{"fieldname": "captured", "label": _("Captured"), **money},
		{"fieldname": "refunded", "label": _("Refunded"), **money},
		{"fieldname": "open", "label": _("In No Payout"), **money},
		{"fieldname": "payouts", "label": _("Payouts"), "fieldtype": "Int", "width": 80},
		{"fieldname": "settled", "label": _("Payments in Payouts"), **money},
		{"fieldname": "settled_refunds", "label": _("Refunds in Payouts"), **money},
		{"fieldname": "fees", "label": _("Fees"), **money},
		{"fieldname": "tax", "label": _("Tax on Fees"), **money},
		{"fieldname": "other", "label": _("Disputes and Other"), **money},
		{"fieldname": "paid_out", "label": _("Paid Out"), **money},
	]
