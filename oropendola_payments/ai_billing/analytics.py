"""Figures for alerts, number cards, charts and reports."""

from datetime import datetime, time, timedelta
from decimal import Decimal
from typing import Any

import frappe
from frappe import _
from frappe.query_builder import Case, DocType, Order
from frappe.query_builder.functions import Coalesce, Count, Date, Max, NullIf, Sum
from frappe.utils import escape_html, get_datetime, getdate, now_datetime

from oropendola_payments.ai_billing import formatting
from oropendola_payments.ai_billing.doctype.payment_attempt.payment_attempt import OPEN
from oropendola_payments.ai_billing.doctype.payment_capture.payment_capture import PaymentCapture
from oropendola_payments.ai_billing.periods import today
from oropendola_payments.money import to_decimal

FINISHED = ("Paid", "Failed", "Expired", "Cancelled")
# With fewer payments, or customers, a rate means nothing.
MIN_PAYMENTS = 10


def outcomes(since: datetime) -> dict[str, dict[str, int]]:
	"""Return the number of attempts started since then by gateway and final status. Manual payments are left out."""
	attempt = DocType("Payment Attempt")
	query = _attempts_since(since).select(attempt.gateway, attempt.status, Count("*"))
	query = query.where(attempt.status.isin(FINISHED)).groupby(attempt.gateway, attempt.status)
	counts: dict[str, dict[str, int]] = {}
	for gateway, status, count in query.run():
		counts.setdefault(gateway, dict.fromkeys(FINISHED, 0))[status] = int(count)
	return counts


# A customer who paid in the end did not fail, and one who failed and then left did.
RANKS = {3: "Paid", 2: "Failed", 1: "Expired", 0: "Cancelled"}


def customer_outcomes(since: datetime) -> tuple[dict[str, dict[str, int]], dict[str, int]]:
	"""Return the number of customers by the best of their finished payments: at each gateway, and at all of them together."""
	best = _best_outcomes(since)
	everywhere = dict.fromkeys(FINISHED, 0)
	for rank, count in frappe.qb.from_(best).select(best.rank, Count("*")).groupby(best.rank).run():
		everywhere[RANKS[int(rank)]] = int(count)
	best = _best_outcomes(since, DocType("Payment Attempt").gateway)
	query = frappe.qb.from_(best).select(best.gateway, best.rank, Count("*")).groupby(best.gateway, best.rank)
	by_gateway: dict[str, dict[str, int]] = {}
	for gateway, rank, count in query.run():
		by_gateway.setdefault(gateway, dict.fromkeys(FINISHED, 0))[RANKS[int(rank)]] = int(count)
	return by_gateway, everywhere


def _best_outcomes(since: datetime, *group: Any) -> Any:
	"""Return a subquery with one row for each customer, and for each value of the `group`."""
	attempt, rank = DocType("Payment Attempt"), Case()
	for number, status in RANKS.items():
		rank = rank.when(attempt.status == status, number)
	query = _attempts_since(since).select(*group, Max(rank).as_("rank"))
	return query.where(attempt.status.isin(FINISHED)).groupby(attempt.user, *group)


def _attempts_since(since: datetime) -> Any:
	attempt = DocType("Payment Attempt")
	query = frappe.qb.from_(attempt).where(attempt.initiated_at >= since)
	return query.where(attempt.mode != "Manual")


def total(counts: dict[str, dict[str, int]]) -> dict[str, int]:
	return {status: sum(row[status] for row in counts.values()) for status in FINISHED}


def percent(row: dict[str, int], status: str) -> float | None:
	"""Return the percentage of one outcome, or None if too few payments ended."""
	ended = sum(row.values())
	return 100 * row[status] / ended if ended >= MIN_PAYMENTS else None


def pending_longer_than(hours: float) -> list[frappe._dict]:
	"""Return name and gateway of attempts that have been open for longer than this."""
	before = now_datetime() - timedelta(hours=hours)
	filters = {"status": ("in", OPEN), "initiated_at": ("<", before), "mode": ("!=", "Manual")}
	return frappe.get_all(
		"Payment Attempt", filters, ["name", "gateway"], order_by="initiated_at, name", limit=500
	)


# Money --------------------------------------------------------------------------------------------


def counted_modes() -> tuple[str, ...]:
	"""Return the modes that count as revenue. Once a gateway is Live, Test and Simulator do not."""
	live = frappe.db.exists("Payment Gateway Settings", {"enabled": 1, "mode": "Live"})
	return ("Live", "Manual") if live else ("Simulator", "Test", "Live", "Manual")


Sums = dict[tuple[str, str], Decimal]


def net_revenue(since: datetime, group_by: str | None = None) -> tuple[Sums, Sums]:
	"""Return the revenue since then after refunds, and before them. A refund counts on the day it was made."""
	gross, refunds = revenue(since, group_by), _refunded(since, group_by)
	net = {key: gross.get(key, Decimal(0)) - refunds.get(key, Decimal(0)) for key in {*gross, *refunds}}
	return net, gross


def revenue(since: datetime, group_by: str | None = None) -> Sums:
	"""Return the applied amounts since then by (group, currency). The group is `day`, `gateway` or nothing."""
	capture = DocType("Payment Capture")
	group = {"day": [Date(capture.captured_at)], "gateway": [capture.gateway], None: []}[group_by]
	query = _captures_since(since).select(capture.currency, Sum(capture.applied_amount), *group)
	rows = query.groupby(capture.currency, *group).run()
	return {("".join(map(str, group)), currency): Decimal(str(amount)) for currency, amount, *group in rows}


