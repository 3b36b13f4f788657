"""Jinja templates of the installed apps."""

from functools import lru_cache

from werkzeug.local import LocalProxy

import frappe
from frappe._absent import _absent

_environments: dict[tuple, object] = {}


def get_jenv():
	"""The environment of this site, with what templates may use; it compiles a template again after a change."""
	from jinja2 import DebugUndefined
	from jinja2.sandbox import SandboxedEnvironment

	key = (frappe.conf.db_name, *frappe.get_installed_apps())
	if key not in _environments:
		made = SandboxedEnvironment(loader=_loader(), undefined=DebugUndefined, auto_reload=True)
		made.filters.update({"json": frappe.as_json, "len": len, "int": frappe.cint, "str": frappe.cstr})
		made.filters["flt"] = frappe.utils.flt
		made.globals.update(_globals())
		_add_hooks(made)
		_environments[key] = made
	return _environments[key]


def _loader():
	"""Finds `templates/x.html` in any app and `app/templates/x.html` in one; the app installed last comes first."""
	from jinja2 import ChoiceLoader, FileSystemLoader, PrefixLoader

	apps = [*reversed([app for app in frappe.get_installed_apps() if app != "frappe"]), "frappe"]
	loaders = {app: FileSystemLoader(frappe.get_app_path(app)) for app in apps}
	return ChoiceLoader([PrefixLoader(loaders), *loaders.values()])


def _add_hooks(environment) -> None:
	"""Functions and filters that apps add."""
	hooks = frappe.get_hooks("jinja", {})
	for target, kind in ((environment.globals, "methods"), (environment.filters, "filters")):
		for path in hooks.get(kind, ()):
			name, _colon, dotted = path.rpartition(":")
			function = frappe.get_attr(dotted)
			target[name or function.__name__] = function


def _globals() -> dict:
	"""The functions templates may call, and proxies for what belongs to the request."""
	from frappe.utils import data

	names = ("_", "_dict", "bold", "get_hooks", "get_meta", "get_all", "get_list", "get_roles", "parse_json")
	names += ("as_json", "get_system_settings", "form_dict", "lang")
	namespace = frappe._dict({name: getattr(frappe, name) for name in names}, render_template=render_template)
	namespace.update(session=LocalProxy(_session), user=LocalProxy(lambda: frappe.session.user))
	namespace.update(db=LocalProxy(_database), get_doc=frappe.get_cached_doc, utils=data)
	namespace.update(get_url=data.get_url, format_date=data.format_date)
	shared = ("_", "_dict", "session", "render_template", "parse_json", "get_url")
	return {"frappe": namespace, **{name: namespace[name] for name in shared}}


def _session() -> dict:
	token = (frappe.session.data or {}).get("csrf_token")
	return frappe._dict(user=frappe.session.user, csrf_token=token)


def _database() -> dict:
	names = ("get_value", "get_single_value", "exists", "count")
	return frappe._dict({name: getattr(frappe.db, name) for name in names})


def get_template(path):
	return get_jenv().get_template(path)


def render_template(template, context=None, is_path=None, safe_render=True) -> str:
	"""A template by its path, or its text itself, with these values."""
	from jinja2 import TemplateError

	if not template:
		return ""
	if is_path or guess_is_path(template):
		return get_template(template).render(context or {})
	if safe_render and ".__" in template:
		frappe.throw(frappe._("Illegal template"))
	try:
		return _compiled(get_jenv(), template).render(context or {})
	except TemplateError:
		text = f"<pre>{template}</pre><pre>{frappe.get_traceback()}</pre>"
		frappe.throw(title="Jinja Template Error", msg=text)


@lru_cache(maxsize=200)
def _compiled(environment, text: str):
	return environment.from_string(text)


def guess_is_path(template) -> bool:
	extensions = ("html", "css", "py", "md", "json", "js", "xml", "txt")
	return "\n" not in template and "." in template and template.rsplit(".")[-1] in extensions


_absent("frappe.utils.jinja")
