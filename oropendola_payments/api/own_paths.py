"""What a request to our own paths means, before the framework reads it. For `before_request`."""

import re

import frappe
from werkzeug.wrappers import Request

from oropendola_payments.ai_billing.doctype.ai_api_key.ai_api_key import PREFIX

OURS = re.compile(r"/api/(?:v[0-9]+/)?method/oropendola_payments\.")
# Here an API key says who asks. Elsewhere it is no login, so the framework refuses it as a token that it does not know.
TAKES_API_KEY = re.compile(r"/api/(?:v[0-9]+/)?method/oropendola_payments\.api\.usage\.")
# A proxy asks here about a request of somebody else, and may append that request's path and query.
ASKED_BY_PROXIES = re.compile(
	r"/api/(?:v[0-9]+/)?method/oropendola_payments\.api\.usage\.(?:authorize|check)(?:/|$)"
)
# Agents send whole messages, which are read from the body and not from arguments.
AGENTS = re.compile(r"/api/(?:v[0-9]+/)?method/oropendola_payments\.api\.mcp\.")
BEARER = "Bearer "


def read_request() -> None:
	"""Drop `cmd`, which would run another method, and accept the API key as a bearer token, as clients of AI services send it."""
	request = frappe.local.request
	if OURS.match(request.path):
		frappe.local.form_dict.pop("cmd", None)
	if AGENTS.match(request.path):
		frappe.local.form_dict.clear()
	if TAKES_API_KEY.match(request.path) or AGENTS.match(request.path):
		_take_bearer_key(request)
	if ASKED_BY_PROXIES.match(request.path):
		_ignore_what_was_passed_on(request)


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
