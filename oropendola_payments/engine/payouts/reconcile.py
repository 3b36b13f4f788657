"""Compare payouts with our records: each payout once after it was recorded, and every day what should have been paid out."""

from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any

import frappe
from frappe.query_builder import DocType
from frappe.query_builder.functions import Coalesce, Date, Min, Sum
from frappe.utils import getdate

from oropendola_payments.ai_billing.doctype.payment_capture.payment_capture import CONTESTED
from oropendola_payments.ai_billing.doctype.payment_payout.payment_payout import PaymentPayout
from oropendola_payments.engine.core.batch import BATCH, for_each
from oropendola_payments.engine.core.transactions import in_transaction
from oropendola_payments.engine.payouts import differences, findings, linking
from oropendola_payments.engine.payouts import settings as payout_settings
from oropendola_payments.engine.payouts.record import CORRECTED, DIFFERENT, UNCHANGED

PAYOUT, LINE = "Payment Payout", "Payment Payout Line"
AMOUNT_KINDS = {"Capture": "Other Amount", "Refund": "Other Refund Amount"}


def settle(outcomes: dict[str, str]) -> None:
	"""Compare what was just recorded with our records, and note the reports that say something else than before."""
	for name, outcome in outcomes.items():
		if outcome == DIFFERENT:
			differences.update("Reported Differently", name)
		elif outcome in (UNCHANGED, CORRECTED):
			differences.resolve("Reported Differently", name)
	check_due()


def check_due() -> int:
	"""Check every payout that was recorded and not checked, for example because the process crashed in between."""
	table = frappe.qb.DocType(PAYOUT)
	gateways = frappe.qb.from_(table).select(table.gateway).where(table.checked_on.isnull()).run(pluck=True)
	for gateway in sorted(set(gateways)):
		recheck(gateway)
	return len(gateways)


def check(name: str) -> None:
	"""Open the differences of one payout, and close those of its gateway that it explains."""
	_compare(name)
	recheck(frappe.db.get_value(PAYOUT, name, "gateway"))


def _compare(name: str) -> None:
	payout = frappe.get_doc(PAYOUT, name)
	_begin(payout)
	differences.update("Does Not Add Up", name)
	for kind, filters in (
		("Unknown", {"is_linked": 0}),
		("Fee Missing", {"kind": "Capture", "fee_stated": 0}),
	):
		for_each(LINE, {"payout": name, **filters}, _updater(kind))
	for kind, column in (("Capture", "capture"), ("Refund", "refund")):
		for names in _records(name, column, kind):
			for record in findings.unequal(kind, names):
				differences.update(AMOUNT_KINDS[kind], record)
	for names in _records(name, "capture", "Dispute"):
		for record in names:
			differences.update(differences.DISPUTE, record)
	in_transaction(payout.mark_as_checked)


def recheck(gateway: str) -> int:
	"""Bring the differences of a gateway up to date, after looking again for the records behind its lines."""
	for_each(LINE, {"gateway": gateway, "is_linked": 0}, _relink)
	table = frappe.qb.DocType(PAYOUT)
	due = frappe.qb.from_(table).select(table.name).orderby(table.creation).orderby(table.name)
	for name in due.where((table.gateway == gateway) & table.checked_on.isnull()).run(pluck=True):
		_compare(name)
	open_ones = {"gateway": gateway, "status": "Open"}
	return for_each(differences.DIFFERENCE, open_ones, differences.recheck)


def recheck_refunds(gateway: str) -> None:
	"""Compare the refunds that changed after they were paid out, for example because the bank rejected them later."""
	for name in _changed_refunds(gateway):
		differences.update("Other Refund Amount", name)


def recheck_disputes(gateway: str) -> None:
	"""Compare the payments that a payout took back and that do not count as disputed, for example because the dispute was won."""
	for name in _not_disputed(gateway):
		differences.update(differences.DISPUTE, name)
	# What was accepted may be gone with a corrected payout.
	accepted = {"gateway": gateway, "kind": differences.DISPUTE, "status": "Accepted"}
	for_each(differences.DIFFERENCE, accepted, differences.recheck)


