"""Results of reports that read most of a large table: on a large site a job counts them every night, and the reports show them with their time.

Frappe's prepared reports are found only by the user who asked for them and by exactly the same filters, today's date included,
so every manager and auditor would need their own every day.
"""

import json
from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

import frappe
from frappe import _
from frappe.utils import cint, get_datetime, now

from oropendola_payments.ai_billing.formatting import moment

TABLE = "AI Report Result"
LARGE, SETTING = 100_000, "keep_reports_from_rows"
# What the database believes, from its statistics. Counting the rows would read them all.
STATISTICS = {
	"mariadb": "SELECT table_rows FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = %s",
	"postgres": "SELECT GREATEST(CAST(reltuples AS BIGINT), 0) FROM pg_class WHERE relname = %s",
}


class Kept(NamedTuple):
	counted_on: datetime
	rows: list[dict]

	def note(self) -> str:
		"""Return what the report says about its age."""
		text = _(
			"Counted on {0}. On a large site this report is counted every night. Tick Count Now to count it from the records, which may take minutes."
		)
		return text.format(moment(self.counted_on))


def find(name: str, filters: dict) -> Kept | None:
	"""Return what was counted last, or None if nothing is kept or the user wants it counted now."""
	if cint(filters.get("count_now")):
		return None
	found = frappe.db.get_value(TABLE, name, ["counted_on", "result"], as_dict=True)
	return Kept(get_datetime(found.counted_on), json.loads(found.result)) if found else None


def keep(name: str, rows: list[dict], counted_on: str) -> None:
	"""Replace what is kept. Amounts and days become texts."""
	forget([name])
	user = frappe.session.user
	stamps = {"creation": now(), "modified": now(), "owner": user, "modified_by": user}
	values = {"name": name, "counted_on": counted_on, "result": json.dumps(rows, default=str), **stamps}
	frappe.qb.into(frappe.qb.DocType(TABLE)).columns(*values).insert(*values.values()).run()


def forget(names: Iterable[str]) -> None:
	"""Let these reports read the records again."""
	frappe.db.delete(TABLE, {"name": ("in", list(names))})


def show_at_once(report: str) -> None:
	"""Undo that Frappe made this a prepared report, as it does once a report took 15 seconds. What an administrator chose stays."""
	if frappe.db.get_value("Report", report, "prepared_report") and not _was_chosen(report):
		frappe.db.set_value("Report", report, "prepared_report", 0)


def _was_chosen(report: str) -> bool:
	"""Return whether somebody ticked Prepared Report in the form. That leaves a version, and Frappe's own change does not."""
	about = {"ref_doctype": "Report", "docname": report, "data": ("like", '%"prepared_report"%')}
	versions = frappe.get_all("Version", about, pluck="data", order_by="creation desc", limit=1)
	changes = json.loads(versions[0]).get("changed") or [] if versions else []
	return any(field == "prepared_report" and cint(after) for field, _before, after in changes)


def is_large(doctype: str) -> bool:
	"""Return whether a table is so large that reports do not read it while somebody waits."""
	limit = frappe.conf.get(SETTING)
	return _estimated_rows(doctype) >= (LARGE if limit is None else cint(limit))


def _estimated_rows(doctype: str) -> int:
	statement = STATISTICS.get(frappe.db.db_type)
	rows = frappe.db.sql(statement, (f"tab{doctype}",)) if statement else ()
	return cint(rows[0][0]) if rows else 0
