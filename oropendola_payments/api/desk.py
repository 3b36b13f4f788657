"""Figures for the workspace, in the formats that the Desk expects, so without our envelope."""

from datetime import timedelta
from typing import Any

import frappe
from frappe import _
from frappe.utils import add_to_date, cint, now_datetime

from oropendola_payments.ai_billing import analytics, recovery
from oropendola_payments.ai_billing import overdue_parts as overdue
from oropendola_payments.ai_billing.current import payment_settings
from oropendola_payments.ai_billing.formatting import money
from oropendola_payments.ai_billing.periods import today
from oropendola_payments.api import require_staff
from oropendola_payments.exceptions import BadRequest

RATE_DAYS = 30
CHARTS = {
	"Revenue by day": analytics.revenue_by_day,
	"Revenue by gateway": analytics.revenue_by_gateway,
	"Funnel": analytics.funnel,
	"Failure reasons": analytics.failure_reasons,
}
MAX_DAYS = 366
TOO_FEW = "–"
MOST_CURRENCIES = 3


@frappe.whitelist(methods=["GET", "POST"])
def revenue_this_month(filters: Any = None) -> str:
	"""Return this month's revenue after refunds as text, one sum for each currency, with the sum before refunds if it differs."""
	require_staff()
	found = analytics.revenue(today().replace(day=1))
	net, gross = analytics.sums_of(found)
	order = analytics.currencies(found)
	text = _in_currencies(net, order)
	return text if net == gross else _("{0} ({1} before refunds)").format(text, _in_currencies(gross, order))


def _in_currencies(rows: analytics.Sums, order: list[str]) -> str:
	"""Return the sums in the order of these currencies, the first of many."""
	sums = {currency: amount for (_group, currency), amount in rows.items()}
	texts = [_isolated(money(sums[currency], currency)) for currency in order if currency in sums]
	shown = " + ".join(texts[:MOST_CURRENCIES]) or "0"
	more = len(texts) - MOST_CURRENCIES
	return _("{0} + {1} more").format(shown, more) if more > 0 else shown


def _isolated(text: str) -> str:
	"""Return an amount that keeps its place and its line although the sign of its currency is written from right to left."""
	return "\u2068" + text.replace(" ", "\u00a0") + "\u2069"


@frappe.whitelist(methods=["GET", "POST"])
def success_rate(filters: Any = None) -> dict | str:
	return _rate("Paid")


@frappe.whitelist(methods=["GET", "POST"])
def abandoned_rate(filters: Any = None) -> dict | str:
	return _rate("Expired")


@frappe.whitelist(methods=["GET", "POST"])
def pending_too_long(filters: Any = None) -> dict:
	"""Return the number of payments open for longer than the limit in Payment Settings."""
	require_staff()
	hours = cint(payment_settings().alert_pending_hours) or 24
	before = add_to_date(now_datetime(), hours=-hours)
	options = {
		"status": ["in", list(analytics.OPEN)],
		"initiated_at": ["<", str(before)],
		"mode": ["!=", "Manual"],
	}
	count = len(analytics.pending_longer_than(hours))
	return {
		"value": count,
		"fieldtype": "Int",
		"route": ["List", "Payment Attempt"],
		"route_options": options,
	}


@frappe.whitelist(methods=["GET", "POST"])
def recovered_this_month(filters: Any = None) -> str:
	"""Return what was paid this month after a reminder, one sum for each currency."""
	require_staff()
	found = recovery.recovered_since(today().replace(day=1))
	return _in_currencies(found, sorted(currency for _group, currency in found))


@frappe.whitelist(methods=["GET", "POST"])
def overdue_parts(filters: Any = None) -> dict:
	"""Return the number of parts whose customers are behind, with a link to the report."""
	require_staff()
	return {
		"value": len(overdue.overdue_parts()),
		"fieldtype": "Int",
		"route": ["query-report", "Overdue Parts"],
	}


@frappe.whitelist(methods=["GET", "POST"])
def chart(filters: Any = None) -> dict:
	"""Return a chart for the chart source Payment Figures. `filters` is `{"figure": ..., "days": ...}`."""
	require_staff()
	chosen = _parse_filters(filters)
	if chosen.get("figure") not in CHARTS:
		raise BadRequest(_("There is no such figure. Please choose one of: {0}.").format(", ".join(CHARTS)))
	days = min(max(cint(chosen.get("days")) or RATE_DAYS, 1), MAX_DAYS)
	currency = chosen.get("currency")
	return CHARTS[chosen["figure"]](days, currency if isinstance(currency, str) else None)


def _parse_filters(filters: Any) -> dict:
	try:
		chosen = frappe.parse_json(filters)
	except ValueError:
		chosen = None
	return chosen if isinstance(chosen, dict) and isinstance(chosen.get("figure"), str) else {}


def _rate(status: str) -> dict | str:
	require_staff()
	row = analytics.outcomes(today() - timedelta(days=RATE_DAYS))
	percent = analytics.percent(row, status)
	if percent is None:
		return TOO_FEW
	options = {"status": status, "mode": ["!=", "Manual"]}
	return {
		"value": round(percent, 1),
		"fieldtype": "Percent",
		"route": ["List", "Payment Attempt"],
		"route_options": options,
	}
