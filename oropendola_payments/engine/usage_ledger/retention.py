"""Delete old rows of the ledger, after it was proved that the sums hold them. What does not fit is kept and logged."""

from collections.abc import Iterator
from datetime import date, timedelta

import frappe
from frappe.query_builder.functions import Count, Sum
from frappe.utils import cint

from oropendola_payments.ai_billing.current import payment_settings
from oropendola_payments.ai_billing.periods import today
from oropendola_payments.engine.core.transactions import in_transaction
from oropendola_payments.engine.usage_ledger.rollup import AMOUNTS

BATCH = 5000
PAGE = 500


def clear_old_entries() -> int:
	"""Delete rows that are older than the setting says. Return how many."""
	days = cint(payment_settings().usage_retention_days)
	if not days:
		return 0
	return sum(_clear(*group) for group in _groups_before(today() - timedelta(days=days)))


def _groups_before(cutoff: date) -> Iterator[tuple[date, str]]:
	"""Yield each day of each subscription, from page to page, because deleting goes on meanwhile."""
	table = frappe.qb.DocType("AI Usage Entry")
	last: tuple[date, str] | None = None
	while True:
		query = frappe.qb.from_(table).select(table.day, table.subscription).distinct()
		query = query.where(table.day < cutoff)
		if last:
			later = (table.day == last[0]) & (table.subscription > last[1])
			query = query.where((table.day > last[0]) | later)
		groups = query.orderby(table.day).orderby(table.subscription).limit(PAGE).run()
		yield from groups
		if len(groups) < PAGE:
			return
		last = groups[-1]


def _clear(day: date, subscription: str) -> int:
	if not in_transaction(_release_for_deletion, day, subscription):
		return 0
	done = 0
	while count := in_transaction(_delete_batch, day, subscription):
		done += count
	return done


def _release_for_deletion(day: date, subscription: str) -> bool:
	"""Mark the sums once they are proved. After that fewer rows than the sums say are no fault."""
	sums = frappe.qb.DocType("AI Usage Day")
	where = (sums.day == day) & (sums.subscription == subscription)
	marked = frappe.qb.from_(sums).select(Count("*")).where(where).where(sums.entries_deleted == 1).run()
	if marked[0][0]:
		return True
	if not _agree(day, subscription):
		title = f"Usage of {subscription} on {day} differs from its sums"
		frappe.log_error(
			title=title[:140], message="The rows of the ledger are kept. See docs/operations.md."
		)
		return False
	frappe.qb.update(sums).set(sums.entries_deleted, 1).where(where).run()
	return True


def _agree(day: date, subscription: str) -> bool:
	entries, sums = frappe.qb.DocType("AI Usage Entry"), frappe.qb.DocType("AI Usage Day")
	amounts = [Sum(entries[column]) for column in AMOUNTS]
	rows = frappe.qb.from_(entries).select(*amounts, Count("*"), Sum(entries.rolled_up))
	*booked, count, marked = rows.where((entries.day == day) & (entries.subscription == subscription)).run()[
		0
	]
	totals = [Sum(sums[column]) for column in (*AMOUNTS, "entries")]
	summed = frappe.qb.from_(sums).select(*totals)
	summed = summed.where((sums.day == day) & (sums.subscription == subscription)).run()[0]
	return cint(marked) == cint(count) and [*map(cint, booked), cint(count)] == [*map(cint, summed)]


def _delete_batch(day: date, subscription: str) -> int:
	table = frappe.qb.DocType("AI Usage Entry")
	old = (table.day == day) & (table.subscription == subscription) & (table.rolled_up == 1)
	old &= table.holds_credits == 0  # without this row the credits could not go back
	names = frappe.qb.from_(table).select(table.name).where(old).limit(BATCH).run(pluck=True)
	if names:
		frappe.qb.from_(table).delete().where(table.name.isin(names)).run()
	return len(names)
