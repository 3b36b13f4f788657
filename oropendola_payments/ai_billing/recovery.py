"""Figures about payment reminders: which were followed by a payment."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from itertools import groupby
from statistics import median

import frappe
from frappe.query_builder import DocType
from frappe.utils import get_datetime

from oropendola_payments.ai_billing.daily import stored
from oropendola_payments.ai_billing.daily.live import COUNTED_FOR
from oropendola_payments.ai_billing.daily.types import RECOVERED
from oropendola_payments.ai_billing.doctype.ai_invoice.ai_invoice import SETTLED
from oropendola_payments.money import to_decimal


@dataclass(frozen=True)
class Sent:
	"""One reminder that was sent, and what the invoice paid after it and before the next one."""

	cause: str
	step: int
	gateway: str
	currency: str
	paid: Decimal | None
	hours: float | None


def sent_between(since: datetime, until: datetime) -> list[Sent]:
	"""Return the reminders sent in this time. A payment belongs to the last reminder before it."""
	rows = _rows(since, until)
	return [
		sent
		for _invoice, own in groupby(rows, key=lambda row: row.invoice)
		for sent in _attributed(list(own))
	]


def recovered_since(since: date) -> dict[tuple[str, str], Decimal]:
	"""Return what was paid on or after this day within 30 days of a reminder, by ("", currency)."""
	sums: dict[tuple[str, str], Decimal] = {}
	for own in stored.figures(since, parts=(RECOVERED,)):
		if own.recovered:
			key = ("", own.group.currency)
			sums[key] = sums.get(key, Decimal(0)) + own.recovered
	return sums


def median_hours(reminders: Iterable[Sent]) -> float | None:
	hours = [sent.hours for sent in reminders if sent.hours is not None]
	return round(median(hours), 1) if hours else None


def _rows(since: datetime, until: datetime) -> list[frappe._dict]:
	reminder, invoice = DocType("AI Payment Reminder"), DocType("AI Invoice")
	query = frappe.qb.from_(reminder).join(invoice).on(invoice.name == reminder.invoice)
	query = query.select(
		reminder.invoice, reminder.failure_class, reminder.step, reminder.suggested_gateway, reminder.sent_on
	)
	query = query.select(invoice.status, invoice.currency, invoice.paid_date, invoice.amount_paid)
	query = (
		query.where(reminder.status == "Sent")
		.where(reminder.sent_on >= since)
		.where(reminder.sent_on < until)
	)
	return query.orderby(reminder.invoice).orderby(reminder.sent_on).run(as_dict=True)


def _attributed(rows: list[frappe._dict]) -> list[Sent]:
	paid_on = get_datetime(rows[0].paid_date) if rows[0].status in SETTLED and rows[0].paid_date else None
	before = [
		row
		for row in rows
		if paid_on and get_datetime(row.sent_on) <= paid_on <= get_datetime(row.sent_on) + COUNTED_FOR
	]
	answered = before[-1] if before else None
	return [_sent(row, paid_on if row is answered else None) for row in rows]


def _sent(row: frappe._dict, paid_on: datetime | None) -> Sent:
	hours = (paid_on - get_datetime(row.sent_on)).total_seconds() / 3600 if paid_on else None
	paid = to_decimal(row.amount_paid) if paid_on else None
	return Sent(row.failure_class, row.step, row.suggested_gateway or "", row.currency, paid, hours)
