"""Deletes documents that nothing refers to."""

import frappe
from frappe import _
from frappe.modules.utils import _apps_in_use, _core_definitions, _doctypes_of
from frappe.utils import get_link_to_form
from frappe.utils.password import delete_all_passwords_for

# As in Frappe, these may point at something that is gone.
_IGNORED = {"Error Log", "Email Queue", "Comment", "Version", "Deleted Document", "File", "Notification Log"}


def delete_doc(
	doctype=None,
	name=None,
	force=0,
	ignore_doctypes=None,
	for_reload=False,
	ignore_permissions=False,
	flags=None,
	ignore_on_trash=False,
	ignore_missing=True,
	delete_permanently=False,
):
	"""Delete with checks and events; False when there was nothing to delete."""
	for one in [name] if isinstance(name, str | int) else name or []:
		if not frappe.db.exists(doctype, one):
			if ignore_missing:
				return False
			raise frappe.DoesNotExistError
		doc = _lock(doctype, one)
		doc.flags.update(flags or {})
		doc.flags.ignore_permissions = ignore_permissions or doc.flags.ignore_permissions
		check_permission_and_not_submitted(doc)
		_delete(doc, force, ignore_doctypes or [], ignore_on_trash, delete_permanently)


def _lock(doctype: str, name: str):
	try:
		frappe.db.get_value(doctype, name, for_update=True, wait=False)
	except frappe.QueryTimeoutError:
		message = _(
			"This document can not be deleted right now, because somebody else is changing it. Try again later."
		)
		frappe.throw(message, frappe.QueryTimeoutError)
	return frappe.get_doc(doctype, name)


def _delete(doc, force, ignore_doctypes, ignore_on_trash, delete_permanently):
	if not ignore_on_trash:
		doc.run_method("on_trash")
		doc.flags.in_delete = True
		doc.run_method("on_change")
	if not force:
		check_if_doc_is_linked(doc)
	delete_all_passwords_for(doc.doctype, doc.name)
	delete_from_table(doc.doctype, doc.name, ignore_doctypes, doc)
	doc.run_method("after_delete")
	doc.clear_cache()
	if not delete_permanently:
		add_to_deleted_document(doc)
	doc.notify_update()


def check_permission_and_not_submitted(doc):
	if not doc.has_permission("delete"):
		message = _("User not allowed to delete {0}: {1}").format(doc.doctype, doc.name)
		frappe.msgprint(message, raise_exception=frappe.PermissionError)


def delete_from_table(doctype: str, name: str, ignore_doctypes: list[str], doc):
	if doctype == name:
		frappe.db.delete("Singles", {"doctype": name})
	else:
		frappe.db.delete(doctype, {"name": name})
	for child in {df.options for df in doc.meta.get_table_fields()} - set(ignore_doctypes):
		frappe.db.delete(child, {"parenttype": doctype, "parent": name})


def add_to_deleted_document(doc):
	values = {"doctype": "Deleted Document", "deleted_doctype": doc.doctype, "deleted_name": doc.name}
	frappe.get_doc(values | {"data": doc.as_json(), "owner": frappe.session.user}).db_insert()


def check_if_doc_is_linked(doc, method="Delete"):
	"""Refuse while a record of an app, or of the core, links to this one."""
	ignored = {*_IGNORED, *frappe.get_hooks("ignore_links_on_delete")}
	for doctype in _all_doctypes() - ignored:
		meta = frappe.get_meta(doctype)
		for field in meta.get_link_fields():
			if field.options == doc.doctype:
				_refuse_links(doc, meta, {field.fieldname: doc.name})
		for field in meta.get_dynamic_link_fields():
			_refuse_links(doc, meta, {field.options: doc.doctype, field.fieldname: doc.name})


def _all_doctypes() -> set[str]:
	apps = _apps_in_use() - {"frappe", None, False}
	return {*_core_definitions(), *(name for app in apps for name in _doctypes_of(app))}


def _refuse_links(doc, meta, filters: dict):
	fields = ["name", "parent", "parenttype"] if meta.istable else ["name"]
	for row in frappe.db.get_values(meta.name, filters, fields, as_dict=True) or ():
		doctype, name = row.parenttype or meta.name, row.parent or row.name or meta.name
		if (doctype, name) != (doc.doctype, doc.name):
			message = _("Cannot delete or cancel because {0} {1} is linked with {2} {3}")
			links = get_link_to_form(doc.doctype, doc.name), get_link_to_form(doctype, name)
			text = message.format(_(doc.doctype), links[0], _(doctype), links[1])
			frappe.throw(text, frappe.LinkExistsError)
