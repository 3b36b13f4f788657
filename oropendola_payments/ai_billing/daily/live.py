"""Count the figures of days from the records. Each statement finds its rows by an index of the time that decides the day."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import frappe
from frappe.utils import get_datetime, getdate

from oropendola_payments.ai_billing.daily import taken_back
from oropendola_payments.ai_billing.daily.types import (
	ATTEMPTS,
	EVERYTHING,
	MONEY,
	NOT_PAID,
	RECOVERED,
	Figures,
	Group,
)
from oropendola_payments.ai_billing.doctype.ai_invoice.ai_invoice import SETTLED
from oropendola_payments.money import to_decimal

# A payment later than this is not counted as an answer to a reminder.
COUNTED_FOR = timedelta(days=30)

OF_ATTEMPTS = """
	SELECT DATE(initiated_at), gateway, currency, mode, status, CASE WHEN status IN %(not_paid)s
		THEN COALESCE(NULLIF(error_message, ''), NULLIF(error_code, ''), '') ELSE '' END, COUNT(*)
	FROM `tabPayment Attempt` WHERE initiated_at >= %(first)s AND initiated_at < %(end)s GROUP BY 1, 2, 3, 4, 5, 6"""
# Credit comes from an earlier payment, which was taken then.
OF_CAPTURES = """
	SELECT DATE(c.captured_at), c.gateway, c.currency, a.mode, SUM(CASE WHEN c.applied_amount > 0 THEN 1 ELSE 0 END),
		SUM(c.applied_amount), SUM(CASE WHEN c.gateway <> 'credit' THEN c.amount ELSE 0 END)
	FROM `tabPayment Capture` c JOIN `tabPayment Attempt` a ON a.name = c.attempt
	WHERE c.captured_at >= %(first)s AND c.captured_at < %(end)s GROUP BY 1, 2, 3, 4"""
OF_REFUNDS = """
	SELECT DATE(r.completed_at), r.gateway, r.currency, a.mode, SUM(r.amount)
	FROM `tabPayment Refund` r JOIN `tabPayment Attempt` a ON a.name = r.attempt
	WHERE r.completed_at >= %(first)s AND r.completed_at < %(end)s AND r.status = 'Refunded' GROUP BY 1, 2, 3, 4"""
OF_RECOVERED = """
	SELECT i.paid_date, i.currency, i.amount_paid, MAX(r.sent_on)
	FROM `tabAI Invoice` i JOIN `tabAI Payment Reminder` r ON r.invoice = i.name
	WHERE i.paid_date >= %(first)s AND i.paid_date < %(end)s AND i.status IN %(settled)s AND r.status = 'Sent'
		AND r.sent_on <= i.paid_date
	GROUP BY i.name, i.paid_date, i.currency, i.amount_paid"""


class _Counts(dict[Group, Figures]):
	def of(self, day: object, gateway: str | None, currency: str | None, mode: str | None) -> Figures:
		group = Group(getdate(day), gateway or "", currency or "", mode or "")
		return self.setdefault(group, Figures(group))


def count(first: date, last: date, parts: tuple[str, ...] = EVERYTHING) -> list[Figures]:
	"""Return the figures of all groups from the first day to the last, both included. Only `parts` of them are counted."""
	counts = _Counts()
	period = {"first": first, "end": last + timedelta(days=1) if last < date.max else last}
	if ATTEMPTS in parts:
		_add_attempts(counts, period)
	if MONEY in parts:
		_add_captures(counts, period)
		_add_refunds(counts, period)
		_add_taken_back(counts, period)
	if RECOVERED in parts:
		_add_recovered(counts, period)
	return [counts[group] for group in sorted(counts)]


def _add_attempts(counts: _Counts, period: dict) -> None:
	for *group, status, reason, number in frappe.db.sql(OF_ATTEMPTS, {**period, "not_paid": NOT_PAID}):
		figures = counts.of(*group)
		figures.attempts[status] += int(number)
		if status in NOT_PAID:
			figures.reasons[reason] = figures.reasons.get(reason, 0) + int(number)


def _add_captures(counts: _Counts, period: dict) -> None:
	for *group, number, applied, taken in frappe.db.sql(OF_CAPTURES, period):
		figures = counts.of(*group)
		figures.captures, figures.applied, figures.taken = int(number), _decimal(applied), _decimal(taken)


def _add_refunds(counts: _Counts, period: dict) -> None:
	for *group, refunded in frappe.db.sql(OF_REFUNDS, period):
		counts.of(*group).refunded = _decimal(refunded)


def _add_taken_back(counts: _Counts, period: dict) -> None:
	for moment, capture, refund, amount in taken_back.between(period):
		figures = counts.of(moment, capture.gateway, capture.currency, capture.mode)
		if refund:
			figures.refunded_of_applied += amount
		else:
			figures.credited += amount


def _add_recovered(counts: _Counts, period: dict) -> None:
	for paid_on, currency, amount, sent_on in frappe.db.sql(OF_RECOVERED, {**period, "settled": SETTLED}):
		if get_datetime(paid_on) <= get_datetime(sent_on) + COUNTED_FOR:
			counts.of(paid_on, None, currency, None).recovered += _decimal(amount)


def _decimal(value: Any) -> Decimal:
	return to_decimal(value or 0)
