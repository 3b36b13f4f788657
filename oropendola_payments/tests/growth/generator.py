"""Fill a site with the records of years, and remove them again."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import frappe
from frappe.utils import now

from oropendola_payments.tests.growth import keys, records, statements
from oropendola_payments.tests.growth.statements import PLANS, PREFIX
from oropendola_payments.tests.growth.stories import steps, stories

USERS, SUBSCRIPTIONS = 100_000, 200_000
AT_ONCE = 20_000
LARGE = 0.1
STAGES = ("growth_subscription", "growth_invoice", "growth_step")
TABLES = ("Payment Event", *records.OF_INVOICES, *records.OF_SUBSCRIPTIONS)
Say = Callable[[str], object]


def fill(scale: float = 1, say: Say = print) -> dict[str, int]:
	"""Return how many rows each table has now. At scale 1, an invoice table of one million."""
	with _quick(scale >= LARGE):
		clear(say)
		_fill(scale, say)
	for doctype in ("User", *TABLES):
		frappe.db.sql(f"ANALYZE TABLE `tab{doctype}`")
	return {doctype: frappe.db.count(doctype) for doctype in ("User", *TABLES)}


def _fill(scale: float, say: Say):
	numbers = {"users": max(10, round(USERS * scale)), "subscriptions": max(20, round(SUBSCRIPTIONS * scale))}
	_make_plans()
	_stage(numbers, say)
	_write_events(say)
	for doctype, statement in records.OF_SUBSCRIPTIONS.items():
		_in_parts(doctype, "growth_subscription", [statement], say)
	for doctype, statement in records.OF_INVOICES.items():
		_in_parts(doctype, "growth_invoice", [statement], say)
	_drop_stages()


def _quick(is_large: bool) -> AbstractContextManager:
	keys.restore()
	return keys.without_keys(TABLES) if is_large else nullcontext()


def _make_plans():
	for number in range(1, PLANS + 1):
		plan = frappe.new_doc("AI Plan")
		plan.update({"plan_id": f"grow-plan-{number}", "plan_name": f"Plan {number}", "price": 500 * number})
		plan.update({"currency": "USD" if number % 3 == 2 else "INR", "billing_interval": "Month"})
		plan.update(
			{"interval_count": 1, "requests_limit_per_day": 1000, "is_active": 1, "sort_order": number}
		)
		plan.insert(ignore_permissions=True)
	frappe.db.commit()


def _stage(numbers: dict[str, int], say: Say):
	values = {**numbers, "now": now()}
	# Texts of the new tables are compared with those of the site's.
	frappe.db.sql("SET collation_connection = @@collation_database")
	frappe.db.sql(statements.USERS.format(**numbers), values)
	for name, statement in (
		("growth_subscription", statements.SUBSCRIPTION_STAGE),
		("growth_invoice", statements.INVOICE_STAGE),
	):
		begin = time.perf_counter()
		frappe.db.sql_ddl(statement.format(**numbers) % _quoted(values))
		say(f"{name}: {_last(name)} in {time.perf_counter() - begin:.0f} s")
	frappe.db.sql_ddl(
		"CREATE TABLE growth_step (status VARCHAR(20), attempts INT, sequence INT, event VARCHAR(40), from_status VARCHAR(20),"
		" to_status VARCHAR(20), about VARCHAR(20), attempt INT, PRIMARY KEY (sequence, status, attempts))"
	)
	for status, attempts in stories():
		for sequence, step in enumerate(steps(status, attempts), 1):
			row = (status, attempts, sequence, step.event, step.before, step.after, step.about, step.attempt)
			frappe.db.sql("INSERT INTO growth_step VALUES (%s, %s, %s, %s, %s, %s, %s, %s)", row)
	frappe.db.commit()


def _quoted(values: dict) -> dict:
	return {name: f"'{value}'" if isinstance(value, str) else value for name, value in values.items()}


def _write_events(say: Say):
	most = frappe.db.sql("SELECT MAX(sequence) FROM growth_step")[0][0]
	chain = [
		statement.format(sequence=sequence)
		for sequence in range(1, most + 1)
		for statement in (statements.EVENTS, statements.LINK)
	]
	_in_parts("Payment Event", "growth_invoice", chain, say)


def _in_parts(what: str, stage: str, todo: list[str], say: Say):
	begin, last = time.perf_counter(), _last(stage)
	for first in range(1, last + 1, AT_ONCE):
		for statement in todo:
			frappe.db.sql(statement, {"first": first, "last": first + AT_ONCE - 1, "now": now()})
		frappe.db.commit()
	say(f"{what}: {time.perf_counter() - begin:.0f} s")


def _last(stage: str) -> int:
	return int(frappe.db.sql(f"SELECT COALESCE(MAX(n), 0) FROM {stage}")[0][0])


def clear(say: Say = print) -> None:
	"""Remove every row that `fill` made, and its tables of the moment."""
	_drop_stages()
	for doctype in TABLES:
		_delete(doctype, PREFIX + "%")
	_delete("AI Plan", "grow-plan-%")
	_delete("User", "grow-%@example.com")
	frappe.db.truncate("Payment Day")  # its sums are of other records now; the job makes them again
	say("removed what an earlier run made")


def _delete(doctype: str, name: str):
	while True:
		frappe.db.sql(f"DELETE FROM `tab{doctype}` WHERE name LIKE %s LIMIT {AT_ONCE}", (name,))
		deleted = frappe.db._cursor.rowcount
		frappe.db.commit()
		if deleted < AT_ONCE:
			return


def _drop_stages():
	for stage in STAGES:
		frappe.db.sql_ddl(f"DROP TABLE IF EXISTS {stage}")
