"""What the parts of the website share."""

import mimetypes

from werkzeug.wrappers import Response

import frappe
from frappe._absent import _absent
from frappe.utils import cstr


def can_cache(no_cache=False):
	return False


def get_home_page():
	"""Give the path of the page that `/` shows to the current user."""
	return (get_home_page_via_hooks() or ("login" if frappe.session.user == "Guest" else "me")).strip("/")


def get_home_page_via_hooks():
	page = None
	if methods := frappe.get_hooks("get_website_user_home_page"):
		page = frappe.get_attr(methods[-1])(frappe.session.user)
	elif pages := frappe.get_hooks("website_user_home_page"):
		page = pages[-1]
	return page or _home_page_of_role() or (frappe.get_hooks("home_page") or [None])[-1]


def _home_page_of_role() -> str | None:
	pages = frappe.get_hooks("role_home_page") or {}
	return next((pages[role][-1] for role in frappe.get_roles() if role in pages), None)


def build_response(path, data, http_status_code, headers: dict | None = None):
	response = Response()
	response.data = set_content_type(response, data, path)
	response.status_code = http_status_code
	response.headers["X-Page-Name"] = _header_text(path)
	for name, value in (headers or {}).items():
		response.headers[name] = _header_text(value)
	return response


def _header_text(value) -> str:
	return cstr(value).encode("ascii", errors="xmlcharrefreplace").decode()


def set_content_type(response, data, path):
	response.mimetype = "text/html"
	if "." in path and not path.endswith(".com"):
		response.mimetype = mimetypes.guess_type(path)[0] or response.mimetype
	return data


__getattr__ = _absent("frappe.website.utils")
