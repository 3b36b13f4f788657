"""Walking the chains of the audit trail and naming the first broken link."""

import frappe

from oropendola_payments.ai_billing.doctype.payment_event.payment_event import (
	HASHED,
	PERSON,
	hash_of,
	is_redacted,
	person_hash,
)

BATCH = 2000


def verify(invoice: str | None = None) -> dict:
	"""`{"chains": n, "events": n, "broken": None}` or, as `broken`, which event does not fit and why.

	All chains of the site, or that of one invoice.
	"""
	tails, events = _invoice_tails(invoice), 0
	expected: dict[str | None, tuple[int, str]] = {}
	for row in _rows_of(invoice) if invoice else _rows():
		chain = row.invoice or None
		sequence, previous = expected.get(chain, (0, ""))
		reason = _fault(row, sequence + 1, previous)
		if reason:
			return _broken(len(expected), events, row.name, reason)
		expected[chain] = (row.sequence, row.hash)
		events += 1
	for invoice, (count, tail) in tails.items():
		if expected.get(invoice, (0, "")) != (count, tail or ""):
			return _broken(
				len(expected),
				events,
				invoice,
				"the invoice remembers another last event: events at the end are missing",
			)
	return {"chains": len(expected), "events": events, "broken": None}


def _fault(row, sequence: int, previous: str) -> str | None:
	if row.sequence != sequence:
		return f"event number {sequence} of the chain is missing"
	if (row.previous_hash or "") != previous:
		return "it does not follow the event before it"
	same_person = person_hash(row) == row.person_hash or is_redacted(row)
	return (
		None if same_person and hash_of(row) == row.hash else "its content was changed after it was written"
	)


COLUMNS = ", ".join(f"`{name}`" for name in (*HASHED, *PERSON, "hash"))


def _rows_of(invoice: str):
	return frappe.db.sql(
		f"SELECT {COLUMNS} FROM `tabPayment Event` WHERE `invoice` = %s ORDER BY `sequence`",  # noqa: S608
		(invoice,),
		as_dict=True,
	)


def _rows():
	"""All events, chain by chain, in bounded memory."""
	chain, sequence = "", -1
	while True:
		rows = frappe.db.sql(
			f"""SELECT {COLUMNS} FROM `tabPayment Event`
			WHERE COALESCE(`invoice`, '') > %s OR (COALESCE(`invoice`, '') = %s AND `sequence` > %s)
			ORDER BY COALESCE(`invoice`, ''), `sequence` LIMIT {BATCH}""",  # noqa: S608
			(chain, chain, sequence),
			as_dict=True,
		)
		yield from rows
		if len(rows) < BATCH:
			return
		chain, sequence = rows[-1].invoice or "", rows[-1].sequence


def _invoice_tails(invoice: str | None) -> dict[str, tuple[int, str]]:
	only = {"name": invoice} if invoice else {}
	rows = frappe.get_all("AI Invoice", only, ["name", "event_count", "last_event_hash"])
	return {row.name: (int(row.event_count or 0), row.last_event_hash) for row in rows}


def _broken(chains: int, events: int, name: str, reason: str) -> dict:
	return {"chains": chains, "events": events, "broken": {"link": name, "reason": reason}}
