"""What an address under /api means: functions by name, documents by DocType and name."""

import json

from werkzeug.exceptions import NotFound
from werkzeug.routing import Map, Rule, Submount
from werkzeug.wrappers import Request, Response

import frappe
import frappe.client
from frappe import _
from frappe._absent import _absent
from frappe.utils.response import build_response


def handle(request: Request):
	"""Give the response to a call of `/api/method/...` or `/api/resource/...`."""
	try:
		endpoint, arguments = _ADDRESSES.bind_to_environ(request.environ).match()
	except NotFound:
		raise frappe.DoesNotExistError from None
	data = endpoint(**arguments)
	if isinstance(data, Response):
		return data
	if data is not None:
		frappe.response["data"] = data
	return build_response("json")


def _call_function(method: str):
	import frappe.handler

	frappe.form_dict.cmd = method.split("/", maxsplit=1)[0]
	return frappe.handler.handle()


def _list_documents(doctype: str):
	arguments = frappe.form_dict
	if arguments.get("fields"):
		arguments["fields"] = json.loads(arguments["fields"])
	arguments.setdefault("limit_page_length", arguments.limit or 20)
	return frappe.call(frappe.client.get_list, doctype, **arguments)


def _create_document(doctype: str):
	data = _body()
	data.pop("doctype", None)
	return frappe.new_doc(doctype, **data).insert()


def _read_document(doctype: str, name: str):
	if "run_method" in frappe.form_dict:
		return _call_document(doctype, name)
	doc = frappe.get_doc(doctype, name)
	if not doc.has_permission("read"):
		raise frappe.PermissionError
	doc.apply_fieldlevel_read_permissions()
	return doc


def _update_document(doctype: str, name: str):
	data = _body()
	data.pop("flags", None)
	doc = frappe.get_doc(doctype, name, for_update=True)
	return doc.update(data).save()


def _delete_document(doctype: str, name: str):
	frappe.delete_doc(doctype, name, ignore_missing=False)
	frappe.response.http_status_code = 202
	return "ok"


def _call_document(doctype: str, name: str):
	method = frappe.form_dict.pop("run_method")
	doc = frappe.get_doc(doctype, name)
	doc.is_whitelisted(method)
	if not doc.has_permission("read" if frappe.request.method == "GET" else "write"):
		frappe.throw(_("Not permitted"), frappe.PermissionError)
	return doc.run_method(method, **frappe.form_dict)


def _body():
	"""The body as an object: the form field `data`, the JSON body, or the form itself."""
	data = frappe.form_dict.data
	if data is None:
		data = frappe.request.get_data(as_text=True)
	try:
		return frappe.parse_json(data)
	except ValueError:
		return frappe.form_dict


_DOCUMENT = "/resource/<doctype>/<path:name>/"
_RULES = [
	Rule("/method/<path:method>", endpoint=_call_function),
	Rule("/resource/<doctype>", methods=["GET"], endpoint=_list_documents),
	Rule("/resource/<doctype>", methods=["POST"], endpoint=_create_document),
	Rule(_DOCUMENT, methods=["GET"], endpoint=_read_document),
	Rule(_DOCUMENT, methods=["PUT"], endpoint=_update_document),
	Rule(_DOCUMENT, methods=["DELETE"], endpoint=_delete_document),
	Rule(_DOCUMENT, methods=["POST"], endpoint=_call_document),
]
_ADDRESSES = Map(
	[Submount("/api", _RULES), Submount("/api/v1", _RULES)], strict_slashes=False, merge_slashes=False
)

_absent("frappe.api")
