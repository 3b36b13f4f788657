"""Turns `frappe.response` into the HTTP answer."""

import datetime
import decimal
import json
import mimetypes
import sys
import uuid
from collections.abc import Iterable

import werkzeug.utils
from werkzeug.local import LocalProxy
from werkzeug.wrappers import Response

import frappe
import frappe.model.document
from frappe import _
from frappe._absent import _absent
from frappe.utils import cstr, format_timedelta


def report_error(status_code):
	"""Give the JSON answer that tells about the current exception."""
	if _shows_tracebacks() and not frappe.local.flags.disable_traceback and status_code != 404:
		trace = frappe.get_traceback()
		frappe.errprint(trace)
		frappe.response.exception = trace.splitlines()[-1]
	frappe.response["exc_type"] = sys.exc_info()[0].__name__
	response = build_response("json")
	response.status_code = status_code
	return response


def _shows_tracebacks() -> bool:
	return bool(getattr(frappe.local, "db", None) and frappe.get_system_settings("allow_error_traceback"))


def build_response(response_type=None):
	"""Give the answer in the form that `frappe.response.type` names, else in the given one."""
	if "docs" in frappe.local.response and not frappe.local.response.docs:
		del frappe.local.response["docs"]
	builders = {
		"csv": as_csv,
		"txt": as_txt,
		"download": as_raw,
		"json": as_json,
		"pdf": as_pdf,
		"page": as_page,
		"redirect": redirect,
		"binary": as_binary,
	}
	return builders[frappe.response.get("type") or response_type]()


def as_csv():
	return _file(frappe.response["result"], "text/csv", f"{frappe.response['doctype']}.csv", "attachment")


def as_txt():
	return _file(frappe.response["result"], "text", f"{frappe.response['doctype']}.txt", "attachment")


def as_raw():
	name = frappe.response["filename"]
	mimetype = frappe.response.get("content_type") or mimetypes.guess_type(name)[0] or "application/unknown"
	disposition = frappe.response.get("display_content_as", "attachment")
	return _file(frappe.response["filecontent"], mimetype, name, disposition)


def as_pdf():
	return _file(frappe.response["filecontent"], "application/pdf", frappe.response["filename"])


def as_binary():
	return _file(frappe.response["filecontent"], "application/octet-stream", frappe.response["filename"])


def _file(content, mimetype: str, filename: str, disposition: str | None = None) -> Response:
	response = Response(content, mimetype=mimetype)
	response.headers.add("Content-Disposition", disposition, filename=filename)
	return response


def as_json():
	make_logs()
	status = frappe.local.response.pop("http_status_code", None) or 200
	text = json.dumps(frappe.local.response, default=json_handler, separators=(",", ":"))
	return Response(text, status=status, mimetype="application/json")


def make_logs():
	"""Add what `msgprint` and `errprint` collected to the answer."""
	response = frappe.local.response
	if frappe.local.error_log and _shows_tracebacks():
		response["exc"] = json.dumps([cstr(entry["exc"]) for entry in frappe.local.error_log])
	if frappe.local.message_log:
		response["_server_messages"] = json.dumps([json.dumps(entry) for entry in frappe.local.message_log])
	if frappe.local.debug_log:
		response["_debug_messages"] = json.dumps(frappe.local.debug_log)
	if frappe.flags.error_message:
		response["_error_message"] = frappe.flags.error_message


def json_handler(obj):
	"""Give a value that JSON can hold for one that it cannot."""
	if isinstance(obj, datetime.date | datetime.datetime | datetime.time | LocalProxy | uuid.UUID):
		return str(obj)
	if isinstance(obj, datetime.timedelta):
		return format_timedelta(obj)
	if isinstance(obj, decimal.Decimal):
		return float(obj)
	if isinstance(obj, frappe.model.document.BaseDocument):
		return obj.as_dict(no_nulls=True)
	if isinstance(obj, Iterable):
		return list(obj)
	if isinstance(obj, Exception) or callable(obj):
		return repr(obj)
	raise TypeError(f"Object of type {type(obj)} with value of {obj!r} is not JSON serializable")


def as_page():
	from frappe.website.serve import get_response

	status = frappe.response.get("http_status_code")
	return get_response(frappe.response["route"], http_status_code=status)


def redirect():
	return werkzeug.utils.redirect(frappe.response.location)


def handle_session_stopped():
	from frappe.website.serve import get_response

	text = _("The system is being updated. Please refresh again after a few moments.")
	frappe.respond_as_web_page(_("Updating"), text, http_status_code=503, indicator_color="orange")
	return get_response("message", http_status_code=503)


__getattr__ = _absent("frappe.utils.response")
