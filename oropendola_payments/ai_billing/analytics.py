"""Numbers for people: the same for alerts, number cards, charts and reports."""

from datetime import datetime, time, timedelta
from decimal import Decimal

import frappe
from frappe import _
from frappe.query_builder import DocType, Order
from frappe.query_builder.functions import Coalesce, Count, Date, NullIf, Sum
from frappe.utils import escape_html, now_datetime

from oropendola_payments.ai_billing import formatting
from oropendola_payments.ai_billing.doctype.payment_attempt.payment_attempt import OPEN
from oropendola_payments.ai_billing.periods import today

FINISHED = ("Paid", "Failed", "Expired", "Cancelled")
# A rate of fewer payments says nothing.
ENOUGH = 10


def outcomes(since: datetime) -> dict[str, dict[str, int]]:
	"""How many attempts that began since then ended how, by gateway. Payments by hand are left out."""
	attempt = DocType("Payment Attempt")
	query = _attempts_since(since).select(attempt.gateway, attempt.status, Count("*"))
	query = query.where(attempt.status.isin(FINISHED)).groupby(attempt.gateway, attempt.status)
	counts: dict[str, dict[str, int]] = {}
	for gateway, status, count in query.run():
		counts.setdefault(gateway, dict.fromkeys(FINISHED, 0))[status] = int(count)
	return counts


def _attempts_since(since: datetime):
	attempt = DocType("Payment Attempt")
	query = frappe.qb.from_(attempt).where(attempt.initiated_at >= since)
	return query.where(attempt.mode != "Manual")


def total(counts: dict[str, dict[str, int]]) -> dict[str, int]:
	return {status: sum(row[status] for row in counts.values()) for status in FINISHED}


def percent(row: dict[str, int], status: str) -> float | None:
	"""The share of one outcome; None when too few payments ended to say anything."""
	ended = sum(row.values())
	return 100 * row[status] / ended if ended >= ENOUGH else None


def pending_longer_than(hours: float) -> list[frappe._dict]:
	"""Attempts whose fate is still unknown, with their gateway."""
	before = now_datetime() - timedelta(hours=hours)
	filters = {"status": ("in", OPEN), "initiated_at": ("<", before), "mode": ("!=", "Manual")}
	return frappe.get_all(
		"Payment Attempt", filters, ["name", "gateway"], order_by="initiated_at, name", limit=500
	)


# Money --------------------------------------------------------------------------------------------


def counted_modes() -> tuple[str, ...]:
	"""Once a gateway is Live, payments of tests are no revenue."""
	live = frappe.db.exists("Payment Gateway Settings", {"enabled": 1, "mode": "Live"})
	return ("Live", "Manual") if live else ("Simulator", "Test", "Live", "Manual")


def revenue(since: datetime, group_by: str | None = None) -> dict[tuple[str, str], Decimal]:
	"""What paid invoices since then, by (group, currency); the group is `day`, `gateway` or nothing."""
	capture = DocType("Payment Capture")
	group = {"day": [Date(capture.captured_at)], "gateway": [capture.gateway], None: []}[group_by]
	query = _captures_since(since).select(capture.currency, Sum(capture.applied_amount), *group)
	rows = query.groupby(capture.currency, *group).run()
	return {("".join(map(str, group)), currency): Decimal(str(amount)) for currency, amount, *group in rows}


def _captures_since(since: datetime):
	capture, attempt = DocType("Payment Capture"), DocType("Payment Attempt")
	query = frappe.qb.from_(capture).join(attempt).on(attempt.name == capture.attempt)
	query = query.where(capture.captured_at >= since).where(capture.applied_amount > 0)
	return query.where(attempt.mode.isin(counted_modes()))


# Charts -------------------------------------------------------------------------------------------


def revenue_by_day(days: int, currency: str | None = None) -> dict:
	dates = [today() - timedelta(days=back) for back in reversed(range(days))]
	since = _days_ago(days - 1)
	chart = _in_one_currency(
		revenue(since, "day"), [str(day) for day in dates], currency or main_currency(since)
	)
	return {**chart, "labels": [f"{day:%d %b}" for day in dates]}