def find_missed(gateway: str) -> None:
	"""Open a difference for each payment and refund that should be in a payout by now and is in none."""
	settings = payout_settings.payout_settings(gateway)
	window = settings.missed_between() if settings else None
	if not settings or not window:
		return
	for name in _missed(
		"Payment Capture", "captured_at", "capture", "Capture", gateway, settings.mode, window
	):
		differences.update("Not Paid Out", name)
	for name in _missed("Payment Refund", "completed_at", "refund", "Refund", gateway, settings.mode, window):
		differences.update("Refund Not In Payout", name)


def _begin(payout: PaymentPayout) -> None:
	"""From the first payout on, payments are expected in one: the oldest of its payments is where that begins."""
	settings = payout_settings.payout_settings(payout.gateway)
	if not settings or settings.since:
		return
	line, capture = DocType(LINE), DocType("Payment Capture")
	query = frappe.qb.from_(line).join(capture).on(capture.name == line.capture)
	query = query.select(Min(Date(capture.captured_at))).where(line.payout == payout.name)
	first = query.where(line.kind == "Capture").run()[0][0] or payout.paid_on
	if first:
		in_transaction(payout_settings.write, settings.name, payouts_since=getdate(first))


def _relink(name: str) -> None:
	payout = frappe.db.get_value(LINE, name, "payout")
	if payout:  # an import may have replaced the line
		in_transaction(linking.relink, name, payout)


def _updater(kind: str) -> Callable[[str], object]:
	return lambda name: differences.update(kind, name)


def _records(payout: str, column: str, kind: str) -> Iterator[list[str]]:
	"""The captures or refunds that a payout is about, in batches."""
	line = DocType(LINE)
	query = frappe.qb.from_(line).select(line[column]).distinct()
	return _batches(query.where(line.payout == payout).where(line.kind == kind), line[column])


def _changed_refunds(gateway: str) -> Iterator[str]:
	"""The refunds that are newer than a line about them, batch by batch."""
	refund, line = DocType("Payment Refund"), DocType(LINE)
	query = frappe.qb.from_(line).join(refund).on(refund.name == line.refund).select(refund.name).distinct()
	query = query.where(line.gateway == gateway).where(line.kind == "Refund")
	return chain.from_iterable(_batches(query.where(refund.modified > line.creation), refund.name))


def _not_disputed(gateway: str) -> Iterator[str]:
	"""The captures that lines took back as disputed and messages did not, batch by batch."""
	capture, line = DocType("Payment Capture"), DocType(LINE)
	query = frappe.qb.from_(line).join(capture).on(capture.name == line.capture).select(capture.name)
	query = query.where(line.gateway == gateway).where(line.kind == "Dispute")
	query = query.where(Coalesce(capture.dispute_state, "").notin(CONTESTED)).groupby(capture.name)
	return chain.from_iterable(_batches(query.having(Sum(line.own_amount) < 0), capture.name))


def _missed(
	doctype: str, moment: str, column: str, kind: str, gateway: str, mode: str, window: tuple
) -> Iterator[str]:
	"""The captures or refunds of this time that no line is about, batch by batch."""
	table, line, attempt = DocType(doctype), DocType(LINE), DocType("Payment Attempt")
	query = frappe.qb.from_(table).select(table.name).where(table.gateway == gateway)
	query = query.join(attempt).on(attempt.name == table.attempt).where(attempt.mode == mode)
	query = query.left_join(line).on((line[column] == table.name) & (line.kind == kind))
	query = query.where(table[moment] >= window[0]).where(table[moment] < window[1])
	query = query.where(line.name.isnull())
	if doctype == "Payment Refund":
		query = query.where(table.status == "Refunded")
	return chain.from_iterable(_batches(query, table.name))


def _batches(query: Any, name: Any) -> Iterator[list[str]]:
	"""Run a query that selects names, and begin each batch behind the last name of the one before."""
	last = ""
	while True:
		names = query.where(name > last).orderby(name).limit(BATCH).run(pluck=True)
		yield names
		if len(names) < BATCH:
			return
		last = names[-1]
