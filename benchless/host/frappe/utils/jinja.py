"""Jinja templates of the installed apps."""

import frappe


def get_jenv():
	"""The environment of this request, with what templates may use."""
	if not getattr(frappe.local, "jenv", None):
		from jinja2 import DebugUndefined
		from jinja2.sandbox import SandboxedEnvironment

		environment = SandboxedEnvironment(loader=get_jloader(), undefined=DebugUndefined)
		environment.globals.update(_globals())
		environment.filters.update(_filters())
		methods, filters = get_jinja_hooks()
		environment.globals.update(methods)
		environment.filters.update(filters)
		frappe.local.jenv = environment
	return frappe.local.jenv


def _globals() -> dict:
	from frappe.utils import data

	namespace = frappe._dict(
		_=frappe._,
		_dict=frappe._dict,
		form_dict=frappe.local.form_dict,
		session=frappe._dict(
			user=frappe.session.user, csrf_token=(frappe.session.data or {}).get("csrf_token")
		),
		user=frappe.session.user,
		lang=frappe.local.lang,
		utils=data,
		format_value=frappe.format_value,
		format=frappe.format_value,
		format_date=data.format_date,
		bold=frappe.bold,
		get_url=data.get_url,
		get_hooks=frappe.get_hooks,
		get_meta=frappe.get_meta,
		get_doc=frappe.get_cached_doc,
		get_all=frappe.get_all,
		get_list=frappe.get_list,
		get_roles=frappe.get_roles,
		get_system_settings=frappe.get_system_settings,
		db=frappe._dict(
			get_value=frappe.db.get_value,
			get_single_value=frappe.db.get_single_value,
			get_list=frappe.get_list,
			get_all=frappe.get_all,
			exists=frappe.db.exists,
			count=frappe.db.count,
			escape=frappe.db.escape,
		),
		render_template=render_template,
		parse_json=frappe.parse_json,
		as_json=frappe.as_json,
	)
	names = ("_", "_dict", "session", "format_value", "render_template", "parse_json", "get_url")
	return {"frappe": namespace, **{name: namespace.get(name) or getattr(data, name) for name in names}}


def _filters() -> dict:
	return {
		"json": frappe.as_json,
		"len": len,
		"int": frappe.cint,
		"str": frappe.cstr,
		"flt": frappe.utils.flt,
	}


def get_jloader():
	"""Finds `templates/x.html` in any app and `app/templates/x.html` in one; the app installed last comes first."""
	if not getattr(frappe.local, "jloader", None):
		from jinja2 import ChoiceLoader, FileSystemLoader, PrefixLoader

		apps = frappe.get_hooks("template_apps") or list(reversed(frappe.get_installed_apps()))
		apps = [*(app for app in apps if app != "frappe"), "frappe"]
		loaders = {app: FileSystemLoader(frappe.get_app_path(app)) for app in apps}
		frappe.local.jloader = ChoiceLoader([PrefixLoader(loaders), *loaders.values()])
	return frappe.local.jloader


def get_jinja_hooks() -> tuple[dict, dict]:
	"""Functions and filters that apps add."""
	hooks = frappe.get_hooks("jinja", {}) if frappe.local.site else {}
	return _functions(hooks.get("methods")), _functions(hooks.get("filters"))


def _functions(paths) -> dict:
	found = {}
	for path in paths or ():
		name, _colon, dotted = path.rpartition(":")
		target = frappe.get_attr(dotted) if "." in dotted else frappe.get_module(dotted)
		if callable(target):
			found[name or target.__name__] = target
		else:
			found.update({key: value for key, value in vars(target).items() if callable(value)})
	return found


def get_template(path):
	return get_jenv().get_template(path)


def get_email_from_template(name, args) -> tuple[str, str | None]:
	"""The HTML of templates/emails/name.html and, when there is name.txt, its text."""
	from jinja2 import TemplateNotFound

	message = get_template(f"templates/emails/{name}.html").render(args or {})
	try:
		return message, get_template(f"templates/emails/{name}.txt").render(args or {})
	except TemplateNotFound:
		return message, None


def render_template(template, context=None, is_path=None, safe_render=True) -> str:
	"""A template by its path, or its text itself, with these values."""
	from jinja2 import TemplateError

	if not template:
		return ""
	if is_path or guess_is_path(template):
		return get_jenv().get_template(template).render(context or {})
	if safe_render and ".__" in template:
		frappe.throw(frappe._("Illegal template"))
	try:
		return get_jenv().from_string(template).render(context or {})
	except TemplateError:
		frappe.throw(
			title="Jinja Template Error", msg=f"<pre>{template}</pre><pre>{frappe.get_traceback()}</pre>"
		)


def guess_is_path(template) -> bool:
	extensions = ("html", "css", "scss", "py", "md", "json", "js", "xml", "txt")
	return "\n" not in template and "." in template and template.rsplit(".")[-1] in extensions
