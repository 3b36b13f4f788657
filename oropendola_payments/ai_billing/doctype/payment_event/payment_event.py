"""Audit trail: append-only, each event contains the hash of the previous event in its chain.

Each invoice has a chain, and its row stores the last hash and the count, so that a deleted last event is detected too. Events
are appended under the invoice's lock. Events without an invoice form one chain for the site.

Actor and IP address are in the chain as a salted hash only. When a user is deleted, both are redacted together with the salt: the
chain stays valid, and the person can no longer be identified. Notes are treated in the same way, because they may contain names.
"""

import hashlib
import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any

import frappe
from frappe import _
from frappe.model.document import Document
from frappe.utils import get_datetime, now

from oropendola_payments.ai_billing import outbox
from oropendola_payments.ai_billing.plain_text import without_tags
from oropendola_payments.ai_billing.records import FrozenRecord
from oropendola_payments.compat import add_index
from oropendola_payments.exceptions import AuditTrailIsFrozen

if TYPE_CHECKING:
	from oropendola_payments.ai_billing.audited import Audited

SITE_CHAIN = "SITE"
HASHED = (
	"name",
	"invoice",
	"sequence",
	"event",
	"from_status",
	"to_status",
	"reference_doctype",
	"reference_name",
	"source",
	"person_hash",
	"occurred_at",
	"details",
	"previous_hash",
)
PERSON = ("actor", "ip_address", "person_salt")
NOTE = ("note", "note_salt")
COLUMNS = (*HASHED, *PERSON, *NOTE, "hash", "owner", "creation", "modified", "modified_by")
REDACTED = "[REDACTED]"  # Frappe's own word


class PaymentEvent(FrozenRecord):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		actor: DF.Data | None
		details: DF.LongText | None
		event: DF.Data
		from_status: DF.Data | None
		hash: DF.Data | None
		invoice: DF.Link | None
		ip_address: DF.Data | None
		note: DF.SmallText | None
		note_salt: DF.Data | None
		occurred_at: DF.Datetime | None
		person_hash: DF.Data | None
		person_salt: DF.Data | None
		previous_hash: DF.Data | None
		reference_doctype: DF.Data | None
		reference_name: DF.Data | None
		sequence: DF.Int
		source: DF.Literal["API", "Callback", "Webhook", "Sweep", "Reconcile", "Desk", "Agent", "System"]
		to_status: DF.Data | None
	# end: auto-generated types

	def refuse(self) -> None:
		frappe.throw(_("The audit trail cannot be written, changed or deleted manually."), AuditTrailIsFrozen)


@contextmanager
def acting_as(source: str) -> Iterator[None]:
	"""Set the source of events recorded inside: API, Callback, Webhook, Sweep, Reconcile, Desk, Agent or System."""
	before = frappe.flags.payment_event_source
	frappe.flags.payment_event_source = source
	try:
		yield
	finally:
		frappe.flags.payment_event_source = before


def entry(
	event: str,
	reference: Document | None = None,
	from_status: str | None = None,
	to_status: str | None = None,
	note: str | None = None,
	**details: Any,
) -> dict:
	"""Return an event to append. `reference` is the record it is about, `note` is free text."""
	note = without_tags(note or "")
	salt = secrets.token_hex(16) if note else None
	if note:
		details["note_hash"] = note_hash(note, salt)
	return {
		"note": note or None,
		"note_salt": salt,
		"event": event,
		"reference_doctype": reference.doctype if reference else None,
		"reference_name": reference.name if reference else None,
		"from_status": from_status,
		"to_status": to_status,
		"details": _as_json(details) if details else None,
	}


def _as_json(details: dict) -> str:
	return without_tags(json.dumps(details, default=str, sort_keys=True, ensure_ascii=False))


def link_to_invoice(invoice: "Audited", entries: list[dict]) -> tuple[list[dict], dict]:
	"""Return the rows to insert, and the columns of the invoice that must be written with them."""
	rows = _link(entries, invoice.name, int(invoice.event_count or 0), invoice.last_event_hash or "")
	return rows, {"event_count": rows[-1]["sequence"], "last_event_hash": rows[-1]["hash"]}


