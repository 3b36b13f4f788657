"""Overrides of Frappe endpoints that would reveal data of our records, because they do not ask who may read them."""

from typing import Any

import frappe
from frappe import _, client

from oropendola_payments.compat import permitted_count
from oropendola_payments.roles import is_staff

MODULE = "AI Billing"
# How Frappe's functions call the DocType and the name of a record. JSON can have anything there.
DOCTYPES = ("doctype", "dt", "reference_doctype")
NAMES = ("name", "docname", "dn", "reference_name", "doc_name")
SEARCH = "frappe.desk.search"
CHARTS = "frappe.desk.doctype.dashboard_chart.dashboard_chart"


@frappe.whitelist()
def get_count(doctype: str, filters: Any = None, debug: Any = False, cache: Any = False) -> int:
	"""As in Frappe, but with permissions for our records, because counts with filters can reveal the value of any field."""
	if not is_ours(doctype):
		return client.get_count(doctype, filters, debug, cache)  # type: ignore[attr-defined]  # only on a bench
	return permitted_count(doctype, frappe.parse_json(filters))


@frappe.whitelist()
def get(doctype: str, name: Any = None, filters: Any = None, parent: Any = None) -> Any:
	"""As in Frappe, which answers 403 if a foreign record matches the filters and 404 if none does."""
	if is_ours(doctype) and not frappe.get_meta(doctype).issingle:
		is_name = isinstance(name, str | int) and name != ""
		name, filters = name if is_name else _first_readable(doctype, name or filters, parent), None
	return call_original("frappe.client.get", doctype, name=name, filters=filters, parent=parent)


@frappe.whitelist()
def search_link(doctype: str, txt: str, **options: Any) -> Any:
	"""As in Frappe, which without user permissions leaves out the rule that customers find only their own records too."""
	return call_original(f"{SEARCH}.search_link", doctype, txt, **_with_permissions(doctype, options))


@frappe.whitelist()
def search_widget(doctype: str, txt: str, **options: Any) -> Any:
	return call_original(f"{SEARCH}.search_widget", doctype, txt, **_with_permissions(doctype, options))


@frappe.whitelist()
def get_next(doctype: str, value: Any, **options: Any) -> Any:
	"""As in Frappe, which compares own records with any field of a foreign one."""
	if is_ours(doctype):
		value = str(value)
		frappe.has_permission(doctype, "read", doc=value, throw=True)
	return call_original("frappe.desk.form.utils.get_next", doctype, value, **options)


@frappe.whitelist()
def get_group_by_count(doctype: str, current_filters: Any, field: str) -> Any:
	"""As in Frappe, which counts assignments of all records that match the filters."""
	if field == "assigned_to":
		_require_staff(doctype)
	return call_original("frappe.desk.listview.get_group_by_count", doctype, current_filters, field)


@frappe.whitelist()
def get_chart(chart_name: Any = None, chart: Any = None, **options: Any) -> Any:
	"""As in Frappe, whose heat maps sum up all records that match the filters, and which keeps figures for whoever asks next."""
	described = frappe._dict(frappe.parse_json(chart) or {})
	kept = frappe.db.get_value("Dashboard Chart", str(chart_name or described.name), "document_type")
	for doctype in (kept, described.document_type):
		_require_staff(doctype)
	return call_original(f"{CHARTS}.get", chart_name=chart_name, chart=chart, **options)


@frappe.whitelist()
def get_monthly_goal_graph_data(doctype: str, goal_doctype: str, **options: Any) -> Any:
	"""As in Frappe, which sums up all records that match the filters."""
	_require_staff(goal_doctype)
	path = "frappe.utils.goal.get_monthly_goal_graph_data"
	return call_original(path, doctype=doctype, goal_doctype=goal_doctype, **options)


@frappe.whitelist()
def map_docs(method: str, **options: Any) -> Any:
	"""As in Frappe, which calls another function by its name without looking for its override."""
	return call_original("frappe.model.mapper.map_docs", method=_overridden(method), **options)


@frappe.whitelist()
def get_all_nodes(tree_method: str, **options: Any) -> Any:
	return call_original(
		"frappe.desk.treeview.get_all_nodes", tree_method=_overridden(tree_method), **options
	)


def refuse_conditions_as_names() -> None:
	"""Refuse conditions where a name is expected, for `before_request`: 403 or 404 would tell whether a foreign record fits them."""
	form = frappe.local.form_dict
	if not any(isinstance(form.get(key), dict | list) for key in NAMES):
		return
	if any(isinstance(form.get(key), str) and is_ours(form[key]) for key in DOCTYPES):
		raise frappe.PermissionError(_("Please send a name."))


def is_ours(doctype: str | None) -> bool:
	return bool(doctype) and frappe.get_meta(doctype).module == MODULE


def _require_staff(doctype: str | None) -> None:
	if is_ours(doctype) and not is_staff():
		raise frappe.PermissionError(_("Only payments staff may see this."))


def _first_readable(doctype: str, filters: Any, parent: Any) -> str:
	rows = frappe.get_list(
		doctype, filters=frappe.parse_json(filters), pluck="name", limit_page_length=1, parent_doctype=parent
	)
	if not rows:
		raise frappe.DoesNotExistError
	return rows[0]


def _with_permissions(doctype: str, options: dict) -> dict:
	return {**options, "ignore_user_permissions": False} if is_ours(doctype) else options


def _overridden(path: str) -> str:
	return (frappe.get_hooks("override_whitelisted_methods", {}).get(path) or [path])[-1]


def call_original(path: str, /, *args: Any, **options: Any) -> Any:
	"""Call Frappe's own function with those options that it knows."""
	return frappe.call(frappe.get_attr(path), *args, **options)
