"""Monthly recurring revenue (MRR) over time: what customers pay for a month, by the periods of their paid invoices.

An invoice counts from the first day of its period to the last, with its price before tax, as it was sold. A year counts as
twelve months, a day as a 365th of them. A customer's MRR of a month is what counts on its last day; of this month, today.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal

import frappe
from frappe.query_builder import DocType
from frappe.utils import getdate

from oropendola_payments.ai_billing.analytics import counted_modes
from oropendola_payments.ai_billing.periods import add_interval, today
from oropendola_payments.money import quantize, to_decimal

# Of each interval, how many go into a month, as a fraction.
MONTHS = {"Day": (365, 12), "Month": (1, 1), "Year": (1, 12)}
CUSTOMERS_AT_ONCE, INVOICES_AT_ONCE = 100, 1000
KINDS = ("new", "reactivation", "expansion", "contraction", "churn")
# A refunded invoice counts until its subscription ended. What was refunded before it began never counts.
COUNTED = ("Paid", "Partly Refunded", "Refunded", "Partly Paid", "Processing", "Closed")


@dataclass(frozen=True)
class Span:
	"""What one invoice contributes to the MRR of its customer, from `start` to the day before `end`."""

	user: str
	currency: str
	start: date
	end: date
	monthly: Decimal


@dataclass
class Movement:
	"""How the MRR of one currency moved in a month. Contraction and churn are negative, so all of them add up to `closing`."""

	month: date
	currency: str
	opening: Decimal = Decimal(0)
	closing: Decimal = Decimal(0)
	customers: int = 0
	moved: dict[str, Decimal] = field(default_factory=lambda: dict.fromkeys(KINDS, Decimal(0)))


def movements(
	first: date, last: date, currency: str | None = None, user: str | None = None
) -> list[Movement]:
	"""Return one row for each month from `first` to `last` and each currency, the earliest month first."""
	months = list(_months(first, min(last, today())))
	rows: dict[tuple[date, str], Movement] = {}
	currencies: set[str] = set()
	for found in _spans_in_batches(currency, user):
		for (_user, code), own in _by_customer(found).items():
			currencies.add(code)
			for month in _touched(months, own):
				_add_customer(rows.setdefault((month, code), Movement(month, code)), own)
	return [
		rows.get((month, code)) or Movement(month, code) for month in months for code in sorted(currencies)
	]


def _touched(months: list[date], own: list[Span]) -> list[date]:
	"""Return the months in which the customer's MRR may have moved: from that of the first span to that in which the last one ends."""
	if not months:
		return []
	first = _number(min(span.start for span in own)) - _number(months[0])
	last = _number(max(span.end for span in own)) - _number(months[0])
	return months[max(0, first) : max(0, last + 1)]


def _number(day: date) -> int:
	return day.year * 12 + day.month


def _last_day(month: date) -> date:
	"""Return the day whose MRR is that of the month: of this month, today."""
	return min(add_interval(month, "Month", 1) - timedelta(days=1), today())


def _months(first: date, last: date) -> Iterator[date]:
	month = first.replace(day=1)
	while month <= last:
		yield month
		month = add_interval(month, "Month", 1)


def _by_customer(found: list[Span]) -> dict[tuple[str, str], list[Span]]:
	customers: dict[tuple[str, str], list[Span]] = {}
	for span in found:
		customers.setdefault((span.user, span.currency), []).append(span)
	return customers


def _add_customer(row: Movement, own: list[Span]) -> None:
	before, after = _on(own, row.month - timedelta(days=1)), _on(own, _last_day(row.month))
	row.opening += before
	row.closing += after
	row.customers += bool(after)
	if before != after:
		row.moved[_kind(before, after, own, row.month)] += after - before


def _on(own: list[Span], day: date) -> Decimal:
	return sum((span.monthly for span in own if span.start <= day < span.end), Decimal(0))


def _kind(before: Decimal, after: Decimal, own: list[Span], month: date) -> str:
	if not before:
		return "reactivation" if any(span.start < month for span in own) else "new"
	if not after:
		return "churn"
	return "expansion" if after > before else "contraction"


# Invoices -----------------------------------------------------------------------------------------


def _spans_in_batches(currency: str | None, user: str | None) -> Iterator[list[Span]]:
	"""Yield what counts, from all paid invoices, for some customers at a time: a large site has more than fits into memory.

	Test and Simulator payments count only while no gateway is Live.
	"""
	modes = counted_modes()
	for users in [[user]] if user else _users_in_batches():
		invoices = _invoices(currency, users)
		names = [row.name for row in invoices]
		paid, changes = _paid_for_real(names, modes), _changes(names)
		yield [
			span for row in invoices if row.name in paid for span in _spans(row, changes.get(row.name, []))
		]


