"""Figures for alerts, number cards, charts and reports."""

from collections import Counter
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import frappe
from frappe import _
from frappe.query_builder import Case, DocType
from frappe.query_builder.functions import Count, Max
from frappe.utils import escape_html, now_datetime

from oropendola_payments.ai_billing import formatting
from oropendola_payments.ai_billing.daily import stored
from oropendola_payments.ai_billing.daily.types import ATTEMPTS, MONEY, Figures
from oropendola_payments.ai_billing.doctype.payment_attempt.payment_attempt import OPEN
from oropendola_payments.ai_billing.periods import today

FINISHED = ("Paid", "Failed", "Expired", "Cancelled")
# With fewer payments, or customers, a rate means nothing.
MIN_PAYMENTS = 10
MOST_REASONS = 6


def outcomes(since: date) -> dict[str, int]:
	"""Return the number of attempts begun on or after this day by final status. Manual payments are left out."""
	found = _online(since)
	return {status: sum(own.attempts[status] for own in found) for status in FINISHED}


def _online(since: date, with_reasons: bool = False) -> list[Figures]:
	found = stored.figures(since, parts=(ATTEMPTS,), with_reasons=with_reasons)
	return [own for own in found if own.group.mode != "Manual"]


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


def net_revenue(since: date, group_by: str | None = None) -> tuple[Sums, Sums]:
	"""Return the revenue since that day after refunds, and before them, by (group, currency). A refund counts on the day it was made.

	What was kept as credit counts no more from that day, and again on the day it is spent.

	The group is `day`, `gateway` or nothing.
	"""
	return sums_of(revenue(since), group_by)


def sums_of(found: Iterable[Figures], group_by: str | None = None) -> tuple[Sums, Sums]:
	"""As `net_revenue`, of figures that were read already."""
	net: Sums = {}
	gross: Sums = {}
	for own in found:
		key = (str(getattr(own.group, group_by)) if group_by else "", own.group.currency)
		if own.captures:
			gross[key] = gross.get(key, Decimal(0)) + own.applied
		taken_back = own.refunded_of_applied + own.credited
		if own.captures or taken_back:
			net[key] = net.get(key, Decimal(0)) + own.applied - taken_back
	return net, gross


def revenue(since: date) -> list[Figures]:
	"""Return the figures since that day of the modes that count."""
	modes = counted_modes()
	return [own for own in stored.figures(since, parts=(MONEY,)) if own.group.mode in modes]


# Charts -------------------------------------------------------------------------------------------


def revenue_by_day(days: int, currency: str | None = None) -> dict:
	dates = [today() - timedelta(days=back) for back in reversed(range(days))]
	found = revenue(dates[0])
	labels = [str(day) for day in dates]
	chart = _in_one_currency(sums_of(found, "day"), labels, currency or main_currency(found))
	return {**chart, "labels": [f"{day:%d %b}" for day in dates]}


def revenue_by_gateway(days: int, currency: str | None = None) -> dict:
	found = revenue(_days_ago(days))
	both, currency = sums_of(found, "gateway"), currency or main_currency(found)
	chart = _in_one_currency(both, sorted({name for name, own in both[0] if own == currency}), currency)
	names = gateway_labels()
	return {**chart, "labels": [escape_html(names.get(code, code)) for code in chart["labels"]]}


def main_currency(found: Iterable[Figures]) -> str:
	"""Return the currency of most payments, or the site's currency if there are none."""
	counts = _payments_by_currency(found)
	most = next(iter(_by_count(counts)), "")
	return most if counts[most] else frappe.db.get_default("currency") or ""


def currencies(found: Iterable[Figures]) -> list[str]:
	"""Return the currencies, the one of most payments first."""
	return _by_count(_payments_by_currency(found))


def _payments_by_currency(found: Iterable[Figures]) -> Counter[str]:
	counts: Counter[str] = Counter()
	for own in found:
		counts[own.group.currency] += own.captures
	return counts


def _by_count(counts: Counter[str]) -> list[str]:
	return sorted(counts, key=lambda name: (-counts[name], name))


def funnel(days: int, currency: str | None = None) -> dict:
	"""Return the payment funnel: each step is a subset of the one before it."""
	counts: Counter[str] = Counter()
	for own in _online(_days_ago(days)):
		counts.update(own.attempts)
	begun = sum(counts.values())
	steps = {
		_("Started"): begun,
		_("Sent"): begun - counts["Created"],
		_("Ended"): counts["Paid"] + counts["Authorized"] + counts["Failed"],
		_("Paid"): counts["Paid"],
	}
	return in_whole_numbers(
		{"labels": list(steps), "datasets": [{"name": _("Payments"), "values": list(steps.values())}]}
	)


def failure_reasons(days: int, currency: str | None = None) -> dict:
	"""Return the failure reasons from gateways and banks, the most frequent first."""
	counts: Counter[str] = Counter()
	texts: dict[str, str] = {}
	for own in _online(_days_ago(days), with_reasons=True):
		for text, number in own.reasons.items():
			counts[text.casefold()] += number
			texts.setdefault(text.casefold(), text)
	most = sorted(counts, key=lambda text: (-counts[text], text))[:MOST_REASONS]
	# The Desk's charts render labels as HTML, and these texts come from gateways.
	labels = [escape_html(_shortened(texts[text])) or _("No reason") for text in most]
	values = [counts[text] for text in most]
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
	if not highest:
		return chart  # a new site may have no currency yet
	mark = {"label": formatting.money(highest, currency), "value": highest, "options": {"labelPos": "left"}}
	return {**chart, "yMarkers": [mark]}


def in_whole_numbers(chart: dict, stacked: bool = False) -> dict:
	"""Return a chart of counts. A marker above the values keeps the Desk from dividing an axis that ends at 1, 2 or 10 into fractions."""
	lists = [dataset["values"] for dataset in chart["datasets"]]
	highest = max(
		map(sum, zip(*lists, strict=True)) if stacked else [max(values, default=0) for values in lists],
		default=0,
	)
	mark = {1: 4, 2: 4, 10: 12}.get(highest)
	return {**chart, "yMarkers": [{"label": "", "value": mark}]} if mark else chart


def _days_ago(days: int) -> date:
	return today() - timedelta(days=days)


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
