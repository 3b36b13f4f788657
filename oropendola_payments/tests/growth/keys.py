"""Secondary indexes that wait while a table is filled or emptied: building them at once is much faster than row by row."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import frappe

LEFT = "growth_key"
KEY = re.compile(r"^\s*((?:UNIQUE )?KEY `[^`]+` .*?),?$", re.MULTILINE)


@contextmanager
def without_keys(doctypes: tuple[str, ...]) -> Iterator[None]:
	"""Drop the tables' indexes inside. They are written down first, so that `restore` brings them back after a crash too."""
	frappe.db.sql_ddl(f"CREATE TABLE IF NOT EXISTS {LEFT} (doctype VARCHAR(140), definition VARCHAR(500))")
	for doctype in doctypes:
		keys = _keys(doctype)
		for definition in keys:
			frappe.db.sql(f"INSERT INTO {LEFT} VALUES (%s, %s)", (doctype, definition))
		frappe.db.commit()
		drops = ", ".join(f"DROP KEY {_name(definition)}" for definition in keys)
		if drops:
			frappe.db.sql_ddl(f"ALTER TABLE `tab{doctype}` {drops}")
	try:
		yield
	finally:
		restore()


def restore() -> None:
	"""Build what is still missing."""
	if not frappe.db.sql(f"SHOW TABLES LIKE '{LEFT}'"):
		return
	left: dict[str, list[str]] = {}
	for doctype, definition in frappe.db.sql(f"SELECT doctype, definition FROM {LEFT}"):
		if definition not in _keys(doctype):
			left.setdefault(doctype, []).append(definition)
	for doctype, definitions in left.items():
		frappe.db.sql_ddl(f"ALTER TABLE `tab{doctype}` " + ", ".join(f"ADD {text}" for text in definitions))
	frappe.db.sql_ddl(f"DROP TABLE {LEFT}")


def _keys(doctype: str) -> list[str]:
	return KEY.findall(frappe.db.sql(f"SHOW CREATE TABLE `tab{doctype}`")[0][1])


def _name(definition: str) -> str:
	return definition.split("KEY ", 1)[1].split(" ", 1)[0]