def _captures_since(since: datetime) -> Any:
	capture, attempt = DocType("Payment Capture"), DocType("Payment Attempt")
	query = frappe.qb.from_(capture).join(attempt).on(attempt.name == capture.attempt)
	query = query.where(capture.captured_at >= since).where(capture.applied_amount > 0)
	return query.where(attempt.mode.isin(counted_modes()))


def _refunded(since: datetime, group_by: str | None) -> Sums:
	"""Return what was refunded of applied amounts since then, grouped as in `revenue`."""
	done = {"status": "Refunded", "completed_at": (">=", since)}
	names = set(frappe.get_all("Payment Refund", done, pluck="capture"))
	sums: Sums = {}
	for capture in _counted_captures(names):
		total = Decimal(0)
		filters = {"capture": capture.name, "status": "Refunded"}
		rows = frappe.get_all(
			"Payment Refund", filters, ["amount", "completed_at"], order_by="completed_at, name"
		)
		for row in rows:
			before, total = total, total + to_decimal(row.amount)
			part = capture.refunded_of_applied(total) - capture.refunded_of_applied(before)
			if part and row.completed_at and get_datetime(row.completed_at) >= since:
				group = {"day": str(getdate(row.completed_at)), "gateway": capture.gateway, None: ""}[
					group_by
				]
				key = (group, capture.currency)
				sums[key] = sums.get(key, Decimal(0)) + part
	return sums


def _counted_captures(names: set[str]) -> list[PaymentCapture]:
	"""Return those of the captures that count as revenue."""
	if not names:
		return []
	captures = [frappe.get_doc("Payment Capture", name) for name in names]
	attempts = {"name": ("in", [capture.attempt for capture in captures]), "mode": ("in", counted_modes())}
	counted = set(frappe.get_all("Payment Attempt", attempts, pluck="name"))
	return [capture for capture in captures if capture.attempt in counted]


# Charts -------------------------------------------------------------------------------------------


def revenue_by_day(days: int, currency: str | None = None) -> dict:
	dates = [today() - timedelta(days=back) for back in reversed(range(days))]
	since = _days_ago(days - 1)
	labels = [str(day) for day in dates]
	chart = _in_one_currency(net_revenue(since, "day"), labels, currency or main_currency(since))
	return {**chart, "labels": [f"{day:%d %b}" for day in dates]}


def revenue_by_gateway(days: int, currency: str | None = None) -> dict:
	since = _days_ago(days)
	both, currency = net_revenue(since, "gateway"), currency or main_currency(since)
	chart = _in_one_currency(both, sorted({name for name, own in both[0] if own == currency}), currency)
	names = gateway_labels()
	return {**chart, "labels": [escape_html(names.get(code, code)) for code in chart["labels"]]}


def main_currency(since: datetime) -> str:
	"""Return the currency of most payments, or the site's currency if there are none."""
	currency = DocType("Payment Capture").currency
	query = _captures_since(since).select(currency).groupby(currency)
	query = query.orderby(Count("*"), order=Order.desc).orderby(currency).limit(1)
	rows = query.run(pluck=True)
	return rows[0] if rows else frappe.db.get_default("currency") or ""


def funnel(days: int, currency: str | None = None) -> dict:
	"""Return the payment funnel: each step is a subset of the one before it."""
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
	"""Return the failure reasons from gateways and banks, the most frequent first."""
	attempt = DocType("Payment Attempt")
	reason = Coalesce(NullIf(attempt.error_message, ""), NullIf(attempt.error_code, ""), "").as_("reason")
	query = _attempts_since(_days_ago(days)).select(reason, Count("*"))
	query = query.where(attempt.status.isin(("Failed", "Expired", "Cancelled"))).groupby(reason)
	rows = query.orderby(Count("*"), order=Order.desc).orderby(reason).limit(6).run()
	# The Desk's charts render labels as HTML, and these texts come from gateways.
	labels = [escape_html(_shortened(text)) or _("No reason") for text, _count in rows]
	values = [int(count) for _text, count in rows]
	return in_whole_numbers({"labels": labels, "datasets": [{"name": _("Payments"), "values": values}]})


def _shortened(text: str, length: int = 36) -> str:
	return text if len(text) <= length else text[: length - 1].rstrip() + "…"


def _in_one_currency(net_and_gross: tuple[Sums, Sums], labels: list[str], currency: str) -> dict:
	"""Return a chart of one currency, with its name, because amounts of different currencies cannot share an axis."""
	net, gross = ([float(rows.get((label, currency), 0)) for label in labels] for rows in net_and_gross)
	datasets = [
		{"name": currency, "values": net},
		{"name": _("{0} before refunds").format(currency), "values": gross},
	]
	chart = {"labels": labels, "datasets": datasets}
	highest = max(gross, default=0)
	mark = {"label": formatting.money(highest, currency), "value": highest, "options": {"labelPos": "left"}}
	return {**chart, "yMarkers": [mark]} if highest else chart


def in_whole_numbers(chart: dict, stacked: bool = False) -> dict:
	"""Return a chart of counts. A marker above the values keeps the Desk from dividing an axis that ends at 1, 2 or 10 into fractions."""
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
	"""Return the display names by gateway code, those of manual payments and credit included."""
	rows = frappe.get_all("Payment Gateway Settings", fields=["gateway", "label"])
	return {
		"manual": _("Bank transfer or cash"),
		"credit": _("Credit"),
		**{row.gateway: row.label for row in rows},
	}


def gateway_code(label: str | None) -> str | None:
	"""Return the code of a gateway by its display name. A code is returned unchanged."""
	return next((code for code, name in gateway_labels().items() if name == label), label)
