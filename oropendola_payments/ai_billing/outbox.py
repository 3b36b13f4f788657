"""The outbox of webhook events: what happened is stored in its own transaction, with one INSERT just before the commit.

Nothing is stored while nobody listens. Whether somebody does comes from a cache that is filled by a locking read, so that an old
snapshot cannot fill it again.
"""

import json
import secrets
import time
from collections.abc import Iterable, Mapping
from typing import Any

import frappe
from frappe.utils import now

from oropendola_payments.ai_billing import webhook_types
from oropendola_payments.ai_billing.current import cached

ENDPOINT, EVENT = "AI Webhook Endpoint", "AI Webhook Event"
EVERYBODY, SOMEBODY = "*", "?"  # no user has such a name
# By the index of status and user, so that at most one other customer's endpoint is locked.
LISTENERS = "SELECT `name` FROM `tabAI Webhook Endpoint` WHERE `status` = 'Active' AND"
COLUMNS = (
	*("name", "type", "user", "occurred_at", "status", "data"),
	*("owner", "creation", "modified", "modified_by"),
)


def announce(kind: str, user: str | None, **data: Any) -> None:
	"""Store an event of this type for the customer's endpoints and those of the managers, if the transaction commits."""
	if not _queue():
		frappe.db.before_commit.add(flush)
		frappe.db.after_rollback.add(discard)
	_queue().append({"type": kind, "user": user, "occurred_at": now(), "data": data})


def announce_audited(rows: Iterable[Mapping], user: str | None, subscription: str | None = None) -> None:
	"""Announce those events of the audit trail that have a public type."""
	for row in rows:
		kind = webhook_types.type_of(row["event"], row.get("from_status"), row.get("to_status"))
		if kind:
			announce(kind, user, **webhook_types.facts(row, subscription))


def flush() -> None:
	"""Write what was announced. Before a savepoint, call it so that the savepoint's rollback undoes only what came after it."""
	heard = {user for user in {row["user"] for row in _queue()} if has_listener(user)}
	rows = [row for row in _queue() if row["user"] in heard]
	discard()
	if rows:
		_insert(rows)
		frappe.db.after_commit.add(_tell)


def discard() -> None:
	_queue().clear()


def has_listener(user: str | None) -> bool:
	"""Return whether an active endpoint gets the events of this customer."""
	return _listens(EVERYBODY) or bool(user and _listens(SOMEBODY) and _listens(user))


def new_name() -> str:
	"""Return a name for an event. Names sort by time, and contain no dot, because signatures join them with dots."""
	return f"evt_{time.time_ns() // 1000:014x}{secrets.token_hex(6)}"


def _listens(owner: str) -> bool:
	return bool(cached(ENDPOINT, owner, lambda: int(_has_endpoint(owner))))


def _has_endpoint(owner: str) -> bool:
	"""Ask for the newest committed row, whatever the snapshot of this transaction is."""
	if owner in (EVERYBODY, SOMEBODY):
		whose = "IS NULL" if owner == EVERYBODY else "IS NOT NULL"
		return bool(frappe.db.sql(f"{LISTENERS} `user` {whose} LIMIT 1 FOR UPDATE"))
	return bool(frappe.db.sql(f"{LISTENERS} `user` = %s LIMIT 1 FOR UPDATE", (owner,)))


def _insert(rows: list[dict]) -> None:
	stamp, user = now(), frappe.session.user
	values: list[Any] = []
	for row in rows:
		data = json.dumps(row["data"], default=str, ensure_ascii=False)
		values += [new_name(), row["type"], row["user"], row["occurred_at"], "Waiting", data]
		values += [user, stamp, stamp, user]
	columns = ", ".join(f"`{column}`" for column in COLUMNS)
	marks = ", ".join("(" + ", ".join(["%s"] * len(COLUMNS)) + ")" for _row in rows)
	frappe.db.sql(f"INSERT INTO `tab{EVENT}` ({columns}) VALUES {marks}", values)  # noqa: S608


def _tell() -> None:
	"""Start the work that waits for the commit. It is named in hooks.py, because it lies in the engine."""
	for path in frappe.get_hooks("payments_outbox_filled"):
		frappe.get_attr(path)()


def _queue() -> list[dict]:
	if frappe.flags.oropendola_outbox is None:
		frappe.flags.oropendola_outbox = []
	return frappe.flags.oropendola_outbox