def revenue_by_gateway(days: int, currency: str | None = None) -> dict:
	since = _days_ago(days)
	rows, currency = revenue(since, "gateway"), currency or main_currency(since)
	chart = _in_one_currency(rows, sorted({name for name, own in rows if own == currency}), currency)
	names = gateway_labels()
	return {**chart, "labels": [escape_html(names.get(code, code)) for code in chart["labels"]]}


def main_currency(since: datetime) -> str:
	"""The one in which most payments came; without payments that of the site."""
	currency = DocType("Payment Capture").currency
	query = _captures_since(since).select(currency).groupby(currency)
	query = query.orderby(Count("*"), order=Order.desc).orderby(currency).limit(1)
	rows = query.run(pluck=True)
	return rows[0] if rows else frappe.db.get_default("currency") or ""


def funnel(days: int, currency: str | None = None) -> dict:
	"""How far payments came: each step is a part of the one before it."""
	status = DocType("Payment Attempt").status
	rows = _attempts_since(_days_ago(days)).select(status, Count("*")).groupby(status).run()
	counts = {status: int(count) for status, count in rows}
	begun = sum(counts.values())
	reached = begun - counts.get("Created", 0)
	answered = counts.get("Paid", 0) + counts.get("Authorized", 0) + counts.get("Failed", 0)
	steps = {
		_("Started"): begun,
		_("Sent"): reached,
		_("Ended"): answered,
		_("Paid"): counts.get("Paid", 0),
	}
	return in_whole_numbers(
		{"labels": list(steps), "datasets": [{"name": _("Payments"), "values": list(steps.values())}]}
	)


def failure_reasons(days: int, currency: str | None = None) -> dict:
	"""What gateways and banks said, the most frequent first."""
	attempt = DocType("Payment Attempt")
	reason = Coalesce(NullIf(attempt.error_message, ""), NullIf(attempt.error_code, ""), "").as_("reason")
	query = _attempts_since(_days_ago(days)).select(reason, Count("*"))
	query = query.where(attempt.status.isin(("Failed", "Expired", "Cancelled"))).groupby(reason)
	rows = query.orderby(Count("*"), order=Order.desc).orderby(reason).limit(6).run()
	# The Desk's charts take labels as HTML, and these words come from outside.
	labels = [escape_html(_shortened(text)) or _("No reason") for text, _count in rows]
	values = [int(count) for _text, count in rows]
	return in_whole_numbers({"labels": labels, "datasets": [{"name": _("Payments"), "values": values}]})


def _shortened(text: str, length: int = 36) -> str:
	return text if len(text) <= length else text[: length - 1].rstrip() + "…"


def _in_one_currency(rows: dict[tuple[str, str], Decimal], labels: list[str], currency: str) -> dict:
	"""Amounts of different currencies share no axis: each chart shows one, and says which."""
	values = [float(rows.get((label, currency), 0)) for label in labels]
	chart = {"labels": labels, "datasets": [{"name": currency, "values": values}]}
	highest = max(values, default=0)
	mark = {"label": formatting.money(highest, currency), "value": highest, "options": {"labelPos": "left"}}
	return {**chart, "yMarkers": [mark]} if highest else chart


def in_whole_numbers(chart: dict, stacked: bool = False) -> dict:
	"""A chart of counts. The Desk's charts divide an axis that ends at 1, 2 or 10 into fractions; a mark higher up prevents that."""
	lists = [dataset["values"] for dataset in chart["datasets"]]
	highest = max(
		map(sum, zip(*lists, strict=True)) if stacked else [max(values, default=0) for values in lists],
		default=0,
	)
	mark = {1: 4, 2: 4, 10: 12}.get(highest)
	return {**chart, "yMarkers": [{"label": "", "value": mark}]} if mark else chart


def _days_ago(days: int) -> datetime:
	return datetime.combine(today() - timedelta(days=days), time())


# Names --------------------------------------------------------------------------------------------


def gateway_labels() -> dict[str, str]:
	"""The names that people see, by code; money can come without a gateway as well."""
	rows = frappe.get_all("Payment Gateway Settings", fields=["gateway", "label"])
	return {
		"manual": _("Bank transfer or cash"),
		"credit": _("Credit"),
		**{row.gateway: row.label for row in rows},
	}


def gateway_code(label: str | None) -> str | None:
	"""The code of a gateway by the name that people see; a code stays a code."""
	return next((code for code, name in gateway_labels().items() if name == label), label)
