"""What differs between a payout and our records, one record at a time: the only place that says when a difference exists."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import frappe
from frappe.query_builder import DocType
from frappe.query_builder.functions import Sum
from frappe.utils import get_datetime

from oropendola_payments.ai_billing.doctype.payment_capture.payment_capture import CONTESTED
from oropendola_payments.engine.payouts.settings import payout_settings
from oropendola_payments.engine.settlement.disputes import state_in_messages
from oropendola_payments.money import Amount, to_decimal

LINE = "Payment Payout Line"
PAYOUT_FIELDS = ["status", "amount", "shortfall", "gateway_payout_id"]
CAPTURE_FIELDS = ["amount", "gateway_payment_id", "captured_at"]
REFUND_FIELDS = ["amount", "status", "gateway_refund_id", "completed_at", "capture"]
LINE_FIELDS = [
	*("kind", "payout", "amount", "capture", "is_linked", "fee_stated"),
	*("payment_id", "reference", "refund_id", "refund_key", "gateway_row"),
]
# Refunds in these states may or may not have left the account.
UNDECIDED = ("Created", "Processing", "Unknown")


@dataclass(frozen=True)
class Finding:
	"""A difference. `found` minus `expected` is what is wrong."""

	gateway: str
	subject: str | None
	currency: str | None
	expected: Decimal
	found: Decimal
	records: dict[str, str | None]

	def columns(self) -> dict[str, Any]:
		amounts = {"expected": self.expected, "found": self.found, "difference": self.found - self.expected}
		return {
			"gateway": self.gateway,
			"subject": self.subject,
			"currency": self.currency,
			**amounts,
			**self.records,
		}


def find(kind: str, record: str) -> Finding | None:
	"""Return the difference of this kind that the record has now, or None."""
	return FINDERS[kind](record)


def _does_not_add_up(name: str) -> Finding | None:
	payout = _row("Payment Payout", name, PAYOUT_FIELDS)
	if not payout or payout.status == "Balanced":
		return None
	amount, shortfall = decimal(payout.amount), decimal(payout.shortfall)
	return _finding(payout, payout.gateway_payout_id, amount, amount - shortfall, payout=name)


def _unknown(name: str) -> Finding | None:
	line = _line(name)
	if not line or line.is_linked:
		return None
	subject = line.refund_id or line.refund_key if line.kind == "Refund" else line.payment_id
	found = decimal(line.amount)
	return _finding(line, subject or line.gateway_row, Decimal(0), found, payout=line.payout, line=name)


def _fee_missing(name: str) -> Finding | None:
	line = _line(name)
	if not line or line.kind != "Capture" or line.fee_stated:
		return None
	settings = payout_settings(line.gateway)
	if not settings or not settings.has_fees:
		return None
	records = {"payout": line.payout, "line": name, "capture": line.capture}
	return _finding(line, line.payment_id or line.reference, Decimal(0), Decimal(0), **records)


def _other_amount(name: str) -> Finding | None:
	"""A capture whose lines do not add up to what we recorded, or are in another currency."""
	capture = _row("Payment Capture", name, CAPTURE_FIELDS)
	if not capture:
		return None
	sums = _sums("capture", name, "Capture")
	if not sums or sums == {capture.currency: decimal(capture.amount)}:
		return None
	found = sums.get(capture.currency, Decimal(0))
	records = {"capture": name, "payout": _last_payout("capture", name)}
	return _finding(capture, capture.gateway_payment_id, decimal(capture.amount), found, **records)


def _other_refund(name: str) -> Finding | None:
	"""A refund whose lines do not add up to what we recorded. One that failed must have come back."""
	refund = _row("Payment Refund", name, REFUND_FIELDS)
	if not refund:
		return None
	sums = _sums("refund", name, "Refund")
	amount = decimal(refund.amount)
	expected = Decimal(0) if refund.status == "Failed" else -amount
	allowed = [{refund.currency: expected}]
	if refund.status in UNDECIDED:
		allowed.append({refund.currency: Decimal(0)})
	if not sums or sums in allowed:
		return None
	records = {"refund": name, "capture": refund.capture, "payout": _last_payout("refund", name)}
	found = sums.get(refund.currency, Decimal(0))
	return _finding(refund, refund.gateway_refund_id or name, expected, found, **records)


def _dispute_not_recorded(name: str) -> Finding | None:
	"""A capture that the payouts took back although no message said so, or gave back although it counts as disputed."""
	capture = _row("Payment Capture", name, [*CAPTURE_FIELDS, "disputes", "modified"])
	sums = _sums("capture", name, "Dispute")
	if not capture or not sums:
		return None
	found, state = _taken_back(capture, sums), state_in_messages(capture.disputes)
	if (state in CONTESTED) == (found < 0):
		return None
	if state == "Won" and not _is_missed(capture.gateway, capture.modified):
		return None  # it comes back with a later payout
	expected = -decimal(capture.amount) if state in CONTESTED else Decimal(0)
	records = {"capture": name, "payout": _last_payout("capture", name, "Dispute")}
	return _finding(capture, capture.gateway_payment_id, expected, found, **records)


def _taken_back(capture: frappe._dict, sums: dict[str, Decimal]) -> Decimal:
	"""Return what payouts say in the currency in which the customer paid. Where they say it in theirs only, all of it may be gone."""
	if capture.currency in sums:
		return sums[capture.currency]
	return -decimal(capture.amount) if any(amount < 0 for amount in sums.values()) else Decimal(0)


def _not_paid_out(name: str) -> Finding | None:
	capture = _row("Payment Capture", name, CAPTURE_FIELDS)
	if not capture or not _is_missed(capture.gateway, capture.captured_at):
		return None
	if frappe.db.exists(LINE, {"capture": name, "kind": "Capture"}):
		return None
	return _finding(capture, capture.gateway_payment_id, decimal(capture.amount), Decimal(0), capture=name)


def _refund_not_in_payout(name: str) -> Finding | None:
	refund = _row("Payment Refund", name, REFUND_FIELDS)
	if not refund or refund.status != "Refunded" or not _is_missed(refund.gateway, refund.completed_at):
		return None
	if frappe.db.exists(LINE, {"refund": name, "kind": "Refund"}):
		return None
	records = {"refund": name, "capture": refund.capture}
	return _finding(refund, refund.gateway_refund_id or name, -decimal(refund.amount), Decimal(0), **records)


def _reported_differently(name: str) -> Finding | None:
	"""Kept until the recorded report comes again, or a manager accepts it."""
	payout = _row("Payment Payout", name, PAYOUT_FIELDS)
	if not payout:
		return None
	amount = decimal(payout.amount)
	return _finding(payout, payout.gateway_payout_id, amount, amount, payout=name)


FINDERS: dict[str, Callable[[str], Finding | None]] = {
	"Does Not Add Up": _does_not_add_up,
	"Unknown": _unknown,
	"Fee Missing": _fee_missing,
	"Other Amount": _other_amount,
	"Other Refund Amount": _other_refund,
	"Dispute Not Recorded": _dispute_not_recorded,
	"Not Paid Out": _not_paid_out,
	"Refund Not In Payout": _refund_not_in_payout,
	"Reported Differently": _reported_differently,
}


def unequal(kind: str, names: list[str]) -> list[str]:
	"""Those of some captures or refunds whose lines may differ from what we recorded, with two queries for all of them."""
	column = kind.lower()
	line = DocType(LINE)
	query = frappe.qb.from_(line).select(line[column], line.own_currency, Sum(line.own_amount))
	query = query.where(line[column].isin(names or [""])).where(line.kind == kind)
	sums: dict[str, list] = {}
	for name, currency, amount in query.groupby(line[column], line.own_currency).run():
		sums.setdefault(name, []).append((currency, decimal(amount)))
	fields = ["name", "currency", "amount", *(["status"] if kind == "Refund" else [])]
	rows = frappe.get_all(f"Payment {kind}", {"name": ("in", names or [""])}, fields)
	sign = -1 if kind == "Refund" else 1
	settled = [row for row in rows if kind == "Capture" or row.status == "Refunded"]
	same = {row.name for row in settled if sums.get(row.name) == [(row.currency, sign * decimal(row.amount))]}
	return [name for name in names if name not in same]


def _finding(
	row: frappe._dict, subject: str | None, expected: Decimal, found: Decimal, **records: str | None
) -> Finding:
	return Finding(row.gateway, subject, row.currency, expected, found, records)


def _is_missed(gateway: str, moment: Any) -> bool:
	settings = payout_settings(gateway)
	window = settings.missed_between() if settings else None
	return bool(window and moment and window[0] <= get_datetime(moment) < window[1])


def _sums(column: str, name: str, kind: str) -> dict[str, Decimal]:
	"""The sum of the lines about a record in the currency in which the customer paid, by currency."""
	line = DocType(LINE)
	query = frappe.qb.from_(line).select(line.own_currency, Sum(line.own_amount)).groupby(line.own_currency)
	rows = query.where(line[column] == name).where(line.kind == kind).run()
	return {currency: decimal(amount) for currency, amount in rows}


def _last_payout(column: str, name: str, kind: str | None = None) -> str | None:
	filters = {column: name, **({"kind": kind} if kind else {})}
	return frappe.db.get_value(LINE, filters, "payout", order_by="creation desc")


def _line(name: str) -> frappe._dict | None:
	return _row(LINE, name, LINE_FIELDS)


def _row(doctype: str, name: str, fields: list[str]) -> frappe._dict | None:
	return frappe.db.get_value(doctype, name, ["gateway", "currency", *fields], as_dict=True)


def decimal(value: Amount) -> Decimal:
	"""An amount of the database, whose sums may carry more digits than any currency has."""
	return to_decimal(value or 0).quantize(Decimal("1e-6")).normalize() + 0