def _users_in_batches() -> Iterator[list[str]]:
	invoice, last = DocType("AI Invoice"), ""
	while True:
		query = frappe.qb.from_(invoice).select(invoice.user).distinct().where(invoice.user > last)
		users = query.orderby(invoice.user).limit(CUSTOMERS_AT_ONCE).run(pluck=True)
		if users:
			yield users
		if len(users) < CUSTOMERS_AT_ONCE:
			return
		last = users[-1]


def _invoices(currency: str | None, users: list[str]) -> list[frappe._dict]:
	invoice, subscription = DocType("AI Invoice"), DocType("AI Subscription")
	query = frappe.qb.from_(invoice).join(subscription).on(subscription.name == invoice.subscription)
	query = query.select(invoice.name, invoice.user, invoice.currency, invoice.net_amount, invoice.status)
	query = query.select(invoice.purpose, invoice.billing_interval, invoice.interval_count)
	query = query.select(invoice.period_start, invoice.period_end, subscription.ended_on)
	query = query.select(subscription.status.as_("subscription_status"), subscription.end_date)
	query = query.where(invoice.user.isin(users))
	query = query.where(invoice.status.isin(COUNTED)).where(invoice.net_amount > 0)
	query = query.where(invoice.period_end.isnotnull())
	query = query.where(invoice.billing_interval.isin(tuple(MONTHS)))
	if currency:
		query = query.where(invoice.currency == currency)
	return query.run(as_dict=True)


def _paid_for_real(invoices: list[str], modes: tuple[str, ...]) -> set[str]:
	"""Return those of the invoices with a payment in a mode that counts as revenue."""
	capture, attempt = DocType("Payment Capture"), DocType("Payment Attempt")
	found: set[str] = set()
	# With too many names, MariaDB reads the whole table instead of the index.
	for first in range(0, len(invoices), INVOICES_AT_ONCE):
		names = invoices[first : first + INVOICES_AT_ONCE]
		query = frappe.qb.from_(capture).join(attempt).on(attempt.name == capture.attempt)
		query = query.select(capture.invoice).where(capture.invoice.isin(names))
		query = query.where(capture.applied_amount > 0).where(attempt.mode.isin(modes))
		found.update(query.run(pluck=True))
	return found


def _changes(invoices: list[str]) -> dict[str, list[frappe._dict]]:
	"""Return, by invoice, what applied changes of plan made of the price of its period, the earliest first."""
	if not invoices:
		return {}
	change, line = DocType("AI Plan Change"), DocType("AI Plan Change Line")
	query = frappe.qb.from_(line).join(change).on(change.name == line.parent)
	query = query.select(line.period_invoice, line.plan_after, line.full_after, change.applied_on)
	query = query.where(line.period_invoice.isin(invoices))
	query = query.where(change.status == "Applied").orderby(change.applied_on).orderby(line.idx)
	found: dict[str, list[frappe._dict]] = {}
	for row in query.run(as_dict=True):
		found.setdefault(row.period_invoice, []).append(row)
	return found


def _spans(row: frappe._dict, changes: list[frappe._dict]) -> Iterator[Span]:
	"""Yield one span for each price that the period had. An Upgrade has none of its own, unless it started a period."""
	start, end = getdate(row.period_start), getdate(row.period_end)
	if row.ended_on:
		end = min(end, getdate(row.ended_on))
	if row.status == "Refunded" and row.subscription_status != "Cancelled":
		return  # a period that was taken back before it began
	price = Decimal(0) if row.purpose == "Upgrade" else to_decimal(row.net_amount)
	for change in changes:
		day = min(end, max(start, getdate(change.applied_on)))
		yield from _one_span(row, start, day, price)
		start, price = day, to_decimal(change.full_after or 0) if change.plan_after else Decimal(0)
	yield from _one_span(row, start, end, price)


def _one_span(row: frappe._dict, start: date, end: date, price: Decimal) -> Iterator[Span]:
	if price and start < end:
		yield Span(row.user, row.currency, start, end, monthly(price, row))


def monthly(price: Decimal | float, row: frappe._dict) -> Decimal:
	"""Return the price of an interval as that of a month, rounded to the currency's smallest unit."""
	times, parts = MONTHS[row.billing_interval]
	exact = to_decimal(price) * times / (parts * max(1, int(row.interval_count or 1)))
	return quantize(exact, row.currency)
