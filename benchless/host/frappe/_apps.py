"""Finds apps, their files, their hooks and their functions."""

import importlib
import json
import types
from functools import lru_cache
from pathlib import Path

from ._site import local
from .exceptions import AppNotInstalledError
from .types import _dict

_hooks_of_apps: dict[tuple, dict] = {}


def scrub(txt: str) -> str:
	"""The name as an identifier: `Sales Order` becomes `sales_order`."""
	return str(txt).replace(" ", "_").replace("-", "_").lower()


def unscrub(txt: str) -> str:
	return txt.replace("_", " ").replace("-", " ").title()


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


def get_app_path(app_name, *joins):
	return str(Path(get_module(app_name).__file__).parent.joinpath(*joins))


def get_file_items(path, raise_not_found=False, ignore_empty_lines=True):
	"""The lines of a file that are neither empty nor comments."""
	text = Path(path).read_text(encoding="utf-8") if Path(path).exists() else ""
	lines = (line.strip() for line in text.splitlines())
	return [line for line in lines if line and not line.startswith("#")]


def get_module_list(app_name):
	"""The module names in an app's `modules.txt`."""
	return get_file_items(get_app_path(app_name, "modules.txt"))


def get_installed_apps():
	if not getattr(local, "db", None):
		return []
	return list(_read_list(local.db.get_global("installed_apps") or "[]"))


@lru_cache(maxsize=64)
def _read_list(text: str) -> tuple[str, ...]:
	return tuple(json.loads(text))


def get_hooks(hook: str | None = None, default="_KEEP_DEFAULT_LIST", app_name: str | None = None):
	"""The hooks of all installed apps together, or of one app; of one name, when given."""
	hooks = _load_hooks((app_name,) if app_name else tuple(get_installed_apps()) or ("frappe",))
	if not hook:
		return _copied(hooks)
	if hook in hooks:
		return _copied(hooks[hook])
	return [] if default == "_KEEP_DEFAULT_LIST" else default


def _copied(hook):
	"""The hook for a caller who may change it: its lists and dicts are new ones."""
	if isinstance(hook, dict):
		return type(hook)((key, _copied(value)) for key, value in hook.items())
	return [_copied(value) for value in hook] if isinstance(hook, list) else hook


def _load_hooks(apps: tuple) -> _dict:
	if apps not in _hooks_of_apps:
		hooks = _dict()
		for app in apps:
			for name, value in vars(get_module(f"{app}.hooks")).items():
				if not name.startswith("_") and not isinstance(value, types.FunctionType | types.ModuleType):
					_merge(hooks, name, value)
		_hooks_of_apps[apps] = hooks
	return _hooks_of_apps[apps]


def _merge(target: dict, key: str, value) -> None:
	"""Every hook is a list, or a dict of lists."""
	if isinstance(value, dict):
		target.setdefault(key, {})
		for inner in value:
			_merge(target[key], inner, value[inner])
	else:
		target.setdefault(key, []).extend(value if isinstance(value, list) else [value])


def get_doc_hooks():
	"""Document events as {DocType: {event: [handlers]}}."""
	if not hasattr(local, "doc_events_hooks"):
		merged = local.doc_events_hooks = {}
		for doctype, events in get_hooks("doc_events", {}).items():
			for name in doctype if isinstance(doctype, tuple) else (doctype,):
				for event, handlers in events.items():
					merged.setdefault(name, {}).setdefault(event, []).extend(handlers)
	return local.doc_events_hooks
