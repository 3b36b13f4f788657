"""What a request to our own paths means, before our method runs: for `before_request`. And what the framework could not read."""

import json
import re

import frappe
from frappe import _
from werkzeug.wrappers import Request, Response

from oropendola_payments.ai_billing.doctype.ai_api_key.ai_api_key import PREFIX

OURS = re.compile(r"/api/(?:v[0-9]+/)?method/oropendola_payments\.")
# Here an API key says who asks. Elsewhere it is no login, so the framework refuses it as a token that it does not know.
TAKES_API_KEY = re.compile(r"/api/(?:v[0-9]+/)?method/oropendola_payments\.api\.usage\.")
# A proxy asks here about a request of somebody else, and may append that request's path and query.
ASKED_BY_PROXIES = re.compile(
	r"/api/(?:v[0-9]+/)?method/oropendola_payments\.api\.usage\.(?:authorize|check)(?:/|$)"
)
# Agents and gateways send whole messages, which are read from the body and not from arguments.
AGENTS = re.compile(r"/api/(?:v[0-9]+/)?method/oropendola_payments\.api\.mcp\.")
GATEWAYS = re.compile(r"/api/(?:v[0-9]+/)?method/oropendola_payments\.api\.webhooks\.")
BEARER = "Bearer "
UNREADABLE = (500, 417)  # what Frappe 15 and 16 answer to JSON that cannot be read


def read_request() -> None:
	"""Drop `cmd`, which would run another method, and accept the API key as a bearer token, as clients of AI services send it."""
	request = frappe.local.request
	if OURS.match(request.path):
		frappe.local.form_dict.pop("cmd", None)
	if AGENTS.match(request.path) or GATEWAYS.match(request.path):
		frappe.local.form_dict.clear()
	if TAKES_API_KEY.match(request.path) or AGENTS.match(request.path):
		_take_bearer_key(request)
	if ASKED_BY_PROXIES.match(request.path):
		_ignore_what_was_passed_on(request)


def refuse_unreadable(response: Response | None = None, request: Request | None = None) -> None:
	"""Answer 400 in our envelope to JSON that cannot be read. For `after_request`, because the framework reads it before any hook."""
	if response is None or request is None or not OURS.match(request.path):
		return
	if response.status_code not in UNREADABLE:
		return
	if AGENTS.match(request.path) or _is_readable(request):
		return
	sentence = _("The body of this request is not JSON that can be read. Please correct it.")
	refusal = {"success": False, "error": sentence, "error_code": "bad_request"}
	response.status_code, response.mimetype = 400, "application/json"
	response.set_data(json.dumps({"message": refusal}))


def _is_readable(request: Request) -> bool:
	try:
		json.loads(request.get_data(as_text=True) if request.is_json else "{}")
	except (ValueError, RecursionError):
		return False
	return True


def _take_bearer_key(request: Request) -> None:
	header = request.headers.get("Authorization", "")
	scheme, token = header[: len(BEARER)], header[len(BEARER) :].strip()
	if scheme.lower() != BEARER.lower() or not token.startswith(PREFIX):
		return
	# Removed, because the framework answers 401 to a bearer token that it did not issue.
	del request.environ["HTTP_AUTHORIZATION"]
	request.environ.setdefault("HTTP_X_API_KEY", token)


def _ignore_what_was_passed_on(request: Request) -> None:
	"""Forget arguments and log-ins of the request that the proxy asks about: they were meant for the model server."""
	frappe.local.form_dict.clear()
	request.query_string = b""
	request.environ.pop("HTTP_AUTHORIZATION", None)
