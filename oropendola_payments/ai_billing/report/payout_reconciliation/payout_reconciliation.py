"""Report: what each gateway took and what it paid out in a period, and what it has not paid out yet."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import frappe
from frappe import _
from frappe.query_builder import DocType
from frappe.query_builder.functions import Count, Sum
from frappe.utils import add_days, getdate

from oropendola_payments.ai_billing import analytics
from oropendola_payments.ai_billing.daily import stored
from oropendola_payments.ai_billing.daily.types import MONEY
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
AT_ONCE_DAYS = 7


def execute(filters: dict | None = None) -> tuple[list[dict], list[dict]]:
	"""Return columns and rows, one for each gateway and currency."""
	period = _period(filters or {})
	rows: dict[tuple[str, str], dict[str, Any]] = {}
	_add_taken(rows, period)
	_add_open(rows, period)
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


def _add_taken(rows: dict, period: dict) -> None:
	"""Add what was captured and refunded. Until something of it is in a payout, all of it is in none."""
	for own in stored.figures(period["since"], add_days(period["until"], -1), parts=(MONEY,)):
		gateway, currency, mode = own.group.gateway, own.group.currency, own.group.mode
		if mode == "Manual" or gateway == "credit" or not (own.taken or own.refunded):
			continue
		if period["gateway"] in ("", gateway) and period["currency"] in ("", currency):
			row = _row(rows, gateway, currency)
			row["captured"] += own.taken
			row["refunded"] += own.refunded
			row["open"] += own.taken - own.refunded


def _add_open(rows: dict, period: dict) -> None:
	"""Count what is in no payout, for the gateways of which there are any."""
	line = DocType(LINE)
	reported = frappe.qb.from_(line).select(line.gateway).distinct().run(pluck=True)
	counted = {key: row for key, row in rows.items() if key[0] in reported}
	for row in counted.values():
		row["open"] = Decimal(0)
	if not counted:
		return
	gateways = sorted({gateway for gateway, _currency in counted})
	for start, end in _weeks(period):
		part = {**period, "since": start, "until": end, "gateways": gateways}
		for gateway, currency, amount in _unreported("Payment Capture", "captured_at", "capture", part):
			_row(rows, gateway, currency)["open"] += _decimal(amount)
		for gateway, currency, amount in _unreported("Payment Refund", "completed_at", "refund", part):
			_row(rows, gateway, currency)["open"] -= _decimal(amount)


def _weeks(period: dict) -> Iterator[tuple[date, date]]:
	"""Yield the period in parts so short that MariaDB finds their records by an index instead of reading them all."""
	start = period["since"]
	while start < period["until"]:
		end = min(add_days(start, AT_ONCE_DAYS), period["until"])
		yield start, end
		start = end


def _unreported(doctype: str, moment: str, link: str, period: dict) -> list[tuple]:
	"""Return the captures or refunds that no line of a payout is about, by gateway and currency."""
	table, line = DocType(doctype), DocType(LINE)
	own_kind = "Capture" if link == "capture" else "Refund"
	query = frappe.qb.from_(table).left_join(line).on((line[link] == table.name) & (line.kind == own_kind))
	query = query.where(line.name.isnull()).where(table.gateway.isin(period["gateways"]))
	if link == "refund":
		query = query.where(table.status == "Refunded")
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
