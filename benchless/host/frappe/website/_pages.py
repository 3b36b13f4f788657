"""The kinds of pages: an app's own, and those for errors."""

import mimetypes
from inspect import signature
from pathlib import Path
from urllib.parse import quote_plus

from werkzeug.wrappers import Response

import frappe
from frappe import _

FOLDERS = ("www", "templates/pages")
ENDINGS = ("", ".html", "/index.html")
MODULE_PROPERTIES = ("base_template_path", "no_cache")


class TemplatePage:
	"""A template in an app's `www`, with the module of the same name beside it."""

	def __init__(self, path: str, http_status_code: int | None = None):
		self.path = path.strip("/ ")
		self.http_status_code = http_status_code or 200
		self.app, self.file = _find_template(self.path)
		self.context = frappe._dict()

	def render(self) -> Response:
		self._fill_context()
		html = frappe.render_template(self._source(), self.context, safe_render=False)
		token = frappe.local.session.data.csrf_token
		html = html.replace("<!-- csrf_token -->", f'<script>frappe.csrf_token = "{token}";</script>')
		mimetype = mimetypes.guess_type(self.path)[0] or "text/html"
		return Response(html, status=self.http_status_code, mimetype=mimetype)

	def _fill_context(self) -> None:
		context = self.context
		context.update(path=self.path, route=self.path, pathname=self.path, user=frappe.session.user)
		context.update(base_template_path="templates/base.html", name=self.file.stem)
		for hook in ("web_include_js", "web_include_css"):
			context[hook] = frappe.get_hooks(hook)
		self._ask_module()
		for method in frappe.get_hooks("update_website_context"):
			context.update(frappe.get_attr(method)(context) or {})
		context.update(frappe.local.response.get("context") or {})
		context.title = context.title or self.file.stem.replace("-", " ").replace("_", " ").title()
		context._context_dict = context
		self.http_status_code = context.http_status_code or self.http_status_code
		for ending in ("js", "css"):
			beside = self.file.with_suffix(f".{ending}")
			context[f"colocated_{ending}"] = beside.read_text() if beside.exists() else None

	def _ask_module(self) -> None:
		module = self.file.with_name(self.file.stem.replace("-", "_") + ".py")
		if self.file.suffix != ".html" or not module.exists():
			return
		parts = module.relative_to(frappe.get_app_path(self.app)).with_suffix("").parts
		module = frappe.get_module(".".join((self.app, *parts)))
		for name in MODULE_PROPERTIES:
			if hasattr(module, name):
				self.context[name] = getattr(module, name)
		if get_context := getattr(module, "get_context", None):
			answer = get_context(self.context) if signature(get_context).parameters else get_context()
			self.context.update(answer or {})

	def _source(self) -> str:
		source = self.file.read_text(encoding="utf-8")
		is_whole = any(sign in source for sign in ("{% extends", "{%- extends", "</body>"))
		if self.file.suffix != ".html" or is_whole:
			return source
		body = f"{{% block page_content %}}{source}{{% endblock %}}"
		return '{% extends "templates/web.html" %}' + body


def home_page() -> str:
	"""The path of the page that `/` shows to the current user."""
	page = (frappe.get_hooks("website_user_home_page") or [None])[-1]
	by_role = frappe.get_hooks("role_home_page", {})
	page = page or next((by_role[role][-1] for role in frappe.get_roles() if role in by_role), None)
	page = page or (frappe.get_hooks("home_page") or [None])[-1] or frappe.get_website_settings("home_page")
	return (page or ("login" if frappe.session.user == "Guest" else "me")).strip("/")


def not_permitted_page(error: Exception) -> Response:
	frappe.local.message_title, frappe.local.message = _("Not Permitted"), str(error)
	address = f"/login?redirect-to={quote_plus(frappe.request.path)}"
	frappe.local.response["context"] = {"primary_action": address, "primary_label": _("Login")}
	return TemplatePage("message", 403).render()


def error_page(error: Exception) -> Response:
	text = getattr(error, "message", None) or _("There was an error building this page")
	frappe.local.message_title, frappe.local.message = _("Uncaught Server Exception"), text
	return TemplatePage("message", getattr(error, "http_status_code", 500)).render()


def redirect_response(http_status_code: int) -> Response:
	location = frappe.local.flags.redirect_location or frappe.local.response.get("location")
	headers = {"Location": location, "Cache-Control": "no-store, no-cache, must-revalidate"}
	return Response("", status=http_status_code, headers=headers, mimetype="text/html")


def _find_template(path: str) -> tuple[str | None, Path | None]:
	for app in reversed(frappe.get_installed_apps()):
		for folder in FOLDERS:
			root = Path(frappe.get_app_path(app), folder).resolve()
			for ending in ENDINGS:
				file = Path(f"{root}/{path}{ending}")
				if file.is_file() and root in file.resolve().parents and file.suffix not in (".py", ".pyc"):
					return app, file
	return None, None
