"""Verify the hash chains of the audit trail, and the tax documents whose hashes are in it, and report the first broken link."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import groupby

import frappe

from oropendola_payments.ai_billing.doctype.payment_event.payment_event import (
	HASHED,
	NOTE,
	PERSON,
	hash_of,
	is_note_untouched,
	is_redacted,
	person_hash,
)
from oropendola_payments.engine.monitoring import document_proof

BATCH = 500  # invoices, each with a handful of events

COLUMNS = ", ".join(f"`{name}`" for name in (*HASHED, *PERSON, *NOTE, "hash"))
IN_ORDER = f"SELECT {COLUMNS} FROM `tabPayment Event` WHERE {{}} ORDER BY `invoice`, `sequence`"  # noqa: S608
ORPHANS = """
	SELECT e.name FROM `tabPayment Event` e LEFT JOIN `tabAI Invoice` i ON i.name = e.invoice
	WHERE e.invoice <> '' AND i.name IS NULL ORDER BY e.name LIMIT 1
"""


@dataclass
class Walk:
	"""Progress of a verification, and the first broken link."""

	chains: int = 0
	events: int = 0
	broken: dict | None = None

	def chain(self, rows: list) -> tuple[int, str]:
		"""Verify one chain. Return the number of its events and the last hash."""
		count, previous = 0, ""
		self.chains += bool(rows)
		for row in rows:
			reason = _fault(row, count + 1, previous)
			if reason:
				self.fail(row.name, reason)
				break
			count, previous = count + 1, row.hash
			self.events += 1
		return count, previous

	def fail(self, link: str, reason: str) -> None:
		self.broken = self.broken or {"link": link, "reason": reason}


def verify(invoice: str | None = None) -> dict:
	"""Verify all chains, or that of one invoice. Return `{"chains": n, "events": n, "broken": None}`.

	`broken` names the first event that does not fit, and why. Works in batches, so memory is bounded.
	"""
	walk = Walk()
	if not invoice:
		walk.chain(_events("`invoice` IS NULL OR `invoice` = ''", ()))
	for tails in _invoices(invoice):
		if walk.broken:
			break
		_walk_invoices(walk, tails)
	orphan = None if invoice or walk.broken else frappe.db.sql(ORPHANS)
	if orphan:
		walk.fail(orphan[0][0], "its invoice is missing")
	changed = None if walk.broken else document_proof.first_fault(invoice)
	if changed:
		walk.fail(changed["link"], changed["reason"])
	return asdict(walk)


def _walk_invoices(walk: Walk, tails: list) -> None:
	rows = _events("`invoice` IN %s", (tuple(tail.name for tail in tails),))
	chains = {name: list(chain) for name, chain in groupby(rows, key=lambda row: row.invoice)}
	for tail in tails:
		end = walk.chain(chains.get(tail.name, []))
		if not walk.broken and end != (int(tail.event_count or 0), tail.last_event_hash or ""):
			walk.fail(tail.name, "the invoice remembers another last event: events at the end are missing")
		if walk.broken:
			return


def _events(where: str, values: tuple) -> list:
	return frappe.db.sql(IN_ORDER.format(where), values, as_dict=True)


def _invoices(only: str | None) -> Iterator[list]:
	"""Yield batches of invoices with the event count and last hash stored on them."""
	last = ""
	while True:
		filters = {"name": only} if only else {"name": (">", last)}
		fields = ["name", "event_count", "last_event_hash"]
		tails = frappe.get_all("AI Invoice", filters, fields, order_by="name", limit=BATCH)
		if tails:
			yield tails
		if only or len(tails) < BATCH:
			return
		last = tails[-1].name


def _fault(row: frappe._dict, sequence: int, previous: str) -> str | None:
	if row.sequence != sequence:
		return f"event number {sequence} of the chain is missing"
	if (row.previous_hash or "") != previous:
		return "it does not follow the event before it"
	same_person = person_hash(row) == row.person_hash or is_redacted(row)
	unchanged = same_person and hash_of(row) == row.hash and is_note_untouched(row)
	return None if unchanged else "its content was changed after it was written"