def flush_at_commit(invoice: "Audited") -> None:
	"""Write the invoice's queued events when the transaction commits. A rollback discards them."""
	if not _queued_invoices():
		frappe.db.before_commit.add(flush)
		frappe.db.after_rollback.add(discard)
	_queued_invoices().append(invoice)


def flush() -> None:
	while _queued_invoices():
		_queued_invoices().pop(0).flush_events()


def discard() -> None:
	_queued_invoices().clear()


def _queued_invoices() -> list:
	if frappe.flags.payment_events_waiting is None:
		frappe.flags.payment_events_waiting = []
	return frappe.flags.payment_events_waiting


def append_to_site(event: str, reference: Document | None = None, **details: Any) -> None:
	"""Append an event that belongs to no invoice, such as a change of settings."""
	last = frappe.db.sql(
		"SELECT `sequence`, `hash` FROM `tabPayment Event` WHERE `invoice` IS NULL"
		" ORDER BY `sequence` DESC LIMIT 1 FOR UPDATE"
	)
	sequence, previous = last[0] if last else (0, "")
	rows = _link([entry(event, reference, **details)], None, int(sequence), previous)
	insert(rows)
	outbox.announce_audited(rows, reference.get("user") if reference else None)


def _link(entries: list[dict], invoice: str | None, sequence: int, previous: str) -> list[dict]:
	rows = []
	for values in entries:
		sequence += 1
		row = {
			**values,
			**_actor_and_source(),
			"invoice": invoice,
			"sequence": sequence,
			"previous_hash": previous,
		}
		row["name"] = f"{invoice or SITE_CHAIN}-{sequence:05d}"
		previous = row["hash"] = hash_of(row)
		rows.append(row)
	return rows


def _actor_and_source() -> dict:
	at, user = now(), frappe.session.user
	person = {
		"actor": user,
		"ip_address": getattr(frappe.local, "request_ip", None) or "",
		"person_salt": secrets.token_hex(16),
	}
	return {
		"source": frappe.flags.payment_event_source or "System",
		**person,
		"person_hash": person_hash(person),
		"occurred_at": at,
		"owner": user,
		"creation": at,
		"modified": at,
		"modified_by": user,
	}


def insert(rows: list[dict]) -> None:
	columns = ", ".join(f"`{column}`" for column in COLUMNS)
	marks = ", ".join("(" + ", ".join(["%s"] * len(COLUMNS)) + ")" for _row in rows)
	values = [row[column] for row in rows for column in COLUMNS]
	frappe.db.sql(f"INSERT INTO `tabPayment Event` ({columns}) VALUES {marks}", values)  # noqa: S608


def person_hash(row: dict) -> str:
	content = json.dumps([row.get(name) or "" for name in PERSON], ensure_ascii=False)
	return hashlib.sha256(content.encode()).hexdigest()


def note_hash(note: str, salt: str | None) -> str:
	return hashlib.sha256(f"{salt}\n{note}".encode()).hexdigest()


def is_note_untouched(row: dict) -> bool:
	"""Return whether the note is unchanged, or was redacted together with its salt."""
	kept = json.loads(row.get("details") or "{}").get("note_hash")
	if not kept:
		return not row.get("note")
	return REDACTED == row.get("note") == row.get("note_salt") or kept == note_hash(
		row.get("note") or "", row.get("note_salt")
	)


def is_redacted(row: dict) -> bool:
	"""Return whether the actor was redacted: the salt is gone, and no name or IP address is left."""
	forgotten = (row.get("person_salt") or REDACTED, row.get("ip_address") or REDACTED) == (
		REDACTED,
		REDACTED,
	)
	return forgotten and (
		row.get("actor") in (REDACTED, "Guest") or str(row.get("actor")).startswith("deleted-user-")
	)


def hash_of(row: dict) -> str:
	"""Return the SHA-256 of the row's content and the previous hash."""
	content = [_text(row.get(name)) if name != "occurred_at" else _moment(row.get(name)) for name in HASHED]
	return hashlib.sha256(json.dumps(content, ensure_ascii=False).encode()).hexdigest()


def _text(value: object) -> str:
	return "" if value is None else str(value)


def _moment(value: str | datetime | None) -> str:
	return get_datetime(value).isoformat(timespec="microseconds") if value else ""


def on_doctype_update() -> None:
	add_index("Payment Event", ["invoice", "sequence"])
