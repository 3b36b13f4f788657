"""Version 1 of the REST API: functions by name, documents by DocType and name."""

import json

from werkzeug.routing import Rule

import frappe
import frappe.client
from frappe import _
from frappe.utils.data import sbool


def handle_rpc_call(method: str):
	import frappe.handler

	frappe.form_dict.cmd = method.split("/")[0]
	return frappe.handler.handle()


def document_list(doctype: str):
	arguments = frappe.form_dict
	if arguments.get("fields"):
		arguments["fields"] = json.loads(arguments["fields"])
	arguments.setdefault("limit_page_length", arguments.limit or 20)
	for name in ("as_dict", "debug"):
		if arguments.get(name) is not None:
			arguments[name] = sbool(arguments[name])
	return frappe.call(frappe.client.get_list, doctype, **arguments)


def create_doc(doctype: str):
	data = get_request_form_data()
	data.pop("doctype", None)
	return frappe.new_doc(doctype, **data).insert()


def read_doc(doctype: str, name: str):
	if "run_method" in frappe.form_dict:
		return execute_doc_method(doctype, name)
	doc = frappe.get_doc(doctype, name)
	if not doc.has_permission("read"):
		raise frappe.PermissionError
	doc.apply_fieldlevel_read_permissions()
	return doc


def update_doc(doctype: str, name: str):
	data = get_request_form_data()
	data.pop("flags", None)
	doc = frappe.get_doc(doctype, name, for_update=True)
	doc.update(data)
	doc.save()
	if doc.get("parenttype"):
		frappe.get_doc(doc.parenttype, doc.parent).save()
	return doc


def delete_doc(doctype: str, name: str):
	frappe.delete_doc(doctype, name, ignore_missing=False)
	frappe.response.http_status_code = 202
	return "ok"


def execute_doc_method(doctype: str, name: str, method: str | None = None):
	method = method or frappe.form_dict.pop("run_method")
	doc = frappe.get_doc(doctype, name)
	doc.is_whitelisted(method)
	needed = "read" if frappe.request.method == "GET" else "write"
	if not doc.has_permission(needed):
		frappe.throw(_("Not permitted"), frappe.PermissionError)
	return doc.run_method(method, **frappe.form_dict)


def get_request_form_data():
	"""Give the body as an object: the form field `data`, the JSON body, or the form itself."""
	data = frappe.form_dict.data
	if data is None:
		data = frappe.safe_decode(frappe.request.get_data())
	try:
		return frappe.parse_json(data)
	except ValueError:
		return frappe.form_dict


_DOCUMENT = "/resource/<doctype>/<path:name>/"

url_rules = [
	Rule("/method/<path:method>", endpoint=handle_rpc_call),
	Rule("/resource/<doctype>", methods=["GET"], endpoint=document_list),
	Rule("/resource/<doctype>", methods=["POST"], endpoint=create_doc),
	Rule(_DOCUMENT, methods=["GET"], endpoint=read_doc),
	Rule(_DOCUMENT, methods=["PUT"], endpoint=update_doc),
	Rule(_DOCUMENT, methods=["DELETE"], endpoint=delete_doc),
	Rule(_DOCUMENT, methods=["POST"], endpoint=execute_doc_method),
]
