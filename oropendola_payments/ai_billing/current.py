"""Settings, gateways and plans, from a cache that an older snapshot cannot fill again.

Frappe's own document cache is emptied by a save, but a process whose transaction began before that save may put the old
document back, where it stays. Here each save gives the cache a new version, and only what is the newest row is cached.
"""

import dataclasses
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import frappe
from frappe.model.document import Document

from oropendola_payments.compat import cached_for_a_time, is_conflict

if TYPE_CHECKING:
	from oropendola_payments.ai_billing.doctype.payment_settings.payment_settings import PaymentSettings

VERSIONED = (
	*("AI Credit Pack", "AI Plan", "AI Tax Registration", "AI Tax Rule", "AI Webhook Endpoint"),
	*("Payment Gateway Settings", "Payment Settings"),
)
ALL_ROWS = "*"  # no record has this name
UNKNOWN = "none"  # the version while the cache cannot be written
TRUSTED_SECONDS = 1  # one request asks often; a job that runs for minutes follows a change all the same
# How long a change that no document event tells of, such as db.set_value, can stay unseen: in Redis, and then in a process.
SECONDS, KEPT_SECONDS = 40, 20
MOST_KEPT = 1000


@dataclasses.dataclass
class Copy:
	"""What this process got for which version, because unpickling a plan takes longer than asking for its version."""

	version: str
	until: float
	confirmed: float  # when its version was the newest
	value: Any


_kept: dict[tuple[str, str, str], Copy] = {}
_changed_at: dict[str, float] = {}  # by this process


@dataclasses.dataclass
class Seen:
	"""What this request has asked for lately."""

	documents: dict[tuple[str, str], tuple[float, Any]] = dataclasses.field(default_factory=dict)
	versions: dict[str, str] = dataclasses.field(default_factory=dict)
	versions_until: float = 0


def current(doctype: str, name: str | None = None) -> Any:
	"""The document, as this transaction sees it. Do not change it: others get the same one."""
	return _current(doctype, name or doctype)


def recent(doctype: str, name: str) -> Any:
	"""The document as it was in the last two seconds. For limits that are read thousands of times a second, and never for prices."""
	kept = _kept.get((frappe.local.site, doctype, name))
	if kept and _is_recent(doctype, kept) and _is_shared(doctype):
		return kept.value
	return current(doctype, name)


def _is_recent(doctype: str, kept: Copy) -> bool:
	changed_at = _changed_at.get(doctype, 0)
	return kept.confirmed > changed_at and time.monotonic() - kept.confirmed < TRUSTED_SECONDS


def current_rows(doctype: str) -> list[frappe._dict]:
	"""All rows of a small table with their child rows, as this transaction sees them. Do not change them."""
	return _current(doctype, ALL_ROWS)


def _current(doctype: str, name: str) -> Any:
	if not _is_shared(doctype):
		return _read(doctype, name)
	seen, now = _seen_here().documents, time.monotonic()
	known = seen.get((doctype, name))
	if known and now - known[0] < TRUSTED_SECONDS:
		return known[1]
	is_newest = are_newest if name == ALL_ROWS else _is_newest
	doc = cached(doctype, name, lambda: _read(doctype, name), lambda doc: is_newest(doctype, doc))
	seen[doctype, name] = (now, doc)
	return doc


def _is_shared(doctype: str) -> bool:
	"""Return whether others read what this transaction reads. A replica of `frappe.read_only` may lag behind."""
	replica = getattr(frappe.local, "replica_db", None)
	return doctype not in _changed_here() and (replica is None or frappe.local.db is not replica)


def cached(
	doctype: str, name: str, read: Callable[[], Any], is_newest: Callable[[Any], bool] = lambda value: True
) -> Any:
	"""What `read` makes of rows of this table, until one of them changes. It is kept if `is_newest`."""
	if not _is_shared(doctype):
		return read()
	place, newest = (frappe.local.site, doctype, name), version(doctype)
	kept, now = _kept.get(place), time.monotonic()
	if kept and kept.version == newest and now < kept.until:
		kept.confirmed = now
		return kept.value
	key = f"oropendola_current:{doctype}:{newest}:{name}"
	value = cached_for_a_time(key)
	if value is None:
		value = read()
		if not _sees_newest(lambda: is_newest(value)):
			return value
		frappe.cache.set_value(key, value, expires_in_sec=SECONDS)
	_keep(place, newest, value)
	return value


def _sees_newest(asks: Callable[[], bool]) -> bool:
	"""A database that refuses old snapshots says no with an error, and undoes the transaction.

	That is fine if nothing was written or locked in it. What runs in `in_transaction` is tried again.
	"""
	try:
		return asks()
	except Exception as error:
		if not is_conflict(error) or frappe.db.transaction_writes or frappe.flags.oropendola_transaction:
			raise
		frappe.db.rollback()
		return False


