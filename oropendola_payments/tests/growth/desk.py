"""What staff look at: lists with their counts, number cards, charts, reports, health and metrics."""

import json
from collections.abc import Callable

import frappe
from frappe.desk import query_report, reportview

from oropendola_payments.tests.support.factories import create_user
from oropendola_payments.tests.support.http import call

MODULE = "AI Billing"
PAGE_LENGTH = 20
Work = Callable[[], object]


def views() -> dict[str, Work]:
	return {**_lists(), **_shortcuts(), **_cards(), **_charts(), **_reports(), **_monitoring()}


def _lists() -> dict[str, Work]:
	names = frappe.get_all("DocType", {"module": MODULE, "issingle": 0, "istable": 0}, pluck="name")
	found = {}
	for doctype in sorted(names):
		found[f"list {doctype}"] = lambda doctype=doctype: _open_list(doctype, [])
		for field in frappe.get_meta(doctype).fields:
			if field.in_standard_filter and field.fieldtype in ("Select", "Link", "Data", "Check"):
				filters = _by_value(doctype, field.fieldname)
				found[f"list {doctype} by {field.fieldname}"] = lambda doctype=doctype, filters=filters: (
					_open_list(doctype, filters)
				)
	return found


def _shortcuts() -> dict[str, Work]:
	found = {}
	for row in frappe.get_doc("Workspace", MODULE).shortcuts:
		if row.type == "DocType" and row.stats_filter:
			filters = [
				[row.link_to, field, *value[:2]] for field, value in json.loads(row.stats_filter).items()
			]
			found[f"shortcut {row.label}"] = lambda row=row, filters=filters: _open_list(row.link_to, filters)
	return found


def _by_value(doctype: str, field: str) -> list:
	"""Return the filter with the value that the newest record has."""
	rows = frappe.db.sql(
		f"SELECT `{field}` FROM `tab{doctype}` WHERE `{field}` IS NOT NULL ORDER BY creation DESC LIMIT 1"
	)
	return [[doctype, field, "=", rows[0][0]]] if rows else []


def _open_list(doctype: str, filters: list) -> None:
	"""As the Desk does: a page of rows in the list's own order, and how many there are, up to a thousand."""
	meta = frappe.get_meta(doctype)
	columns = ["name", *(field.fieldname for field in meta.fields if field.in_list_view)]
	order = f"`tab{doctype}`.`{meta.sort_field or 'creation'}` {meta.sort_order or 'desc'}"
	asked = {
		"doctype": doctype,
		"fields": json.dumps([f"`tab{doctype}`.`{name}`" for name in columns]),
		"filters": json.dumps(filters),
	}
	_as_the_desk(
		{**asked, "order_by": order, "start": 0, "page_length": PAGE_LENGTH, "view": "List"}, reportview.get
	)
	_as_the_desk({**asked, "fields": "[]", "distinct": "false", "limit": 1001}, reportview.get_count)


def _as_the_desk(form: dict, work: Callable[[], object]) -> None:
	before = frappe.local.form_dict
	frappe.local.form_dict = frappe._dict(form)
	try:
		work()
	finally:
		frappe.local.form_dict = before


def _cards() -> dict[str, Work]:
	from frappe.desk.doctype.number_card import number_card

	found = {}
	for name in frappe.get_all("Number Card", {"module": MODULE}, pluck="name"):
		card = frappe.get_doc("Number Card", name)
		if card.type == "Custom":
			found[f"card {name}"] = lambda card=card: frappe.get_attr(card.method)()
		else:
			found[f"card {name}"] = lambda card=card: number_card.get_result(
				card.as_dict(), card.filters_json
			)
	return found


def _charts() -> dict[str, Work]:
	chart = "oropendola_payments.api.desk.chart"
	found = {}
	for row in frappe.get_all("Dashboard Chart", {"module": MODULE}, ["name", "filters_json"]):
		found[f"chart {row.name}"] = lambda row=row: frappe.get_attr(chart)(filters=row.filters_json)
	return found


def _reports() -> dict[str, Work]:
	names = frappe.get_all("Report", {"module": MODULE}, pluck="name")
	return {
		f"report {name}": lambda name=name: query_report.run(name, filters={}, ignore_prepared_report=True)
		for name in sorted(names)
	}


def _monitoring() -> dict[str, Work]:
	staff = create_user("Payments Manager")
	return {
		"health, staff": lambda: _well(call("health.status", staff)),
		"metrics": lambda: _well(call("health.metrics", staff, method="GET")),
	}


def _well(answer: object) -> None:
	if answer.status_code != 200:
		raise AssertionError(answer.get_data(as_text=True)[:600])
