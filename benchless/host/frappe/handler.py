"""Runs the whitelisted function that a request names."""

from inspect import signature

from werkzeug.wrappers import Response

import frappe
from frappe import _, is_whitelisted, ping  # noqa: F401  `ping` is callable by its short name
from frappe._absent import _absent


def handle():
	"""Return a response object if the function made one, else put its result under `message`."""
	cmd = frappe.local.form_dict.cmd
	if cmd == "login":
		return None
	data = execute_cmd(cmd)
	if isinstance(data, Response):
		return data
	if data is not None:
		frappe.response["message"] = data


def execute_cmd(cmd):
	"""Call the whitelisted function `cmd` with those request arguments that it knows."""
	overrides = frappe.get_hooks("override_whitelisted_methods", {}).get(cmd)
	cmd = overrides[-1] if overrides else cmd
	try:
		method = frappe.get_attr(cmd) if "." in cmd else globals()[cmd]
	except Exception as error:
		frappe.throw(_("Failed to get method for command {0} with {1}").format(cmd, error))
	if method != run_doc_method:
		is_whitelisted(method)
		is_valid_http_method(method)
	return frappe.call(method, **frappe.form_dict)


def is_valid_http_method(method):
	if frappe.local.request.method not in frappe.allowed_http_methods_for_whitelisted_func[method]:
		frappe.throw(_("Not permitted"), frappe.PermissionError)


@frappe.whitelist(allow_guest=True)
def logout():
	frappe.local.login_manager.logout()
	frappe.db.commit()


@frappe.whitelist(allow_guest=True)
def web_logout():
	logout()
	frappe.respond_as_web_page(_("Logged Out"), _("You have been successfully logged out"))


def run_doc_method(method, docs=None, dt=None, dn=None, arg=None, args=None):
	"""Run a whitelisted method of a document, as the Desk's buttons do."""
	if docs:
		raise NotImplementedError("benchless runs methods of stored documents only; use a bench")
	doc = frappe.get_doc(dt, dn or dt)
	if not doc.has_permission("read"):
		frappe.throw(_("Not permitted"), frappe.PermissionError)
	bound = getattr(doc, method)
	function = getattr(bound, "__func__", bound)
	is_whitelisted(function)
	is_valid_http_method(function)
	answer = _run_with(doc, method, _parsed(args or arg), list(signature(bound).parameters))
	frappe.response.docs.append(doc)
	if answer is not None:
		frappe.response["message"] = answer


def _parsed(args):
	try:
		return frappe.parse_json(args)
	except ValueError:
		return args


def _run_with(doc, method, args, parameters):
	if not parameters:
		return doc.run_method(method)
	if "args" in parameters or not isinstance(args, dict):
		return doc.run_method(method, args)
	return doc.run_method(method, **args)


_absent("frappe.handler")
