"""Finds apps, their files, their hooks and their functions."""

import copy
import importlib
import json
import types
from pathlib import Path

from ._site import _read_json, local
from .exceptions import AppNotInstalledError
from .types import _dict

_hooks_of_apps: dict[tuple, dict] = {}


def get_module(modulename):
	return importlib.import_module(modulename)


def get_attr(method_string: str):
	"""The object behind a dotted path."""
	app = method_string.split(".", 1)[0]
	if not local.flags.in_uninstall and not local.flags.in_install and app not in get_installed_apps():
		from frappe import _, throw

		throw(_("App {0} is not installed").format(app), AppNotInstalledError)
	module, _dot, name = method_string.rpartition(".")
	return getattr(get_module(module), name)


def get_pymodule_path(modulename, *joins):
	if joins != ("public",):
		joins = [
			part.replace("-", "_").replace(" ", "_").lower() if "." not in part else part for part in joins
		]
	root = Path(get_module(modulename.replace("-", "_").lower()).__file__).parent
	return str(root.joinpath(*joins))


def get_app_path(app_name, *joins):
	return get_pymodule_path(app_name, *joins)


def get_file_items(path, raise_not_found=False, ignore_empty_lines=True):
	content = read_file(path, raise_not_found=raise_not_found)
	lines = [line.strip() for line in (content or "").splitlines()]
	return [line for line in lines if line and not line.startswith("#")] if ignore_empty_lines else lines


def get_file_json(path):
	return _read_json(path)


def read_file(path, raise_not_found=False):
	if Path(path).exists():
		return Path(path).read_text(encoding="utf-8")
	if raise_not_found:
		raise OSError(f"{path} Not Found")


def get_module_list(app_name):
	"""The module names in an app's `modules.txt`."""
	return get_file_items(get_app_path(app_name, "modules.txt"))


def get_all_apps(with_internal_apps=True, sites_path=None):
	apps = get_file_items(Path(sites_path or local.sites_path, "apps.txt"))
	return ["frappe", *(app for app in apps if app != "frappe")]


def get_installed_apps(*, _ensure_on_bench=False):
	if not getattr(local, "db", None):
		return []
	return json.loads(local.db.get_global("installed_apps") or "[]")


def get_hooks(hook: str | None = None, default="_KEEP_DEFAULT_LIST", app_name: str | None = None):
	"""The hooks of all installed apps together, or of one app; of one name, when given."""
	hooks = _load_hooks((app_name,) if app_name else tuple(get_installed_apps()) or ("frappe",))
	if not hook:
		return copy.deepcopy(hooks)
	return copy.deepcopy(hooks.get(hook, [] if default == "_KEEP_DEFAULT_LIST" else default))


def _load_hooks(apps: tuple) -> _dict:
	if apps not in _hooks_of_apps:
		hooks = _dict()
		for app in apps:
			for name, value in vars(get_module(f"{app}.hooks")).items():
				if not name.startswith("_") and not isinstance(value, types.FunctionType | types.ModuleType):
					append_hook(hooks, name, value)
		_hooks_of_apps[apps] = hooks
	return _hooks_of_apps[apps]


def append_hook(target, key, value):
	"""Merge: every hook is a list, or a dict of lists."""
	if isinstance(value, dict):
		target.setdefault(key, {})
		for inner in value:
			append_hook(target[key], inner, value[inner])
	else:
		target.setdefault(key, [])
		target[key].extend(value if isinstance(value, list) else [value])


def get_doc_hooks():
	"""Document events as {DocType: {event: [handlers]}}."""
	if not hasattr(local, "doc_events_hooks"):
		import frappe

		merged = {}
		for doctype, events in frappe.get_hooks("doc_events", {}).items():
			for name in doctype if isinstance(doctype, tuple) else (doctype,):
				for event, handlers in events.items():
					merged.setdefault(name, {}).setdefault(event, []).extend(handlers)
		local.doc_events_hooks = merged
	return local.doc_events_hooks
