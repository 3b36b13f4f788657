"""Deletes documents that nothing refers to."""

import frappe
from frappe import _
from frappe._absent import _absent
from frappe._doctypes import _all_doctypes
from frappe.utils.password import delete_all_passwords_for

# As in Frappe, these may point at something that is gone.
_IGNORED = {"Error Log", "Email Queue", "Comment", "Version", "Deleted Document", "File", "Notification Log"}


def delete_doc(
	doctype=None,
	name=None,
	force=0,
	*,
	ignore_permissions=False,
	flags=None,
	ignore_on_trash=False,
	ignore_missing=True,
	delete_permanently=False,
):
	"""Delete with checks and events; False when there was nothing to delete."""
	if not frappe.db.exists(doctype, name):
		if ignore_missing:
			return False
		raise frappe.DoesNotExistError
	doc = frappe.get_doc(doctype, name, for_update=True)
	doc.flags.update(flags or {})
	doc.flags.ignore_permissions = ignore_permissions or doc.flags.ignore_permissions
	if not doc.has_permission("delete"):
		message = _("User not allowed to delete {0}: {1}").format(doctype, name)
		frappe.msgprint(message, raise_exception=frappe.PermissionError)
	if not ignore_on_trash:
		doc.run_method("on_trash")
		doc.flags.in_delete = True
		doc.run_method("on_change")
	if not force:
		check_if_doc_is_linked(doc)
	_delete(doc, delete_permanently)


def _delete(doc, permanently: bool):
	delete_all_passwords_for(doc.doctype, doc.name)
	if doc.meta.issingle:
		frappe.db.delete("Singles", {"doctype": doc.name})
	else:
		frappe.db.delete(doc.doctype, {"name": doc.name})
	for child in {df.options for df in doc.meta.get_table_fields()}:
		frappe.db.delete(child, {"parenttype": doc.doctype, "parent": doc.name})
	doc.run_method("after_delete")
	doc.clear_cache()
	if not permanently:
		kept = {"deleted_doctype": doc.doctype, "deleted_name": doc.name, "data": doc.as_json()}
		frappe.get_doc({"doctype": "Deleted Document", "owner": frappe.session.user, **kept}).db_insert()


def check_if_doc_is_linked(doc, method="Delete"):
	"""Refuse while a record of an app, or of the core, links to this one."""
	for doctype in _all_doctypes() - _IGNORED - {*frappe.get_hooks("ignore_links_on_delete")}:
		meta = frappe.get_meta(doctype)
		for field in meta.get_link_fields():
			if field.options == doc.doctype:
				_refuse_links(doc, meta, {field.fieldname: doc.name})
		for field in meta.get_dynamic_link_fields():
			_refuse_links(doc, meta, {field.options: doc.doctype, field.fieldname: doc.name})


def _refuse_links(doc, meta, filters: dict):
	fields = ["name", "parent", "parenttype"] if meta.istable else ["name"]
	for row in frappe.db.get_values(meta.name, filters, fields, as_dict=True) or ():
		doctype, name = row.parenttype or meta.name, row.parent or row.name or meta.name
		if (doctype, name) != (doc.doctype, doc.name):
			message = _("Cannot delete or cancel because {0} {1} is linked with {2} {3}")
			text = message.format(_(doc.doctype), doc.name, _(doctype), name)
			frappe.throw(text, frappe.LinkExistsError)


_absent("frappe.model.delete_doc")
