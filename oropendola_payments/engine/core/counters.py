"""Rate-limit counters, in the database, so that neither a rollback nor an emptied cache resets them."""

import hashlib
from datetime import timedelta

import frappe
from frappe.utils import cint, get_datetime, now_datetime

from oropendola_payments.ai_billing import records
from oropendola_payments.engine.core.transactions import in_transaction, lock

COUNTER = "Payment Counter"


def count(kind: str, whose: str, seconds: int) -> tuple[int, int]:
	"""Increment and commit a counter. Return the count within its window of `seconds`, and the seconds until the window ends."""
	name = counter_name(kind, whose)
	try:
		return in_transaction(_count_locked, name, seconds)
	except frappe.DuplicateEntryError:  # a concurrent request created the counter
		return in_transaction(_count_locked, name, seconds)


def take_back(kind: str, whose: str) -> None:
	"""Decrement and commit a counter, for what turned out not to count."""
	in_transaction(_take_back_locked, counter_name(kind, whose))


def counter_name(kind: str, whose: str) -> str:
	"""Return a hash as the name, so that the table contains neither phone numbers nor IP addresses."""
	return hashlib.sha256(f"{kind}:{whose}".encode()).hexdigest()[:40]


def _count_locked(name: str, seconds: int) -> tuple[int, int]:
	now = now_datetime()
	# Look without a lock first: locking the gap where the row will be makes many new counters wait for each other.
	if not frappe.db.exists(COUNTER, name):
		row = records.new(COUNTER)
		row.update({"name": name, "count": 1, "ends_at": now + timedelta(seconds=seconds)})
		row.add()
		return 1, seconds
	row = lock(COUNTER, name)
	ends_at = get_datetime(row.ends_at)
	if ends_at <= now:
		row.write(count=1, ends_at=now + timedelta(seconds=seconds))
		return 1, seconds
	row.write(count=cint(row.count) + 1)
	return cint(row.count), max(1, int((ends_at - now).total_seconds()))


def _take_back_locked(name: str) -> None:
	if frappe.db.exists(COUNTER, name):
		row = lock(COUNTER, name)
		row.write(count=max(0, cint(row.count) - 1))
