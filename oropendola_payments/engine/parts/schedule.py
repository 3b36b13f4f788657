"""The schedule of an invoice: rows with amounts and due dates, made from an instalment plan when the customer chooses it."""

from datetime import date, timedelta
from decimal import Decimal
from itertools import accumulate
from typing import Any

import frappe
from frappe.utils import cint, getdate

from oropendola_payments.ai_billing import records
from oropendola_payments.ai_billing.doctype.ai_instalment_plan.ai_instalment_plan import AIInstalmentPlan
from oropendola_payments.ai_billing.doctype.ai_invoice.ai_invoice import AIInvoice
from oropendola_payments.ai_billing.doctype.ai_invoice_part.ai_invoice_part import AIInvoicePart
from oropendola_payments.ai_billing.periods import add_interval, today
from oropendola_payments.engine.parts import arithmetic
from oropendola_payments.money import from_minor, to_decimal, to_minor

CHILD = {"parenttype": "AI Invoice", "parentfield": "parts"}
# A part is due this many days before the days that it buys begin, so that service does not stop in between.
AHEAD_DAYS = 3


def rows_of(invoice: str) -> list[AIInvoicePart]:
	"""Return the parts of an invoice in their order."""
	names = frappe.get_all("AI Invoice Part", {"parent": invoice, **CHILD}, ["*"], order_by="idx")
	return [frappe.get_doc({"doctype": "AI Invoice Part", **row}) for row in names]


def next_part(invoice: str) -> AIInvoicePart | None:
	"""Return the first part that is not paid in full."""
	return next((row for row in rows_of(invoice) if row.left()), None)


def amounts(invoice: AIInvoice, plan: AIInstalmentPlan) -> list[int]:
	"""Return the parts of the invoice's total in minor units."""
	total = to_minor(invoice.total(), invoice.currency)
	down = arithmetic.share_of(total, int(to_decimal(plan.down_percent or 0) * 1_000_000))
	return arithmetic.split(total, down, cint(plan.parts))


def preview(invoice: AIInvoice, plan: AIInstalmentPlan, start: date, days: int) -> list[dict]:
	"""Return the parts as they would be written now. `days` is the length of the period that would begin on `start`."""
	parts = amounts(invoice, plan)
	taxes = arithmetic.tax_shares(parts, to_minor(invoice.tax_amount or 0, invoice.currency), sum(parts))
	covers = arithmetic.days_of_parts(parts, days) if plan.service == "Covered Days" else [0] * len(parts)
	agreed = [_agreed(plan, number) for number in range(len(parts))]
	return [
		{
			"amount": from_minor(parts[n], invoice.currency),
			"tax_share": from_minor(taxes[n], invoice.currency),
			"covers_days": covers[n],
			"agreed_on": agreed[n],
			"due_on": due_date(agreed[n], _begins(start, covers, n)) or getdate(invoice.due_date or today()),
		}
		for n in range(len(parts))
	]


def write(invoice: AIInvoice, parts: list[dict]) -> None:
	"""Replace the schedule of an invoice whose lock the caller holds."""
	clear(invoice)
	for number, part in enumerate(parts, start=1):
		row = records.new("AI Invoice Part")
		row.update({**CHILD, "parent": invoice.name, "idx": number, "user": invoice.user})
		row.update({"currency": invoice.currency, "paid_amount": 0, **part})
		row.add()


def clear(invoice: AIInvoice) -> None:
	frappe.db.delete("AI Invoice Part", {"parent": invoice.name, **CHILD})


def sync(invoice: AIInvoice, capture: str | None = None) -> None:
	"""Divide what counts as paid among the parts, and move the due dates of the others. The caller holds the invoice's lock.

	`capture` is the payment that has just been added.
	"""
	rows = rows_of(invoice.name)
	parts = [to_minor(row.total(), invoice.currency) for row in rows]
	paid = arithmetic.paid_of_parts(parts, to_minor(invoice.counted(), invoice.currency))
	covers = _days_of(invoice, rows, parts)
	for number, (row, amount, part) in enumerate(zip(rows, paid, parts, strict=True)):
		values = {"paid_amount": from_minor(amount, invoice.currency), "covers_days": covers[number]}
		if amount < part:
			due_on = _moved_due_date(invoice, row, sum(covers[:number]))
			values |= {"paid_on": None, "capture": None, "due_on": due_on}
		elif not row.paid_on:
			values |= {"paid_on": today(), "capture": capture}
			invoice.record("part_paid", invoice, part=row.idx, amount=row.amount, currency=invoice.currency)
		_write_changed(row, values)


def _write_changed(row: AIInvoicePart, values: dict) -> None:
	changed = {name: value for name, value in values.items() if not _is_same(row.get(name), value)}
	if changed:
		row.write(**changed)


def _is_same(old: Any, new: Any) -> bool:
	is_number = isinstance(new, Decimal | int)
	return to_decimal(old or 0) == new if is_number else str(old or "") == str(new or "")


def _days_of(invoice: AIInvoice, rows: list[AIInvoicePart], parts: list[int]) -> list[int]:
	"""Return the days that each part buys: as planned, until the length of the period is known."""
	days = cint(invoice.period_days)
	return arithmetic.days_of_parts(parts, days) if days else [cint(row.covers_days) for row in rows]


def _moved_due_date(invoice: AIInvoice, row: AIInvoicePart, days_before: int) -> date:
	"""Return when a part is due now: on the agreed date, or before its days begin, which a late payment moves."""
	begins = None
	if row.idx > 1 and invoice.covered_days:
		ahead = max(0, days_before - cint(invoice.covered_days))
		begins = getdate(invoice.period_end) + timedelta(days=ahead)
	return due_date(getdate(row.agreed_on) if row.agreed_on else None, begins) or getdate(row.due_on)


def due_date(agreed: date | None, begins: date | None) -> date | None:
	"""Return the earlier of the agreed date and the date before the days of a part begin, which is today at the earliest."""
	needed = begins and max(today(), begins - timedelta(days=AHEAD_DAYS))
	return min((day for day in (agreed, needed) if day), default=None)


def _agreed(plan: AIInstalmentPlan, number: int) -> date | None:
	if not number:
		return None  # due with the invoice
	every = cint(plan.every)
	return add_interval(today(), plan.unit, every * number) if every else None


def _begins(start: date, covers: list[int], number: int) -> date | None:
	"""Return the first day that a part buys; the first part is due with the invoice."""
	if not number or not any(covers):
		return None
	return start + timedelta(days=[0, *accumulate(covers)][number])
