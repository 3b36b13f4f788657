"""All differences between Frappe v15 and v16, and between MariaDB and PostgreSQL, that affect this app."""

from typing import Any

import frappe

CHANGED_SINCE_READ = 1020
SERIALIZATION_FAILURE = "40001"


def affected_rows() -> int:
	"""Return the number of rows that the last statement changed."""
	return frappe.db._cursor.rowcount


def update_and_tell(statement: str, column: str, value: str, parameters: dict) -> int | None:
	"""Run an UPDATE that sets `column` of one row to `{value}`. Return the number that it set, or None if no row fits.

	In one statement: MariaDB's answer to an UPDATE carries what LAST_INSERT_ID was given; other databases know RETURNING.
	"""
	if frappe.db.db_type == "mariadb":
		frappe.db.sql(statement.format(value=f"LAST_INSERT_ID({value})"), parameters)
		return frappe.db._cursor.lastrowid if affected_rows() == 1 else None
	rows = frappe.db.sql(f"{statement.format(value=value)} RETURNING {column}", parameters)
	return rows[0][0] if rows else None


def unless_it_exists() -> str:
	"""Return the end of an INSERT after which the transaction goes on although a unique key refused the row. In MariaDB it always does."""
	return " ON CONFLICT DO NOTHING" if frappe.db.db_type == "postgres" else ""


def locks_ranges() -> bool:
	"""Return whether rows that are locked by a condition keep others from inserting one that fits it."""
	return frappe.db.db_type != "postgres"


def see_what_is_committed() -> None:
	"""Let the statements of a new transaction see what was committed before a lock for which it waited.

	In MariaDB the snapshot begins with the first plain read. In PostgreSQL it would begin with the wait for the first lock.
	"""
	if frappe.db.db_type == "postgres":
		frappe.db.sql("SET TRANSACTION ISOLATION LEVEL READ COMMITTED")


def add_index(doctype: str, fields: list[str], name: str | None = None) -> None:
	"""Index these columns. Only in MariaDB do two tables have indexes of the same name, and Frappe names them by the columns alone."""
	if frappe.db.db_type != "mariadb":
		name = "_".join([frappe.scrub(doctype), *fields])
	frappe.db.add_index(doctype, fields, name)


def ensure_index(doctype: str, field: str) -> None:
	"""Index a column, unless there is an index of it alone."""
	if not _has_index(f"tab{doctype}", field):
		add_index(doctype, [field], field)


def _has_index(table: str, field: str) -> bool:
	if frappe.db.db_type == "postgres":
		query = "SELECT 1 FROM pg_indexes WHERE tablename = %s AND (indexdef LIKE %s OR indexdef LIKE %s)"
		return bool(frappe.db.sql(query, (table, f"%({field})", f'%("{field}")')))
	is_mariadb = frappe.db.db_type == "mariadb"
	return is_mariadb and bool(frappe.db.get_column_index(table, field))  # type: ignore[attr-defined]  # only on a bench


def makes_all_indexes() -> bool:
	"""Return whether Frappe makes the indexes that a DocType asks for. In PostgreSQL only the first table with a field gets one."""
	return frappe.db.db_type != "postgres"


def commit() -> None:
	"""Commit and begin the next transaction."""
	frappe.db.commit(**_in_one_statement())


def rollback() -> None:
	"""Roll back and begin the next transaction, unless nothing was asked of the database yet: Frappe would connect for that alone."""
	db = frappe.db
	if db._conn is None and not db.before_commit._functions and not db.after_commit._functions:
		return
	db.rollback(**_in_one_statement())


def _in_one_statement() -> dict[str, Any]:
	return {"chain": True} if _major() >= 16 else {}


def is_conflict(error: Exception) -> bool:
	"""Return whether another transaction was in the way, so that the same may succeed when it is tried again."""
	if isinstance(error, frappe.QueryDeadlockError | frappe.QueryTimeoutError):
		return True
	# Frappe 15 knows neither this error of MariaDB 11.6 and later, whose `innodb_snapshot_isolation` is on, nor that of PostgreSQL.
	changed = bool(error.args) and error.args[0] == CHANGED_SINCE_READ
	return changed or getattr(error, "pgcode", None) == SERIALIZATION_FAILURE


def cached_for_a_time(key: str) -> Any:
	"""Return a cached value that expires. v16 would keep it in the process until its job or request ends."""
	frappe.local.cache.pop(frappe.cache.make_key(key), None)
	return frappe.cache.get_value(key, expires=True)


def permitted_count(doctype: str, filters: dict | list | None) -> int:
	"""Return the number of records the user may see. v16 does not accept an SQL function as text in `fields`."""
	count = {"COUNT": "name", "as": "total"} if _major() >= 16 else "count(name) as total"
	rows = frappe.get_list(doctype, filters=filters, fields=[count], limit_page_length=1)
	return int(rows[0].total or 0) if rows else 0


def desk_path() -> str:
	"""Return the path of the Desk: `/app` in v15, `/desk` in v16."""
	return "/desk" if _major() >= 16 else "/app"


def serves_oauth_metadata() -> bool:
	"""Return whether the framework itself tells clients where to log in. v15 has no such pages, so the app serves them."""
	return _major() >= 16


def set_final_header(response: Any, name: str, value: str) -> None:
	"""Set a header of the response that v16 would replace after the hooks."""
	response.headers[name] = value
	late = getattr(frappe.local, "response_headers", None)
	if late is not None:
		late[name] = value


def _major() -> int:
	digits = frappe.__version__.split(".")[0]
	return int(digits) if digits.isdigit() else 0
