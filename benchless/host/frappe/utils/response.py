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
from frappe import _
from frappe._absent import _absent
from frappe.model.base_document import BaseDocument


def report_error(status_code):
	"""Return the JSON response to the current exception."""
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
	"""Return the response in the form that `frappe.response.type` names, else in the given one."""
	if not frappe.local.response.get("docs"):
		frappe.local.response.pop("docs", None)
	builders = {"download": as_raw, "json": as_json, "page": as_page, "redirect": redirect}
	wanted = frappe.response.get("type") or response_type
	if wanted not in builders:
		raise NotImplementedError(f"benchless has no answers of type {wanted}; use a bench")
	return builders[wanted]()


def as_raw():
	name = frappe.response["filename"]
	mimetype = frappe.response.get("content_type") or mimetypes.guess_type(name)[0] or "application/unknown"
	disposition = frappe.response.get("display_content_as", "attachment")
	response = Response(frappe.response["filecontent"], mimetype=mimetype)
	response.headers.add("Content-Disposition", disposition, filename=name)
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
		response["exc"] = json.dumps([entry["exc"] for entry in frappe.local.error_log])
	if frappe.local.message_log:
		response["_server_messages"] = json.dumps([json.dumps(entry) for entry in frappe.local.message_log])
	if frappe.flags.error_message:
		response["_error_message"] = frappe.flags.error_message


def json_handler(obj):
	"""Convert a value that JSON cannot hold."""
	if isinstance(obj, datetime.date | datetime.time | datetime.timedelta | LocalProxy | uuid.UUID):
		return str(obj)
	if isinstance(obj, decimal.Decimal):
		return float(obj)
	if isinstance(obj, BaseDocument):
		return obj.as_dict(no_nulls=True)
	if isinstance(obj, Iterable):
		return list(obj)
	if isinstance(obj, Exception) or callable(obj):
		return repr(obj)
	raise TypeError(f"Object of type {type(obj)} with value of {obj!r} is not JSON serializable")


def as_page():
	from frappe.website.serve import get_response

	return get_response(frappe.response["route"], http_status_code=frappe.response.get("http_status_code"))


def redirect():
	return werkzeug.utils.redirect(frappe.response.location)


def handle_session_stopped():
	from frappe.website.serve import get_response

	text = _("The system is being updated. Please refresh again after a few moments.")
	frappe.respond_as_web_page(_("Updating"), text, http_status_code=503)
	return get_response("message", http_status_code=503)


_absent("frappe.utils.response")
