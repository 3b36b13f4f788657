"""Finds the files and controllers of DocTypes."""

import importlib
from functools import lru_cache
from pathlib import Path

import frappe
from frappe._site import _read_json

_CORE = Path(__file__).parent.parent / "core" / "doctypes.json"


def _load_definition(doctype: str) -> dict:
	"""The content of a DocType's JSON file."""
	core = _core_definitions()
	if doctype in core:
		return core[doctype]
	return _read_json(_locate(doctype)[2])


def _apps_in_use() -> set:
	return {*frappe.get_installed_apps(), frappe.flags.in_install}


def _locate(doctype: str) -> tuple[str, str, str]:
	"""App, module and JSON file of a DocType."""
	for app in _apps_in_use() - {"frappe", None, False}:
		if doctype in _doctypes_of(app):
			return _doctypes_of(app)[doctype]
	_refuse(doctype)


def _refuse(doctype: str):
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


@lru_cache(maxsize=1)
def _core_definitions() -> dict[str, dict]:
	"""Frappe's own DocTypes, as far as they are here; see core/doctypes.json for the short form."""
	definitions = {}
	for name, short in _read_json(_CORE).items():
		fields = [_long_field(text) for text in short.pop("fields")]
		permissions = [
			dict.fromkeys(rights.split(), 1) | {"role": role}
			for role, rights in short.pop("roles", {}).items()
		]
		definitions[name] = {
			"module": "Core",
			**short,
			"name": name,
			"fields": fields,
			"permissions": permissions,
		}
	return definitions


def _long_field(text: str) -> dict:
	"""`status Select options=A|B reqd` as a field; `~` stands for a blank and `|` for a new line."""
	fieldname, fieldtype, *rest = text.split()
	field = {
		"fieldname": fieldname,
		"fieldtype": fieldtype.replace("~", " "),
		"label": frappe.unscrub(fieldname),
	}
	for word in rest:
		key, equals, value = word.partition("=")
		field[key] = value.replace("~", " ").replace("|", "\n") if equals else 1
	return field


def load_doctype_module(doctype, module=None, prefix="", suffix=""):
	"""The Python module beside the JSON file."""
	name = get_module_name(doctype, module or get_doctype_module(doctype), prefix, suffix)
	try:
		return importlib.import_module(name)
	except ModuleNotFoundError as error:
		if error.name and name.startswith(error.name):
			raise ImportError(
				f"Module import failed for {doctype}, the DocType you're trying to open: {name}"
			) from error
		raise


def get_module_name(
	doctype: str, module: str, prefix: str = "", suffix: str = "", app: str | None = None
) -> str:
	core = _core_definitions().get(doctype)
	app = app or ("frappe" if core else _locate(doctype)[0])
	folder, name = frappe.scrub(module), frappe.scrub(doctype)
	return f"{app}.{folder}.doctype.{name}.{prefix}{name}{suffix}"


def get_doctype_module(doctype: str) -> str:
	return frappe.get_meta(doctype).module
