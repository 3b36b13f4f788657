"""Sum up the ledger per day, API key and model. What a crash interrupts is summed up by the next run, once.

A batch of rows is marked and added to its sums in one transaction. Rows are picked by their mark and not by their time, so one
that was committed late, or on a machine with another clock, is not left out.
"""

from collections.abc import Iterable

import frappe
from frappe import _
from frappe.utils import cint, now

from oropendola_payments.ai_billing.doctype.ai_usage_day.ai_usage_day import name_of
from oropendola_payments.compat import affected_rows
from oropendola_payments.engine.core.transactions import in_transaction
from oropendola_payments.exceptions import ConcurrentChange

BATCH = 5000
GROUP = ("subscription", "day", "api_key", "model", "source")
AMOUNTS = ("requests", "input_tokens", "output_tokens", "units")
SUMS = (*AMOUNTS, "entries")
Group = tuple[str, ...]


def roll_up() -> int:
	"""Add all rows that are not summed up yet to their sums. Return how many."""
	done = 0
	while count := in_transaction(_roll_up_batch):
		done += count
		if count < BATCH:
			break
	return done


def _roll_up_batch() -> int:
	rows = _next_rows()
	if rows:
		_claim([row[0] for row in rows])
		_add(_sums(rows))
	return len(rows)


def _next_rows() -> list[tuple]:
	table = frappe.qb.DocType("AI Usage Entry")
	query = frappe.qb.from_(table).select(table.name, *(table[column] for column in (*GROUP, *AMOUNTS)))
	return query.where(table.rolled_up == 0).orderby(table.subscription).limit(BATCH).run()


def _claim(names: list[str]) -> None:
	"""Mark the rows as summed up. Raises ConcurrentChange if another process has done so."""
	table = frappe.qb.DocType("AI Usage Entry")
	query = frappe.qb.update(table).set(table.rolled_up, 1)
	query.where(table.name.isin(names)).where(table.rolled_up == 0).run()
	if affected_rows() != len(names):
		raise _busy()


def _sums(rows: Iterable[tuple]) -> dict[Group, list[int]]:
	sums: dict[Group, list[int]] = {}
	first_amount = 1 + len(GROUP)
	for row in rows:
		total = sums.setdefault(row[1:first_amount], [0] * len(SUMS))
		for place, amount in enumerate((*row[first_amount:], 1)):
			total[place] += cint(amount)
	return sums


def _add(sums: dict[Group, list[int]]) -> None:
	by_name = {name_of(*group): (group, total) for group, total in sums.items()}
	known = set(frappe.get_all("AI Usage Day", {"name": ("in", list(by_name))}, pluck="name"))
	_increase({name: total for name, (_group, total) in by_name.items() if name in known})
	_insert({name: both for name, both in by_name.items() if name not in known})


def _increase(totals: dict[str, list[int]]) -> None:
	"""Add to sums that exist, with one statement."""
	if not totals:
		return
	added = f"+ CASE name {'WHEN %s THEN %s ' * len(totals)} ELSE 0 END"
	statement = f"""UPDATE `tabAI Usage Day` SET requests = requests {added}, input_tokens = input_tokens {added},
		output_tokens = output_tokens {added}, units = units {added}, entries = entries {added}, modified = %s
		WHERE name IN ({", ".join(["%s"] * len(totals))})"""  # noqa: S608
	values = [
		part for place in range(len(SUMS)) for name, total in totals.items() for part in (name, total[place])
	]
	frappe.db.sql(statement, [*values, now(), *totals])


def _insert(sums: dict[str, tuple[Group, list[int]]]) -> None:
	if not sums:
		return
	users = _users({group[0] for group, _total in sums.values()})
	at = now()
	stamps = {"owner": "Administrator", "modified_by": "Administrator", "creation": at, "modified": at}
	rows = [
		(name, *group, users.get(group[0]), *total, 0, *stamps.values())
		for name, (group, total) in sums.items()
	]
	columns = ("name", *GROUP, "user", *SUMS, "entries_deleted", *stamps)
	try:
		frappe.qb.into(frappe.qb.DocType("AI Usage Day")).columns(*columns).insert(*rows).run()
	except Exception as error:
		if frappe.db.is_duplicate_entry(error):  # another process was first: both batches are tried again
			raise _busy() from error
		raise


def _busy() -> ConcurrentChange:
	return ConcurrentChange(_("Another process is summing up usage."))


def _users(subscriptions: set[str]) -> dict[str, str]:
	rows = frappe.get_all("AI Subscription", {"name": ("in", list(subscriptions))}, ["name", "user"])
	return {row.name: row.user for row in rows}
