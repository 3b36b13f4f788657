"""The WSGI application: one request in, one transaction, one response out."""

import json

from werkzeug.exceptions import HTTPException, NotFound
from werkzeug.wrappers import Request, Response
from werkzeug.wsgi import ClosingIterator

import frappe
import frappe.api
import frappe.handler
import frappe.utils.response
from frappe import _
from frappe._absent import _absent
from frappe.auth import UNSAFE_HTTP_METHODS, HTTPRequest, clear_cookies, validate_auth
from frappe.utils import CallbackManager, cint, get_site_name
from frappe.utils.data import escape_html
from frappe.website.serve import get_response

_site = None
_sites_path = "."

_ERROR_PAGES = {
	401: ("Session Expired", "Your session has expired, please login again to continue."),
	403: ("Not Permitted", "You do not have enough permissions to complete the action"),
	404: ("Not Found", "The resource you are looking for is not available"),
}


def _after_response() -> None:
	if request := getattr(frappe.local, "request", None):
		request.after_response.run()
	frappe.destroy()


@Request.application
def _application(request: Request):
	response = None
	rollback = True
	try:
		init_request(request)
		validate_auth()
		response = _route(request)
	except HTTPException as error:
		return error
	except Exception as error:
		response = handle_exception(error)
	else:
		sync_database()
		rollback = False
	finally:
		if rollback and getattr(frappe.local, "db", None):
			frappe.db.rollback()
		run_after_request_hooks(request, response)
		if response and hasattr(frappe.local, "cookie_manager"):
			frappe.local.cookie_manager.flush_cookies(response=response)
	return response


def _tidying_up(app):
	"""The application, whose connection is returned once the response is on its way."""
	return lambda *environ: ClosingIterator(app(*environ), [_after_response])


application = _tidying_up(_application)


def _route(request: Request) -> Response:
	if request.method == "OPTIONS":
		return Response()
	if frappe.form_dict.cmd:
		answer = frappe.handler.handle()
		return answer if isinstance(answer, Response) else frappe.utils.response.build_response("json")
	if request.path.startswith("/api/"):
		return frappe.api.handle(request)
	if request.method in ("GET", "HEAD", "POST"):
		return get_response()
	raise NotFound


def run_after_request_hooks(request, response):
	if not getattr(frappe.local, "initialised", False):
		return
	try:
		for task in frappe.get_hooks("after_request"):
			frappe.call(task, response=response, request=request)
	except Exception:
		frappe.log_error(title="Failed to run after request hook")
		frappe.db.commit()


def init_request(request):
	"""Connect the thread to the site the request is for, and read its arguments and its user."""
	site = _site or request.headers.get("X-Frappe-Site-Name") or get_site_name(request.host)
	frappe.init(site=site, sites_path=_sites_path, force=True)
	frappe.local.request = request
	request.after_response = CallbackManager()
	if not frappe.local.conf.db_name:
		raise NotFound
	if frappe.local.conf.rate_limit:
		raise NotImplementedError("benchless has no rate_limit for a whole site; use a bench")
	frappe.connect(set_admin_as_user=False)
	if frappe.local.conf.maintenance_mode:
		raise frappe.SessionStopped("Session Stopped")
	request.max_content_length = cint(frappe.local.conf.get("max_file_size")) or 25 * 1024 * 1024
	make_form_dict(request)
	if request.method != "OPTIONS":
		frappe.local.http_request = HTTPRequest()
	for task in frappe.get_hooks("before_request"):
		frappe.call(task)


def make_form_dict(request: Request):
	"""Fill `frappe.form_dict`; a JSON body hides the query string, as on a bench."""
	body = request.get_data(as_text=True)
	if body and request.is_json:
		arguments = json.loads(body)
	else:
		arguments = {**request.args.to_dict(), **request.form.to_dict()}
	if isinstance(arguments, dict):
		frappe.local.form_dict = frappe._dict(arguments)
		frappe.local.form_dict.pop("_", None)
	elif isinstance(arguments, list):
		frappe.local.form_dict["data"] = arguments
	else:
		frappe.throw(_("Invalid request arguments"))


def handle_exception(e):
	"""Return the response to an exception: JSON for programs, a page for people."""
	status = getattr(e, "http_status_code", 500)
	if not frappe.session.user:
		frappe.session.user = "Guest"
	if _wants_json():
		response = frappe.utils.response.report_error(status)
	elif isinstance(e, frappe.SessionStopped):
		response = frappe.utils.response.handle_session_stopped()
	else:
		_show_error_page(status)
		response = get_response("message", http_status_code=status)
	if e.__class__ == frappe.AuthenticationError and hasattr(frappe.local, "cookie_manager"):
		clear_cookies()
	if status >= 500 and not isinstance(e, frappe.SecurityException | frappe.SessionStopped):
		frappe.log_error(title=str(e)[:140], defer_insert=True)
	return response


def _wants_json() -> bool:
	accept = frappe.get_request_header("Accept") or ""
	is_ajax = accept and frappe.get_request_header("X-Requested-With") == "XMLHttpRequest"
	asked_for = is_ajax or "application/json" in accept
	return asked_for or (frappe.local.request.path.startswith("/api/") and not accept.startswith("text"))


def _show_error_page(status: int) -> None:
	if status in _ERROR_PAGES:
		title, text = map(_, _ERROR_PAGES[status])
	else:
		title, text = "Server Error", ""
		if frappe.get_system_settings("allow_error_traceback") and not frappe.flags.disable_traceback:
			text = f"<pre>{escape_html(frappe.get_traceback())}</pre>"
	frappe.respond_as_web_page(title, text, http_status_code=status)


def sync_database():
	"""Commit what an unsafe method did, undo what a safe one did."""
	if frappe.local.flags.commit or frappe.local.request.method in UNSAFE_HTTP_METHODS:
		frappe.db.commit()
	else:
		frappe.db.rollback()
	if session := getattr(frappe.local, "session_obj", None):
		session.update()


_absent("frappe.app")
