"""Finds what an address under /api means and answers it."""

from werkzeug.exceptions import NotFound
from werkzeug.routing import Map, Submount
from werkzeug.wrappers import Request, Response

import frappe
from frappe.utils.response import build_response

from frappe.api.v1 import url_rules as v1_rules  # isort: skip


def handle(request: Request):
	"""Give the response to a call of `/api/method/...` or `/api/resource/...`."""
	try:
		endpoint, arguments = API_URL_MAP.bind_to_environ(request.environ).match()
	except NotFound:
		raise frappe.DoesNotExistError from None
	data = endpoint(**arguments)
	if isinstance(data, Response):
		return data
	if data is not None:
		frappe.response["data"] = data
	return build_response("json")


API_URL_MAP = Map(
	[Submount("/api", v1_rules), Submount("/api/v1", v1_rules)],
	strict_slashes=False,
	merge_slashes=False,
)
