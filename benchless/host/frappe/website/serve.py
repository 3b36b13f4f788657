"""Serves the pages of the website."""

import re
import sys

from werkzeug.exceptions import NotFound
from werkzeug.routing import Map, Rule
from werkzeug.wrappers import Response

import frappe
from frappe._absent import _absent
from frappe.website._pages import TemplatePage, error_page, home_page, not_permitted_page, redirect_response


def get_response(path=None, http_status_code=200) -> Response:
	"""Return the page at this path, or the page that explains why there is none."""
	path = path or frappe.local.request.path
	try:
		return get_response_without_exception_handling(path, http_status_code)
	except frappe.Redirect as error:
		return redirect_response(error.http_status_code)
	except frappe.PermissionError as error:
		return not_permitted_page(error)
	except frappe.PageDoesNotExistError:
		return TemplatePage("404", 404).render()
	except Exception as error:
		print(frappe.get_traceback(), file=sys.stderr)  # the page itself may not show it
		return error_page(error)


def get_response_without_exception_handling(path=None, http_status_code=200) -> Response:
	path = path.strip("/ ")
	_redirect_by_hook(path)
	path = _resolve(path)
	for hook in frappe.get_hooks("page_renderer"):
		renderer = frappe.get_attr(hook)(path, http_status_code)
		if renderer.can_render():
			return renderer.render()
	page = TemplatePage(path, http_status_code)
	return (page if page.file else TemplatePage("404", 404)).render()


def _redirect_by_hook(path: str) -> None:
	for rule in frappe.get_hooks("website_redirects"):
		pattern = rule["source"].strip("/ ") + "$"
		if re.match(pattern, path):
			frappe.local.flags.redirect_location = re.sub(pattern, rule["target"], path)
			raise frappe.Redirect(rule.get("redirect_http_status") or 301)


def _resolve(path: str) -> str:
	"""The page behind an address; values of a dynamic route such as `/pay/<invoice>` go to `form_dict`."""
	path = (path or "index").removesuffix(".html")
	path = home_page() if path == "index" else path
	hooks = frappe.get_hooks("website_route_rules")
	rules = [
		Rule(rule["from_route"], endpoint=rule["to_route"], defaults=rule.get("defaults")) for rule in hooks
	]
	try:
		endpoint, values = Map(rules).bind_to_environ(frappe.local.request.environ).match("/" + path)
	except NotFound:
		return path
	frappe.local.form_dict.update(values)
	return endpoint


_absent("frappe.website.serve")
