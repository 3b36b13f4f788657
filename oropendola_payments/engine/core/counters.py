"""Counters against abuse. They are in the database: neither a rollback nor an emptied cache takes a count back."""

import hashlib
from datetime import timedelta

import frappe
from frappe.utils import cint, get_datetime, now_datetime

from oropendola_payments.ai_billing import records
from oropendola_payments.engine.core.transactions import in_transaction, read

COUNTER = "Payment Counter"


def count(kind: str, whose: str, seconds: int) -> tuple[int, int]:
	"""Count one more, and commit: how many it were since the window of `seconds` began, and in how many seconds it ends."""
	name = counter_name(kind, whose)
	try:
		return in_transaction(_count_locked, name, seconds)
	except frappe.DuplicateEntryError:  # somebody began this window at the same moment
		return in_transaction(_count_locked, name, seconds)


def counter_name(kind: str, whose: str) -> str:
	"""A hash, so that the table names neither phones nor addresses."""
	return hashlib.sha256(f"{kind}:{whose}".encode()).hexdigest()[:40]


def _count_locked(name: str, seconds: int) -> tuple[int, int]:
	rows = read(COUNTER, "`name` = %s FOR UPDATE", (name,))
	now = now_datetime()
	if not rows:
		row = records.new(COUNTER)
		row.update({"name": name, "count": 1, "ends_at": now + timedelta(seconds=seconds)})
		row.add()
		return 1, seconds
	row, ends_at = rows[0], get_datetime(rows[0].ends_at)
	if ends_at <= now:
		row.write(count=1, ends_at=now + timedelta(seconds=seconds))
		return 1, seconds
	row.write(count=cint(row.count) + 1)
	return cint(row.count), max(1, int((ends_at - now).total_seconds()))
