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


def _for_staff(path: str, argument: str = "doctype", **whitelisted: Any) -> Any:
	"""Return Frappe's function for those who have the right. `argument` names the DocType."""

	@frappe.whitelist(**whitelisted)
	def override(**options: Any) -> Any:
		_require_right(options.get(argument))
		return call_original(path, **options)

	return override


def _to_assign(path: str) -> Any:
	@frappe.whitelist()
	def override(**options: Any) -> Any:
		_require_right_to_assign(options)
		return call_original(path, **options)

	return override


# It tells whether a foreign record has the tag already, and lists the tagged records of everybody.
add_tag = _for_staff(f"{TAGS}.add_tag", "dt")
remove_tag = _for_staff(f"{TAGS}.remove_tag", "dt")
add_tags = _for_staff(f"{TAGS}.add_tags", "dt")
get_tagged_docs = _for_staff(f"{TAGS}.get_tagged_docs")
# These write into any record and its timeline, and one mails the comment to the owner of the record.
toggle_like = _for_staff("frappe.desk.like.toggle_like")
add_website_comment = _for_staff(
	"frappe.templates.includes.comments.comments.add_comment", "reference_doctype", allow_guest=True
)
# Whoever may read the record chooses whose name stands below the comment, and can cancel the tasks of others.
add_comment = _for_staff("frappe.desk.form.utils.add_comment", "reference_doctype", methods=["POST", "PUT"])
add_assignment = _to_assign(f"{ASSIGNMENTS}.add")
add_assignments = _to_assign(f"{ASSIGNMENTS}.add_multiple")
remove_assignment = _for_staff(f"{ASSIGNMENTS}.remove")
remove_assignments = _for_staff(f"{ASSIGNMENTS}.remove_multiple")
# Everybody can end the subscription of somebody else.
get_follow_users = _for_staff(f"{FOLLOWERS}.get_follow_users")
unfollow_document = _for_staff(f"{FOLLOWERS}.unfollow_document")
# They send all comments and tasks with the record.
getdoc = _for_staff(f"{LOAD}.getdoc")
get_docinfo = _for_staff(f"{LOAD}.get_docinfo")
get_communications = _for_staff(f"{LOAD}.get_communications")


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
