"""Puts apps on a site and takes them off."""

import json
from pathlib import Path

import frappe
from frappe.modules.import_file import _sync_doctypes, _sync_records
from frappe.modules.patch_handler import _mark_all_as_done
from frappe.modules.utils import _doctypes_of
from frappe.utils.fixtures import sync_fixtures

from ._absent import _absent


def install_app(name, verbose=False, set_as_patched=True, force=False):
	"""Make the app's tables and first data on this site."""
	if name in frappe.get_installed_apps() and not force:
		return
	hooks = frappe.get_hooks(app_name=name)
	for required in hooks.get("required_apps", []):
		install_app(required.rsplit("/", 1)[-1])
	frappe.flags.in_install = name
	try:
		_install(name, hooks, set_as_patched)
	finally:
		frappe.flags.in_install = False
	frappe.db.commit()
	frappe.clear_cache()


def _install(name: str, hooks: dict, set_as_patched: bool):
	_call_all(hooks, "before_install")
	_add_modules(name)
	_sync_doctypes(_doctypes_of(name))
	_sync_records(name)
	add_to_installed_apps(name)
	if set_as_patched:
		_mark_all_as_done(name)
	_call_all(hooks, "after_install")
	sync_fixtures(name)
	_call_all(hooks, "after_sync")


def _call_all(hooks: dict, event: str):
	for method in hooks.get(event) or ():
		frappe.get_attr(method)()


def _add_modules(app: str):
	for module in frappe.get_module_list(app):
		if not frappe.db.exists("Module Def", module):
			frappe.get_doc(doctype="Module Def", module_name=module, app_name=app).insert(
				ignore_permissions=True
			)


def add_to_installed_apps(app_name, rebuild_website=True):
	_set_installed_apps([*frappe.get_installed_apps(), app_name])


def remove_from_installed_apps(app_name):
	_set_installed_apps([app for app in frappe.get_installed_apps() if app != app_name])


def _set_installed_apps(apps: list[str]):
	frappe.db.set_global("installed_apps", json.dumps(list(dict.fromkeys(apps))))
	if hasattr(frappe.local, "doc_events_hooks"):
		del frappe.local.doc_events_hooks
	frappe.db.commit()


def remove_app(app_name, dry_run=False, yes=False, no_backup=False, force=False):
	"""Take the app's tables and records off this site. There is no backup here."""
	if app_name not in frappe.get_installed_apps():
		return
	hooks = frappe.get_hooks(app_name=app_name)
	frappe.flags.in_uninstall = True
	try:
		_call_all(hooks, "before_uninstall")
		if not dry_run:
			_drop(app_name)
		_call_all(hooks, "after_uninstall")
	finally:
		frappe.flags.in_uninstall = False
	frappe.db.commit()


def _drop(app: str):
	modules = frappe.get_module_list(app)
	for doctype in _doctypes_of(app):
		is_single = frappe.get_meta(doctype).issingle
		frappe.db.delete("Singles", {"doctype": doctype})
		frappe.db.delete("DocType", {"name": doctype})
		if not is_single:
			frappe.db.sql_ddl(f"drop table if exists `tab{doctype}`")
	for kind in ("Report", "Print Format", "Notification", "Workspace", "Number Card", "Dashboard Chart"):
		frappe.db.delete(kind, {"module": ("in", modules)})
	frappe.db.delete("Module Def", {"app_name": app})
	remove_from_installed_apps(app)
	frappe.clear_cache()


def update_site_config(key, value, validate=True, site_config_path=None):
	"""Write one value into site_config.json; "None" takes it out."""
	path = Path(site_config_path or get_site_config_path())
	config = json.loads(path.read_text(encoding="utf-8"))
	config.pop(key, None)
	if value not in (None, "None"):
		config[key] = value
	temporary = path.with_suffix(".new")
	temporary.write_text(json.dumps(config, indent=1, sort_keys=True), encoding="utf-8")
	temporary.replace(path)
	frappe.local.conf[key] = value


def get_site_config_path() -> str:
	return frappe.get_site_path("site_config.json")


__getattr__ = _absent("frappe.installer")
