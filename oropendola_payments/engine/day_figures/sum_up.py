"""Sum up days that are over. Each day is one transaction with bounded memory; what a crash interrupts is done by the next run.

Two jobs at once wait for each other at the row of the day, before they read anything: otherwise an older snapshot could
replace newer sums. A change that is committed meanwhile leaves its mark, and the day is summed up again.
"""

from datetime import date, timedelta

import frappe
from frappe import _
from frappe.utils import getdate, now, now_datetime

from oropendola_payments.ai_billing.daily import live, stored
from oropendola_payments.ai_billing.daily.marks import figures_changed
from oropendola_payments.ai_billing.daily.types import CHANGED, CLOSED, SUMS, TABLE
from oropendola_payments.engine.core.batch import for_each_of
from oropendola_payments.engine.core.transactions import in_transaction
from oropendola_payments.exceptions import ConcurrentChange

# A transaction that began before midnight leaves no mark. It has ended long before this.
GRACE = timedelta(hours=1)


def sum_up_days() -> int:
	"""Sum up every day that is over and not summed up, or has changed since. Return how many."""
	return for_each_of(TABLE, _next_days, lambda day: in_transaction(_sum_up, day))


def recount_all() -> int:
	"""Sum up all days again, for instance after somebody changed the database. Return how many."""
	in_transaction(lambda: figures_changed(_days(CLOSED)))
	return sum_up_days()


def _next_days(after: str, count: int) -> list[str]:
	last = (now_datetime() - GRACE).date() - timedelta(days=1)
	due = (_all_days(last) - _days(CLOSED)) | {day for day in _days(CHANGED) if day <= last}
	return [name for name in sorted(map(str, due)) if name > after][:count]


def _all_days(last: date) -> set[date]:
	"""Return all days from the first payment to the last day."""
	begin = frappe.db.sql("SELECT MIN(initiated_at) FROM `tabPayment Attempt`")[0][0]
	first = getdate(begin) if begin else last + timedelta(days=1)
	return {first + timedelta(days=number) for number in range((last - first).days + 1)}


def _days(kind: str) -> set[date]:
	table = frappe.qb.DocType(TABLE)
	query = frappe.qb.from_(table).select(table.day).distinct().where(table.kind == kind)
	return {getdate(day) for day in query.run(pluck=True)}


def _sum_up(name: str) -> None:
	day = getdate(name)
	_lock(day)
	table = frappe.qb.DocType(TABLE)
	query = frappe.qb.from_(table).select(table.name).where(table.day == day)
	replaced = query.where(table.kind.isin((SUMS, CHANGED))).run(pluck=True)
	for found in live.count(day, day):
		_insert({"name": frappe.generate_hash(length=20), **stored.as_row(found)})
	# By name: a condition on the day would lock its gap too, and payments that leave a mark would wait.
	if replaced:
		frappe.qb.from_(table).delete().where(table.name.isin(replaced)).run()


def _lock(day: date) -> None:
	"""Lock the row of the day, or make it, before the first plain read, which begins the snapshot."""
	name = f"day-{day}"
	locked = frappe.db.sql("SELECT `name` FROM `tabPayment Day` WHERE `name` = %s FOR UPDATE", (name,))
	if locked:
		frappe.db.sql("UPDATE `tabPayment Day` SET modified = %s WHERE `name` = %s", (now(), name))
		return
	try:
		_insert({"name": name, "day": day, "kind": CLOSED})
	except Exception as error:
		if frappe.db.is_duplicate_entry(error):
			raise ConcurrentChange(_("Another process is summing up this day.")) from error
		raise


def _insert(values: dict) -> None:
	at, user = now(), frappe.session.user
	row = {**values, "creation": at, "modified": at, "owner": user, "modified_by": user}
	frappe.qb.into(frappe.qb.DocType(TABLE)).columns(*row).insert(*row.values()).run()
