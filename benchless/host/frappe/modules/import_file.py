"""Brings records that lie in JSON files into the database."""

import frappe
from frappe._site import _read_json
from frappe.modules.utils import _core_definitions, _json_files, _locate
from frappe.types import _dict


def import_file(module, dt, dn, force=False, pre_process=None, reset_permissions=False):
	"""Import the file of one record: `module/dt/dn/dn.json`."""
	if dt == "doctype":
		name = next((name for name in _all_names() if frappe.scrub(name) == dn), None)
		return _sync_doctype(name)
	app = next(
		app for app in frappe.get_installed_apps() if frappe.unscrub(module) in frappe.get_module_list(app)
	)
	return import_file_by_path(frappe.get_app_path(app, module, dt, dn, f"{dn}.json"), force=force)


def _all_names() -> list[str]:
	return frappe.db.sql("select name from `tabDocType`", pluck=True)


def import_file_by_path(
	path: str,
	force: bool = False,
	data_import: bool = False,
	pre_process=None,
	ignore_version: bool | None = None,
	reset_permissions: bool = False,
) -> bool:
	"""Import every record of one file; a record that is there already is replaced."""
	for values in _records(path):
		_import_record(values)
	return True


def _records(path: str) -> list[dict]:
	content = _read_json(path)
	return content if isinstance(content, list) else [content]


def _import_record(values: dict) -> None:
	meta = frappe.get_meta(values["doctype"])
	tables = {df.fieldname for df in meta.get_table_fields()}
	known = {"doctype", *meta.get_valid_columns(), *tables}
	doc = frappe.get_doc({key: value for key, value in values.items() if key in known})
	name = values.get("name")
	if name and frappe.db.exists(doc.doctype, name):
		frappe.delete_doc(doc.doctype, name, force=True, ignore_permissions=True, ignore_on_trash=True)
	doc.flags.update(ignore_validate=True, ignore_permissions=True, ignore_mandatory=True, ignore_links=True)
	doc.insert(set_name=name)


def _sync_doctypes(names) -> None:
	for name in names:
		_sync_doctype(name)


def _sync_doctype(name: str) -> None:
	"""Table and record of a DocType, as its JSON file says now."""
	from frappe.database.schema import DBTable
	from frappe.model.meta import _forget_meta

	_forget_meta(name)
	meta = frappe.get_meta(name)
	DBTable(name, meta).sync()
	frappe.db.delete("DocType", {"name": name})
	row = _dict(
		{field: int(meta.get(field) or 0) for field in ("issingle", "istable", "is_submittable", "custom")}
	)
	row.update(name=name, module=meta.module, autoname=meta.autoname, owner="Administrator")
	row.update(modified_by="Administrator", creation=meta.creation, modified=meta.modified)
	frappe.db.bulk_insert("DocType", list(row), [list(row.values())])
	_update_indexes(name)


def _update_indexes(name: str) -> None:
	"""Let the DocType's module add the indexes that JSON cannot describe."""
	from frappe.modules.utils import load_doctype_module

	if name not in _core_definitions():
		function = getattr(load_doctype_module(name, _locate(name)[1]), "on_doctype_update", None)
		if function:
			frappe.db.commit()
			function()


def _sync_records(app: str) -> None:
	"""Reports, workspaces and the like that an app keeps in its modules."""
	kinds = [
		name for name in _core_definitions() if name not in ("DocType", "Custom Field") and _has_module(name)
	]
	for module in frappe.get_module_list(app):
		for kind in kinds:
			for path in _json_files(app, module, frappe.scrub(kind)):
				import_file_by_path(path)


def _has_module(doctype: str) -> bool:
	return frappe.get_meta(doctype).has_field("module")
