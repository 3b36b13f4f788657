"""Answers a request for a page of the website."""

import sys

from werkzeug.wrappers import Response

import frappe
from frappe._absent import _absent
from frappe.website._pages import ErrorPage, NotFoundPage, NotPermittedPage, redirect_response
from frappe.website.path_resolver import PathResolver


def get_response(path=None, http_status_code=200) -> Response:
	"""Give the page at this path, or the page that tells why there is none."""
	path = path or frappe.local.request.path
	try:
		return get_response_without_exception_handling(path, http_status_code)
	except frappe.Redirect as error:
		return redirect_response(path, error.http_status_code)
	except frappe.PermissionError as error:
		return NotPermittedPage(error).render()
	except frappe.PageDoesNotExistError:
		return NotFoundPage(path).render()
	except Exception as error:
		print(frappe.get_traceback(), file=sys.stderr)  # the page itself may not show it
		return ErrorPage(error).render()


def get_response_content(path=None, http_status_code=200) -> str:
	return str(get_response(path, http_status_code).data, "utf-8")


def get_response_without_exception_handling(path=None, http_status_code=200) -> Response:
	page = PathResolver(path or frappe.local.request.path, http_status_code).resolve()[1]
	return page.render()


__getattr__ = _absent("frappe.website.serve")
