"""All differences between Frappe v15 and v16 that affect this app."""

import frappe


def affected_rows() -> int:
	"""Return the number of rows that the last statement changed."""
	return frappe.db._cursor.rowcount


def permitted_count(doctype: str, filters: dict | list | None) -> int:
	"""Return the number of records the user may see. v16 does not accept an SQL function as text in `fields`."""
	count = {"COUNT": "name", "as": "total"} if _major() >= 16 else "count(name) as total"
	rows = frappe.get_list(doctype, filters=filters, fields=[count], limit_page_length=1)
	return int(rows[0].total or 0) if rows else 0


def desk_path() -> str:
	"""Return the path of the Desk: `/app` in v15, `/desk` in v16."""
	return "/desk" if _major() >= 16 else "/app"


def _major() -> int:
	digits = frappe.__version__.split(".")[0]
	return int(digits) if digits.isdigit() else 0
