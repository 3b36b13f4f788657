"""The description of this API for programs: the OpenAPI document and the Postman collection."""

from pathlib import Path

import frappe
from werkzeug.wrappers import Response

from oropendola_payments.api.answers.types import File
from oropendola_payments.api.callbacks import forget_cookies
from oropendola_payments.api.contract import described

FOLDER = Path(__file__).parents[1] / "openapi"
# Everybody may keep it, and a page of any site may read it.
HEADERS = {"Cache-Control": "public, max-age=3600", "Access-Control-Allow-Origin": "*"}


@frappe.whitelist(allow_guest=True, methods=["GET"])
@described(File(("application/json",)), guest=True)
def document() -> Response:
	"""Return the OpenAPI 3.1 document of this API."""
	return _file("openapi.json")


@frappe.whitelist(allow_guest=True, methods=["GET"])
@described(File(("application/json",)), guest=True)
def postman_collection() -> Response:
	"""Return the same as a collection for Postman."""
	return _file("postman_collection.json")


def _file(name: str) -> Response:
	response = Response(FOLDER.joinpath(name).read_bytes(), mimetype="application/json", headers=HEADERS)
	response.add_etag()
	forget_cookies()
	return response.make_conditional(frappe.request)
