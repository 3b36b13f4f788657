"""Settings, gateways and plans, from a cache that an older snapshot cannot fill again.

Frappe's own document cache is emptied by a save, but a process whose transaction began before that save may put the old
document back, where it stays. Here each save gives the cache a new version, and only what is the newest row is cached.
"""

import time
from typing import TYPE_CHECKING, Any

import frappe
from frappe.model.document import Document

if TYPE_CHECKING:
	from oropendola_payments.ai_billing.doctype.payment_settings.payment_settings import PaymentSettings

VERSIONED = (
	*("AI Credit Pack", "AI Plan", "AI Tax Registration", "AI Tax Rule"),
	*("Payment Gateway Settings", "Payment Settings"),
)
ALL_ROWS = "*"  # no record has this name
UNKNOWN = "none"  # the version while the cache cannot be written
TRUSTED_SECONDS = 1  # one request asks often; a job that runs for minutes follows a change all the same
# How long a change that no document event tells of, such as db.set_value, can stay unseen: in Redis, and then in a process.
SECONDS, KEPT_SECONDS = 40, 20
MOST_KEPT = 1000
# What this process got for which version and until when, because unpickling a plan takes longer than asking for its version.
_kept: dict[tuple[str, str, str], tuple[str, float, Any]] = {}


def current(doctype: str, name: str | None = None) -> Any:
	"""The document, as this transaction sees it. Do not change it: others get the same one."""
	return _current(doctype, name or doctype)


def current_rows(doctype: str) -> list[frappe._dict]:
	"""All rows of a small table with their child rows, as this transaction sees them. Do not change them."""
	return _current(doctype, ALL_ROWS)


def _current(doctype: str, name: str) -> Any:
	if doctype in _changed_here() or _is_replica():
		return _read(doctype, name)
	seen, now = _seen_here(), time.monotonic()
	known = seen.get((doctype, name))
	if known and now - known[0] < TRUSTED_SECONDS:
		return known[1]
	doc = _cached(doctype, name)
	seen[doctype, name] = (now, doc)
	return doc


def _is_replica() -> bool:
	"""Return whether `frappe.read_only` has switched to a replica. It may lag behind, so what it says is remembered for nobody."""
	replica = getattr(frappe.local, "replica_db", None)
	return replica is not None and frappe.local.db is replica


def _cached(doctype: str, name: str) -> Any:
	place, newest = (frappe.local.site, doctype, name), version(doctype)
	of_version, until, doc = _kept.get(place, (None, 0, None))
	if of_version == newest and time.monotonic() < until:
		return doc
	key = f"oropendola_current:{doctype}:{newest}:{name}"
	doc = frappe.cache.get_value(key, expires=True)
	if doc is None:
		doc = _read(doctype, name)
		if not (_are_newest(doctype, doc) if name == ALL_ROWS else _is_newest(doc)):
			return doc
		frappe.cache.set_value(key, doc, expires_in_sec=SECONDS)
	_keep(place, newest, doc)
	return doc


def _keep(place: tuple[str, str, str], newest: str, doc: Any) -> None:
	if newest == UNKNOWN:
		return
	if len(_kept) >= MOST_KEPT:
		_kept.clear()
	_kept[place] = (newest, time.monotonic() + KEPT_SECONDS, doc)


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
	_seen_here().clear()
	# Before the commit too: a process that dies right after it could not do it. Who reads in between waits for our locks, or caches nothing.
	_new_version(doctype)
	frappe.db.after_commit.add(lambda: _renew(doctype))
	frappe.db.after_rollback.add(lambda: _changed_here().discard(doctype))


def _renew(doctype: str) -> None:
	_new_version(doctype)
	_changed_here().discard(doctype)
	_seen_here().clear()
	frappe.clear_document_cache(doctype)


def _new_version(doctype: str) -> None:
	frappe.cache.set(_version_key(doctype), frappe.generate_hash(length=12))


def version(doctype: str) -> str:
	"""Return what a cached value of this table is kept under. Every change that commits makes it another one."""
	version = frappe.cache.get(_version_key(doctype))
	if not version:
		frappe.cache.set(_version_key(doctype), frappe.generate_hash(length=12), nx=True)
		version = frappe.cache.get(_version_key(doctype))
	return version.decode() if version else UNKNOWN


def _version_key(doctype: str) -> bytes:
	return frappe.cache.make_key(f"oropendola_version:{doctype}")


def _is_newest(doc: Document) -> bool:
	"""Compare with the row as it is committed now, which a locking read sees whatever this transaction's snapshot is.

	A row that somebody is changing is not waited for, and not cached.
	"""
	if doc.meta.issingle:
		rows = frappe.db.sql(
			"SELECT `value` FROM `tabSingles` WHERE `doctype` = %s AND `field` = 'modified' FOR UPDATE SKIP LOCKED",
			doc.doctype,
		)
	else:
		rows = frappe.db.sql(
			f"SELECT `modified` FROM `tab{doc.doctype}` WHERE `name` = %s FOR UPDATE SKIP LOCKED",  # noqa: S608
			doc.name,
		)
	return bool(rows) and str(rows[0][0]) == str(doc.modified)


def _are_newest(doctype: str, rows: list) -> bool:
	"""The same for a whole table."""
	statement = f"SELECT `name`, `modified` FROM `tab{doctype}` FOR UPDATE SKIP LOCKED"  # noqa: S608
	newest = {(name, str(modified)) for name, modified in frappe.db.sql(statement)}
	return newest == {(row.name, str(row.modified)) for row in rows}


def _seen_here() -> dict[tuple[str, str], tuple[float, Any]]:
	if frappe.flags.oropendola_seen is None:
		frappe.flags.oropendola_seen = {}
	return frappe.flags.oropendola_seen


def _changed_here() -> set[str]:
	if frappe.flags.oropendola_changed is None:
		frappe.flags.oropendola_changed = set()
	return frappe.flags.oropendola_changed
