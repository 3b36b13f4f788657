"""Who may do what: roles of DocTypes, owners, and the hooks of apps. User permissions and shares are not here."""

import frappe
from frappe import _
from frappe._absent import _absent
from frappe.types import _dict
from frappe.utils import cint

rights = ["select", "read", "write", "create", "delete", "submit", "cancel", "amend"]
rights += ["print", "email", "report", "import", "export", "share"]
AUTOMATIC_ROLES = ("Guest", "All", "Desk User", "Administrator")


def _has_permission(doctype=None, ptype="read", doc=None, user=None, throw=False, *, parent_doctype=None):
	"""Whether the user may do this with the DocType or the document; raises instead of False with `throw`."""
	doctype = doctype or doc.doctype
	allowed = _is_allowed(doctype, ptype, doc, user, parent_doctype, explain=throw)
	if throw and not allowed:
		name = f" {doc if isinstance(doc, str) else doc.name}" if doc else ""
		frappe.flags.error_message = _("No permission for {0}").format(_(doctype) + name)
		raise frappe.PermissionError
	return allowed


def has_permission(doctype, ptype="read", doc=None, user=None, *, parent_doctype=None) -> bool:
	"""Whether the user may; explains a refusal in a message."""
	return _is_allowed(doctype, ptype, doc, user, parent_doctype)


def _is_allowed(doctype, ptype="read", doc=None, user=None, parent_doctype=None, explain=True) -> bool:
	user = user or frappe.session.user
	if user == "Administrator":
		return True
	meta = frappe.get_meta(doctype)
	if meta.istable:
		return _has_permission_for_row(doctype, ptype, doc, user, parent_doctype, explain)
	if isinstance(doc, str | int):
		doc = frappe.get_doc(doctype, doc)
	granted = get_doc_permissions(doc, user, ptype) if doc else get_role_permissions(meta, user)
	allowed = bool(granted.get(ptype))
	if not allowed and explain and user == frappe.session.user:
		frappe.msgprint(_refusal(user, doctype, doc))
	return allowed


def _refusal(user, doctype, doc) -> str:
	if doc:
		message = _("User {0} does not have access to this document").format(frappe.bold(user))
		may_know = _is_allowed(doctype, explain=False)
		return message + (f": {_(doctype)} - {doc.name}" if may_know else "")
	message = _("User {0} does not have doctype access via role permission for document {1}")
	return message.format(frappe.bold(user), frappe.bold(_(doctype)))


def _has_permission_for_row(child_doctype, ptype, row, user, parent_doctype, explain) -> bool:
	"""Rights on a row are those on its parent."""
	parent = None
	if row and not isinstance(row, str):
		parent_doctype = row.parenttype
		parent = row.parent_doc or frappe.get_doc(row.parenttype, row.parent)
	if not parent_doctype:
		frappe.msgprint(_("Please specify a valid parent DocType for {0}").format(child_doctype))
		return False
	if not any(df.options == child_doctype for df in frappe.get_meta(parent_doctype).get_table_fields()):
		return False
	return _is_allowed(parent_doctype, ptype, parent, user, explain=explain)


def get_doc_permissions(doc, user=None, ptype=None) -> dict:
	"""Rights on one document, with those of its owner."""
	user = user or frappe.session.user
	if not has_controller_permissions(doc, ptype, user=user):
		return {ptype: 0}
	is_owner = (doc.get("owner") or "").lower() == user.lower()
	granted = _dict(get_role_permissions(frappe.get_meta(doc.doctype), user, is_owner))
	if granted.has_if_owner_enabled:
		granted.update(granted.if_owner)
	return granted


def get_role_permissions(doctype_meta, user=None, is_owner=None) -> dict:
	"""Rights on a DocType; those that only owners have are under `if_owner`."""
	user = user or frappe.session.user
	if user == "Administrator":
		return dict.fromkeys(rights, 1)
	key = (doctype_meta.name, user, bool(is_owner))
	known = frappe.local.role_permissions
	if key not in known:
		known[key] = _evaluate(doctype_meta, frappe.get_roles(user), bool(is_owner))
	return known[key]


def _evaluate(meta, roles: list[str], is_owner: bool) -> dict:
	rows = [row for row in meta.permissions if row.role in roles and not cint(row.permlevel)]
	granted = _dict(if_owner={}, has_if_owner_enabled=any(row.if_owner for row in rows))
	for right in rights:
		granting = [row for row in rows if row.get(right)]
		granted[right] = int(bool(granting))
		if granting and all(row.if_owner for row in granting) and right != "create":
			granted["if_owner"][right] = int(is_owner)
			# Lists stay readable; they are cut down to the own documents.
			granted[right] = int(right in ("select", "read"))
	return granted


def has_controller_permissions(doc, ptype, user=None) -> bool:
	"""The verdict of the apps' has_permission hooks, which can only take rights away."""
	hooks = frappe.get_hooks("has_permission", {})
	for method in reversed(hooks.get(doc.doctype, []) + hooks.get("*", [])):
		answer = frappe.call(method, doc=doc, ptype=ptype, user=user or frappe.session.user)
		if answer is not None:
			return bool(answer)
	return True


def get_roles(user=None, with_standard=True) -> list[str]:
	user = user or frappe.session.user
	if not user or user == "Guest":
		return ["Guest"]
	roles = frappe.cache.hget("roles", user, lambda: _read_roles(user))
	return roles if with_standard else [role for role in roles if role not in AUTOMATIC_ROLES]


def _read_roles(user: str) -> list[str]:
	if user == "Administrator":
		return frappe.db.sql("select name from `tabRole`", pluck=True)
	query = "select role from `tabHas Role` where parenttype = 'User' and parent = %s and role not in %s"
	roles = frappe.db.sql(query, (user, AUTOMATIC_ROLES), pluck=True)
	opens_desk = frappe.db.get_value("User", {"name": user, "enabled": 1, "user_type": "System User"})
	return [*roles, "All", "Guest", *(["Desk User"] if opens_desk else [])]


_absent("frappe.permissions")
