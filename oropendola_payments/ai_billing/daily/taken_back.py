"""When something of what had paid an invoice was taken back: refunded, or kept as credit of the customer.

Credit that is spent pays another invoice and counts there. So it counts no more where it came from, from the day it was kept.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from decimal import Decimal
from operator import itemgetter

import frappe
from frappe.utils import get_datetime

from oropendola_payments.ai_billing.doctype.payment_capture.payment_capture import (
	refunded_of_applied,
	taken_back,
)
from oropendola_payments.money import to_decimal

BATCH = 500
# When, the refund or None for what was kept as credit, and how much.
Step = tuple[datetime, str | None, Decimal]

OF_CAPTURES = """
	SELECT c.name, c.gateway, c.currency, a.mode, c.amount, c.applied_amount, c.credit_used, c.resolution, c.surplus, c.credited_on
	FROM (SELECT capture AS name FROM `tabPayment Refund`
			WHERE completed_at >= %(first)s AND completed_at < %(end)s AND status = 'Refunded'
		UNION SELECT name FROM `tabPayment Capture` WHERE credited_on >= %(first)s AND credited_on < %(end)s) changed
	JOIN `tabPayment Capture` c ON c.name = changed.name JOIN `tabPayment Attempt` a ON a.name = c.attempt"""
OF_REFUNDS = """
	SELECT capture, completed_at, name, amount FROM `tabPayment Refund` WHERE capture IN %(captures)s AND status = 'Refunded'
	ORDER BY capture, completed_at, name"""


def between(period: dict) -> Iterator[tuple[datetime, frappe._dict, str | None, Decimal]]:
	"""Yield each step of this period: when, of which capture, by which refund (None: it was kept as credit), and how much."""
	first, end = get_datetime(period["first"]), get_datetime(period["end"])
	captures = frappe.db.sql(OF_CAPTURES, period, as_dict=True)
	refunds = _refunds(capture.name for capture in captures)
	for capture in captures:
		for moment, refund, amount in _steps(capture, refunds.get(capture.name, [])):
			if amount and first <= moment < end:
				yield moment, capture, refund, amount


def _refunds(captures: Iterable[str]) -> dict[str, list[Step]]:
	found: dict[str, list[Step]] = {}
	names = sorted(captures)
	for start in range(0, len(names), BATCH):
		batch = {"captures": tuple(names[start : start + BATCH])}
		for capture, moment, name, amount in frappe.db.sql(OF_REFUNDS, batch):
			found.setdefault(capture, []).append((get_datetime(moment), name, to_decimal(amount)))
	return found


def _steps(capture: frappe._dict, refunds: list[Step]) -> Iterator[Step]:
	"""Yield what each refund, and the keeping as credit, took back. What was kept is not taken back again when it is refunded."""
	steps = list(refunds)
	if capture.credited_on and capture.resolution == "Credit":
		steps.append((get_datetime(capture.credited_on), None, Decimal(0)))
	is_kept, refunded, before = False, Decimal(0), Decimal(0)
	for moment, refund, amount in sorted(steps, key=itemgetter(0)):
		is_kept, refunded = is_kept or not refund, refunded + amount
		total = taken_back(capture, refunded) if is_kept else refunded_of_applied(capture, refunded)
		yield moment, refund, total - before
		before = total
