"""The kinds of pages: an app's own, and those for errors."""

from inspect import signature
from pathlib import Path
from urllib.parse import quote_plus

from werkzeug.wrappers import Response

import frappe
from frappe import _
from frappe.utils import cstr
from frappe.website.utils import build_response

FOLDERS = ("www", "templates/pages")
ENDINGS = ("", ".html", "/index.html")
MODULE_PROPERTIES = ("base_template_path", "template", "no_cache", "sitemap")


class TemplatePage:
	"""A template in an app's `www`, with the module of the same name beside it."""

	def __init__(self, path: str, http_status_code: int | None = None):
		self.path = path.strip("/ ")
		self.http_status_code = http_status_code or 200
		self.app, self.file = _find_template(self.path)
		self.context = frappe._dict()

	def can_render(self) -> bool:
		return self.file is not None

	def render(self) -> Response:
		self.fill_context()
		html = frappe.render_template(self._source(), self.context, safe_render=False)
		token = frappe.local.session.data.csrf_token
		html = html.replace("<!-- csrf_token -->", f'<script>frappe.csrf_token = "{token}";</script>')
		return build_response(self.path, html, self.http_status_code)

	def fill_context(self) -> None:
		context = self.context
		context.update(frappe.local.conf.get("website_context") or {})
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
		if (
			self.file.suffix != ".html"
			or "{% extends" in source
			or "{%- extends" in source
			or "</body>" in source
		):
			return source
		body = f"{{% block page_content %}}{source}{{% endblock %}}"
		return '{% extends "templates/web.html" %}' + body


class NotFoundPage(TemplatePage):
	def __init__(self, path: str, http_status_code: int | None = None):
		super().__init__("404", 404)


class NotPermittedPage(TemplatePage):
	def __init__(self, exception: Exception):
		super().__init__("message", 403)
		frappe.local.message_title = _("Not Permitted")
		frappe.local.message = cstr(exception)
		address = f"/login?redirect-to={quote_plus(frappe.request.path)}"
		frappe.local.response["context"] = {
			"indicator_color": "red",
			"primary_action": address,
			"primary_label": _("Login"),
		}


class ErrorPage(TemplatePage):
	def __init__(self, exception: Exception):
		super().__init__("error", getattr(exception, "http_status_code", 500))
		self.context.http_status_code = self.http_status_code
		self.context.error_title = getattr(exception, "title", None)
		self.context.error_message = getattr(exception, "message", None)


def redirect_response(path: str, http_status_code: int) -> Response:
	location = frappe.local.flags.redirect_location or frappe.local.response.get("location")
	headers = {"Location": location, "Cache-Control": "no-store, no-cache, must-revalidate"}
	return build_response(path, "", http_status_code, headers)


def _find_template(path: str) -> tuple[str | None, Path | None]:
	for app in reversed(frappe.get_installed_apps()):
		for folder in FOLDERS:
			root = Path(frappe.get_app_path(app), folder).resolve()
			for ending in ENDINGS:
				file = Path(f"{root}/{path}{ending}")
				if file.is_file() and root in file.resolve().parents and file.suffix not in (".py", ".pyc"):
					return app, file
	return None, None
