"""Installs apps on a site, uninstalls them, and migrates a site."""

import json
from pathlib import Path

import frappe
from frappe._absent import _absent
from frappe._doctypes import (
	_core_definitions,
	_doctypes_of,
	_import_records,
	_sync_doctypes,
	_sync_records,
)
from frappe.core.doctype.scheduled_job_type.scheduled_job_type import sync_jobs


def install_app(name, verbose=False, set_as_patched=True):
	"""Create the app's tables and first records on this site."""
	if name in frappe.get_installed_apps():
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
	_call_all(hooks.get("before_install"))
	for module in frappe.get_module_list(name):
		if not frappe.db.exists("Module Def", module):
			frappe.get_doc(doctype="Module Def", module_name=module, app_name=name).insert()
	_sync_doctypes(_doctypes_of(name))
	_sync_records(name)
	_set_installed_apps([*frappe.get_installed_apps(), name])
	for patch in _patches_of(name) if set_as_patched else ():
		_remember_patch(patch)  # a new site starts with today's model, so its patches are history
	_call_all(hooks.get("after_install"))
	_sync_fixtures(name)
	sync_jobs()
	_call_all(hooks.get("after_sync"))


def _call_all(methods):
	for method in methods or ():
		frappe.get_attr(method)()


def _sync_fixtures(app: str):
	for path in sorted(Path(frappe.get_app_path(app, "fixtures")).glob("*.json")):
		_import_records(path)


def _set_installed_apps(apps: list[str]):
	frappe.db.set_global("installed_apps", json.dumps(list(dict.fromkeys(apps))))
	if hasattr(frappe.local, "doc_events_hooks"):
		del frappe.local.doc_events_hooks
	frappe.db.commit()


def remove_app(app_name, dry_run=False, yes=False, no_backup=False, force=False):
	"""Remove the app's tables and records from this site, without a backup."""
	if app_name not in frappe.get_installed_apps():
		return
	hooks = frappe.get_hooks(app_name=app_name)
	frappe.flags.in_uninstall = True
	try:
		_call_all(hooks.get("before_uninstall"))
		if not dry_run:
			_drop(app_name)
		_call_all(hooks.get("after_uninstall"))
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
	for kind in _core_definitions():
		if frappe.get_meta(kind).has_field("module") and kind != "DocType":
			frappe.db.delete(kind, {"module": ("in", modules)})
	frappe.db.delete("Module Def", {"app_name": app})
	_set_installed_apps([name for name in frappe.get_installed_apps() if name != app])
	frappe.clear_cache()


def _migrate():
	"""Patches, tables, records, fixtures and scheduled jobs as the installed apps have them now."""
	frappe.clear_cache()
	frappe.flags.in_migrate = True
	apps = [app for app in frappe.get_installed_apps() if app != "frappe"]
	_run_patches(apps, "pre_model_sync")
	_sync_doctypes(_core_definitions())
	for app in apps:
		_sync_doctypes(_doctypes_of(app))
		_sync_records(app)
	_run_patches(apps, "post_model_sync")
	for app in apps:
		_sync_fixtures(app)
	sync_jobs()
	_call_all(frappe.get_hooks("after_migrate"))
	frappe.flags.in_migrate = False
	frappe.db.commit()
	frappe.clear_cache()


def _patches_of(app: str, section: str | None = None) -> list[str]:
	"""The lines of `patches.txt`, or of one part of it; without parts everything comes before the model."""
	found, current = {"pre_model_sync": [], "post_model_sync": []}, "pre_model_sync"
	for line in frappe.get_file_items(frappe.get_app_path(app, "patches.txt")):
		if line.startswith("["):
			current = line.strip("[]")
		else:
			found[current].append(line)
	return found[section] if section else [*found["pre_model_sync"], *found["post_model_sync"]]


def _run_patches(apps: list[str], section: str):
	for app in apps:
		for patch in _patches_of(app, section):
			if not frappe.db.exists("Patch Log", {"patch": patch}):
				_run_patch(patch)


def _run_patch(patch: str):
	"""Run one patch and remember it, or neither."""
	frappe.flags.in_patch = True
	try:
		if patch.startswith("execute:"):
			exec(patch.removeprefix("execute:"), {"frappe": frappe})
		else:
			frappe.get_attr(patch.split(maxsplit=1)[0] + ".execute")()
		_remember_patch(patch)
		frappe.db.commit()
	except Exception:
		frappe.db.rollback()
		raise
	finally:
		frappe.flags.in_patch = False


def _remember_patch(patch: str):
	frappe.get_doc(doctype="Patch Log", patch=patch).insert(ignore_permissions=True)


def update_site_config(key, value, validate=True, site_config_path=None):
	"""Write one value into site_config.json; "None" takes it out."""
	path = Path(site_config_path or frappe.get_site_path("site_config.json"))
	config = json.loads(path.read_text(encoding="utf-8"))
	config.pop(key, None)
	if value not in (None, "None"):
		config[key] = value
	temporary = path.with_suffix(".new")
	temporary.write_text(json.dumps(config, indent=1, sort_keys=True), encoding="utf-8")
	temporary.replace(path)
	frappe.local.conf[key] = value


_absent("frappe.installer")
