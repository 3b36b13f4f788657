"""Overrides of Frappe endpoints for what stands beside a record: tags, likes, assignments, comments and followers.

Some of them ask for no right on the record, and others for the right to read it, which customers have on their own. On our records
these are notes of payments staff, so customers neither read nor write them.
"""

from typing import Any

import frappe
from frappe import _

from oropendola_payments.overrides import call_original, is_ours
from oropendola_payments.roles import is_staff

TAGS = "frappe.desk.doctype.tag.tag"
ASSIGNMENTS = "frappe.desk.form.assign_to"
FOLLOWERS = "frappe.desk.form.document_follow"
LOAD = "frappe.desk.form.load"


@frappe.whitelist()
def add_tag(dt: str, **options: Any) -> Any:
	"""As in Frappe, which tells whether a foreign record has the tag already."""
	_require_right(dt)
	return call_original(f"{TAGS}.add_tag", dt=dt, **options)


@frappe.whitelist()
def add_tags(dt: str, **options: Any) -> Any:
	_require_right(dt)
	return call_original(f"{TAGS}.add_tags", dt=dt, **options)


@frappe.whitelist()
def remove_tag(dt: str, **options: Any) -> Any:
	_require_right(dt)
	return call_original(f"{TAGS}.remove_tag", dt=dt, **options)


@frappe.whitelist()
def get_tagged_docs(doctype: str, **options: Any) -> Any:
	"""As in Frappe, which lists the tagged records of everybody."""
	_require_right(doctype)
	return call_original(f"{TAGS}.get_tagged_docs", doctype=doctype, **options)


@frappe.whitelist()
def toggle_like(doctype: str, **options: Any) -> Any:
	"""As in Frappe, which writes into any record and its timeline."""
	_require_right(doctype)
	return call_original("frappe.desk.like.toggle_like", doctype=doctype, **options)


@frappe.whitelist(allow_guest=True)
def add_website_comment(reference_doctype: str, **options: Any) -> Any:
	"""As in Frappe, which writes into the timeline of any record, and mails the comment to the owner of the record."""
	_require_right(reference_doctype)
	path = "frappe.templates.includes.comments.comments.add_comment"
	return call_original(path, reference_doctype=reference_doctype, **options)


@frappe.whitelist(methods=["POST", "PUT"])
def add_comment(reference_doctype: str, **options: Any) -> Any:
	"""As in Frappe, where whoever may read the record chooses whose name stands below the comment."""
	_require_right(reference_doctype)
	path = "frappe.desk.form.utils.add_comment"
	return call_original(path, reference_doctype=reference_doctype, **options)


@frappe.whitelist()
def add_assignment(**options: Any) -> Any:
	_require_right_to_assign(options)
	return call_original(f"{ASSIGNMENTS}.add", **options)


@frappe.whitelist()
def add_assignments(**options: Any) -> Any:
	_require_right_to_assign(options)
	return call_original(f"{ASSIGNMENTS}.add_multiple", **options)


@frappe.whitelist()
def remove_assignment(doctype: str, **options: Any) -> Any:
	"""As in Frappe, where whoever may read the record can cancel the tasks of others."""
	_require_right(doctype)
	return call_original(f"{ASSIGNMENTS}.remove", doctype=doctype, **options)


@frappe.whitelist()
def remove_assignments(doctype: str, **options: Any) -> Any:
	_require_right(doctype)
	return call_original(f"{ASSIGNMENTS}.remove_multiple", doctype=doctype, **options)


@frappe.whitelist()
def get_follow_users(doctype: str, **options: Any) -> Any:
	_require_right(doctype)
	return call_original(f"{FOLLOWERS}.get_follow_users", doctype=doctype, **options)


@frappe.whitelist()
def unfollow_document(doctype: str, **options: Any) -> Any:
	"""As in Frappe, where everybody can end the subscription of somebody else."""
	_require_right(doctype)
	return call_original(f"{FOLLOWERS}.unfollow_document", doctype=doctype, **options)


@frappe.whitelist()
def getdoc(doctype: str, **options: Any) -> Any:
	"""As in Frappe, which sends all comments and tasks with the record."""
	_require_right(doctype)
	return call_original(f"{LOAD}.getdoc", doctype=doctype, **options)


@frappe.whitelist()
def get_docinfo(doctype: str, **options: Any) -> Any:
	_require_right(doctype)
	return call_original(f"{LOAD}.get_docinfo", doctype=doctype, **options)


@frappe.whitelist()
def get_communications(doctype: str, **options: Any) -> Any:
	_require_right(doctype)
	return call_original(f"{LOAD}.get_communications", doctype=doctype, **options)


def _require_right_to_assign(options: dict) -> None:
	"""Frappe takes what to assign from the request, or from `args` in it."""
	inner = frappe.parse_json(options.get("args") or {})
	for sent in (options, inner):
		if isinstance(sent, dict):
			_require_right(sent.get("doctype"))


def _require_right(doctype: str | None) -> None:
	"""Refuse who has no right on the DocType, or, on those whose own records customers may read, is no payments staff."""
	if not is_ours(doctype) or is_staff():
		return
	if doctype in frappe.get_hooks("has_permission", {}) or not frappe.has_permission(doctype, "read"):
		raise frappe.PermissionError(_("Only payments staff may see this."))
