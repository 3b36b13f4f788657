"""Finds the files of DocTypes and of other records, and brings them into the database."""

import importlib
from functools import lru_cache
from pathlib import Path

import frappe
from frappe._site import _read_json
from frappe.types import _dict

_CORE = Path(__file__).parent / "core" / "doctypes.json"


@lru_cache(maxsize=1)
def _core_definitions() -> dict[str, dict]:
	"""Those of Frappe's own DocTypes that exist here; see core/doctypes.json for the short form."""
	return {name: _long_definition(name, dict(short)) for name, short in _read_json(_CORE).items()}


def _long_definition(name: str, short: dict) -> dict:
	fields = [_long_field(text) for text in short.pop("fields")]
	roles = short.pop("roles", {}).items()
	permissions = [dict.fromkeys(rights.split(), 1) | {"role": role} for role, rights in roles]
	return {"module": "Core", **short, "name": name, "fields": fields, "permissions": permissions}


def _long_field(text: str) -> dict:
	"""`status Select options=A|B reqd` as a field; `~` stands for a blank and `|` for a new line."""
	name, kind, *rest = text.split()
	field = {"fieldname": name, "fieldtype": kind.replace("~", " "), "label": frappe.unscrub(name)}
	for word in rest:
		key, equals, value = word.partition("=")
		field[key] = value.replace("~", " ").replace("|", "\n") if equals else 1
	return field


def _load_definition(doctype: str) -> dict:
	"""The content of a DocType's JSON file."""
	core = _core_definitions()
	return core[doctype] if doctype in core else _read_json(_locate(doctype)[2])


def _apps_in_use() -> set[str]:
	return {*frappe.get_installed_apps(), frappe.flags.in_install} - {"frappe", None, False}


def _all_doctypes() -> set[str]:
	return {*_core_definitions(), *(name for app in _apps_in_use() for name in _doctypes_of(app))}


def _locate(doctype: str) -> tuple[str, str, str]:
	"""App, module and JSON file of a DocType."""
	for app in _apps_in_use():
		if doctype in _doctypes_of(app):
			return _doctypes_of(app)[doctype]
	frappe.throw(frappe._("DocType {0} not found").format(doctype), frappe.DoesNotExistError)


@lru_cache(maxsize=64)
def _doctypes_of(app: str) -> dict[str, tuple[str, str, str]]:
	found = {}
	for module in frappe.get_module_list(app):
		for path in _json_files(app, module, "doctype"):
			found[_read_json(path)["name"]] = app, module, path
	return found


def _json_files(app: str, module: str, kind: str) -> list[str]:
	"""The records of one kind in a module: `module/kind/name/name.json`."""
	folders = sorted(Path(frappe.get_app_path(app), frappe.scrub(module), kind).glob("*/"))
	return [str(path) for folder in folders if (path := folder / f"{folder.name}.json").exists()]


def _module_of(doctype: str):
	"""The Python module beside the JSON file."""
	app, module = ("frappe", "core") if doctype in _core_definitions() else _locate(doctype)[:2]
	name = frappe.scrub(doctype)
	return importlib.import_module(f"{app}.{frappe.scrub(module)}.doctype.{name}.{name}")


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
	row = _dict(name=name, module=meta.module, autoname=meta.autoname, owner="Administrator")
	row.update(
		{flag: int(meta.get(flag) or 0) for flag in ("issingle", "istable", "is_submittable", "custom")}
	)
	row.update(modified_by="Administrator", creation=meta.creation, modified=meta.modified)
	frappe.db.bulk_insert("DocType", list(row), [list(row.values())])
	if name not in _core_definitions() and hasattr(_module_of(name), "on_doctype_update"):
		frappe.db.commit()
		_module_of(name).on_doctype_update()  # adds the indexes that JSON cannot describe


def _sync_records(app: str) -> None:
	"""Reports, workspaces and the like that an app keeps in its modules."""
	others = _core_definitions().keys() - {"DocType", "Custom Field"}
	for kind in sorted(kind for kind in others if frappe.get_meta(kind).has_field("module")):
		for module in frappe.get_module_list(app):
			for path in _json_files(app, module, frappe.scrub(kind)):
				_import_records(path)


def _import_records(path) -> None:
	"""Import every record of one file; a record that is there already is replaced."""
	content = _read_json(path)
	for values in content if isinstance(content, list) else [content]:
		_import_record(values)


def _import_record(values: dict) -> None:
	meta = frappe.get_meta(values["doctype"])
	known = {"doctype", *meta.get_valid_columns(), *(df.fieldname for df in meta.get_table_fields())}
	doc = frappe.get_doc({key: value for key, value in values.items() if key in known})
	name = values.get("name")
	if name and frappe.db.exists(doc.doctype, name):
		frappe.delete_doc(doc.doctype, name, force=True, ignore_permissions=True, ignore_on_trash=True)
	doc.flags.update(ignore_validate=True, ignore_permissions=True, ignore_mandatory=True, ignore_links=True)
	doc.insert(set_name=name)