def _keep(place: tuple[str, str, str], newest: str, value: Any) -> None:
	if newest == UNKNOWN:
		return
	if len(_kept) >= MOST_KEPT:
		_kept.clear()
	now = time.monotonic()
	_kept[place] = Copy(newest, now + KEPT_SECONDS, now, value)


def _read(doctype: str, name: str) -> Any:
	if name != ALL_ROWS:
		return frappe.get_doc(doctype, name)
	rows = frappe.get_all(doctype, fields=["*"], order_by="creation, name")
	by_name = {row.name: row for row in rows}
	for field in frappe.get_meta(doctype).get_table_fields():
		for row in rows:
			row[field.fieldname] = []
		for child in (
			frappe.get_all(field.options, {"parenttype": doctype}, ["*"], order_by="idx") if rows else ()
		):
			if child.parent in by_name:
				by_name[child.parent][field.fieldname].append(child)
	return rows


def payment_settings() -> "PaymentSettings":
	return current("Payment Settings")


def changed(doc: Document, method: str | None = None, *args: Any) -> None:
	"""For `doc_events`: this transaction reads the table, and all others get a new version when it has committed."""
	forget(doc.doctype)


def forget(doctype: str) -> None:
	_changed_here().add(doctype)
	_forget_seen(doctype)
	# Before the commit too: a process that dies right after it could not do it. Who reads in between waits for our locks, or caches nothing.
	_new_version(doctype)
	frappe.db.after_commit.add(lambda: _renew(doctype))
	frappe.db.after_rollback.add(lambda: _changed_here().discard(doctype))


def _renew(doctype: str) -> None:
	_new_version(doctype)
	_changed_here().discard(doctype)
	_forget_seen(doctype)
	frappe.clear_document_cache(doctype)


def _new_version(doctype: str) -> None:
	frappe.cache.set(_version_key(doctype), frappe.generate_hash(length=12))


def version(doctype: str) -> str:
	"""Return what a cached value of this table is kept under. Every change that commits makes it another one."""
	seen, now = _seen_here(), time.monotonic()
	if now >= seen.versions_until:
		seen.versions, seen.versions_until = _versions(), now + TRUSTED_SECONDS
	return seen.versions[doctype]


def _versions() -> dict[str, str]:
	"""Ask for all of them, because it takes as long as asking for one."""
	found = _stored_versions()
	missing = [doctype for doctype in VERSIONED if not found[doctype]]
	for doctype in missing:
		frappe.cache.set(_version_key(doctype), frappe.generate_hash(length=12), nx=True)
	if missing:
		found = _stored_versions()
	return {doctype: text.decode() if text else UNKNOWN for doctype, text in found.items()}


def _stored_versions() -> dict[str, bytes | None]:
	return dict(zip(VERSIONED, frappe.cache.mget([_version_key(d) for d in VERSIONED]), strict=True))


def _version_key(doctype: str) -> bytes:
	return frappe.cache.make_key(f"oropendola_version:{doctype}")


def _is_newest(doctype: str, doc: Document) -> bool:
	"""Compare with the row as it is committed now, which a locking read sees whatever this transaction's snapshot is.

	A row that somebody is changing is not waited for, and not cached.
	"""
	if doc.meta.issingle:
		rows = frappe.db.sql(
			"SELECT `value` FROM `tabSingles` WHERE `doctype` = %s AND `field` = 'modified' FOR UPDATE SKIP LOCKED",
			doctype,
		)
	else:
		rows = frappe.db.sql(
			f"SELECT `modified` FROM `tab{doctype}` WHERE `name` = %s FOR UPDATE SKIP LOCKED",  # noqa: S608
			doc.name,
		)
	return bool(rows) and str(rows[0][0]) == str(doc.modified)


def are_newest(doctype: str, rows: list) -> bool:
	"""The same for a whole table."""
	statement = f"SELECT `name`, `modified` FROM `tab{doctype}` FOR UPDATE SKIP LOCKED"  # noqa: S608
	newest = {(name, str(modified)) for name, modified in frappe.db.sql(statement)}
	return newest == {(row.name, str(row.modified)) for row in rows}


def _seen_here() -> Seen:
	if frappe.flags.oropendola_seen is None:
		frappe.flags.oropendola_seen = Seen()
	return frappe.flags.oropendola_seen


def _forget_seen(doctype: str) -> None:
	frappe.flags.oropendola_seen = None
	_changed_at[doctype] = time.monotonic()


def _changed_here() -> set[str]:
	if frappe.flags.oropendola_changed is None:
		frappe.flags.oropendola_changed = set()
	return frappe.flags.oropendola_changed
