"""Import a settlement report: preview what it says, then record all of it or, if one row cannot be read, nothing."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import BinaryIO

import frappe
from frappe import _

from oropendola_payments.ai_billing.doctype.payment_event.payment_event import append_to_site
from oropendola_payments.ai_billing.doctype.payment_payout_mapping.payment_payout_mapping import (
	mapping_of,
	values_of,
)
from oropendola_payments.ai_billing.known_gateways import adapter_class, unknown_gateway
from oropendola_payments.engine.core.transactions import in_transaction
from oropendola_payments.engine.payouts import reconcile
from oropendola_payments.engine.payouts.record import record_all
from oropendola_payments.engine.payouts.rows import Columns, Reader, find_header
from oropendola_payments.engine.payouts.settings import payout_settings
from oropendola_payments.engine.payouts.spool import Spool
from oropendola_payments.engine.payouts.tables import BadFile, rows_of
from oropendola_payments.exceptions import BadRequest, Unprocessable
from oropendola_payments.gateways.payouts import FileMapping, Payout, PayoutLine
from oropendola_payments.money import from_minor

MAPPING = "Payment Payout Mapping"
MOST_PROBLEMS, MOST_LINES, MOST_PAYOUTS = 20, 10, 200


@dataclass
class Report:
	"""What a file says, and what is wrong with it."""

	gateway: str
	columns: Columns
	problems: list[dict] = field(default_factory=list)
	lines: list[PayoutLine] = field(default_factory=list)  # the first ones
	rows: int = 0


def saved_mapping(gateway: str) -> FileMapping:
	"""Return the mapping that was saved for this gateway, else the one of its usual report."""
	known = adapter_class(gateway).payout_file
	if not frappe.db.exists(MAPPING, gateway):
		return known
	saved = frappe.get_doc(MAPPING, gateway).mapping()
	return saved if saved.columns else known


def preview(
	gateway: str, stream: BinaryIO, columns: Mapping | None = None, payout: Payout | None = None
) -> dict:
	"""Return what a file would record, its first lines and its problems. Nothing is recorded."""
	mapping = _mapping(gateway, columns)
	with Spool(every_row_counts=True) as spool:
		try:
			report = _read(gateway, stream, mapping, spool, payout)
		except BadFile as error:
			return {"problems": [_problem(error)], "mapping": values_of(mapping), **_headings(stream)}
		return {
			"headings": report.columns.headings,
			"mapping": values_of(mapping),
			"problems": report.problems,
			"rows": report.rows,
			"lines": [_shown_line(gateway, line) for line in report.lines],
			"payouts": [_shown_payout(gateway, known, spool) for known in spool.payouts()[:MOST_PAYOUTS]],
		}


def import_file(
	gateway: str, stream: BinaryIO, columns: Mapping | None = None, payout: Payout | None = None
) -> dict:
	"""Record the payouts of a file. The same file again changes nothing. A mapping that is given is saved."""
	mapping = _mapping(gateway, columns)
	settings = payout_settings(gateway)
	if not settings:
		raise unknown_gateway(gateway)
	with Spool(every_row_counts=True) as spool:
		try:
			report = _read(gateway, stream, mapping, spool, payout)
		except BadFile as error:
			raise Unprocessable(_sentence(_problem(error))) from None
		if report.problems:
			raise Unprocessable(_sentence(report.problems[0]))
		if not spool.payouts():
			raise Unprocessable(_("The file contains no payout."))
		if columns:
			in_transaction(_save_mapping, gateway, columns)
		outcomes = record_all(gateway, spool, "File", settings.mode)
	in_transaction(
		append_to_site,
		"payout_file_imported",
		None,
		gateway=gateway,
		rows=report.rows,
		**Counter(outcomes.values()),
	)
	reconcile.settle(outcomes)
	return {"payouts": outcomes, "rows": report.rows, **_counts(outcomes)}


def _read(
	gateway: str, stream: BinaryIO, mapping: FileMapping, spool: Spool, payout: Payout | None
) -> Report:
	"""Read a whole file into the spool. Rows that cannot be read are noted; the first ones are enough to refuse it."""
	rows = rows_of(stream)
	report = Report(gateway, find_header(rows, mapping))
	reader = Reader(report.columns, mapping, dict(adapter_class(gateway).exponents), payout)
	if payout and payout.minor is not None:
		spool.add(payout)
	for row in rows:
		report.rows += 1
		try:
			for entry in reader.read(row):
				spool.add(entry)
				if isinstance(entry, PayoutLine) and len(report.lines) < MOST_LINES:
					report.lines.append(entry)
		except (BadFile, BadRequest) as error:
			report.problems.append(_problem(error, row[0]))
			if len(report.problems) >= MOST_PROBLEMS:
				break
	return report


def _mapping(gateway: str, columns: Mapping | None) -> FileMapping:
	return mapping_of(dict(columns)) if columns else saved_mapping(gateway)


def _save_mapping(gateway: str, columns: Mapping) -> None:
	exists = frappe.db.exists(MAPPING, gateway)
	doc = frappe.get_doc(MAPPING, gateway) if exists else frappe.new_doc(MAPPING)
	known = {field.fieldname for field in doc.meta.fields}
	doc.update({"gateway": gateway, **{name: value for name, value in columns.items() if name in known}})
	if exists:
		doc.save()
	else:
		doc.insert()


def _headings(stream: BinaryIO) -> dict:
	"""The first row of a file whose columns are not known yet, to choose from."""
	try:
		stream.seek(0)
		return {"headings": next(rows_of(stream))[1]}
	except (BadFile, StopIteration):
		return {"headings": []}


def _problem(error: Exception, line: int = 0) -> dict:
	return {"line": getattr(error, "line", 0) or line, "problem": str(error)}


def _sentence(problem: dict) -> str:
	if not problem["line"]:
		return problem["problem"]
	return _("Line {0}: {1} Nothing was imported.").format(problem["line"], problem["problem"])


def _counts(outcomes: Mapping[str, str]) -> dict[str, int]:
	counted = Counter(outcomes.values())
	return {outcome: counted[outcome] for outcome in ("new", "unchanged", "corrected", "different")}


def _shown_line(gateway: str, line: PayoutLine) -> dict:
	return {
		"kind": line.kind.value,
		"amount": _money(gateway, line.minor, line.currency),
		"currency": line.currency,
		"payout": line.payout_id,
		"payment": line.payment_id or line.reference,
		"refund": line.refund_id or line.refund_key,
	}


def _shown_payout(gateway: str, payout: Payout, spool: Spool) -> dict:
	total, currency = spool.total(payout.payout_id), payout.currency or ""
	amount = total if payout.minor is None else payout.minor
	return {
		"payout": payout.payout_id,
		"paid_on": str(payout.paid_on) if payout.paid_on else None,
		"amount": _money(gateway, amount, currency),
		"differs_by": _money(gateway, amount - total, currency),
		"currency": currency,
		"lines": spool.count(payout.payout_id),
	}


def _money(gateway: str, minor: int, currency: str) -> str:
	return str(from_minor(minor, currency, adapter_class(gateway).exponents.get(currency)))
