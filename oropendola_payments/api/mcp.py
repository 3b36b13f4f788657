"""The endpoint for AI agents: HTTP around the Model Context Protocol. See docs/mcp.md."""

import json
from collections.abc import Mapping
from typing import Any, cast
from urllib.parse import urlsplit

import frappe
from frappe.utils import cint, get_url
from werkzeug.wrappers import Request, Response

from oropendola_payments.ai_billing.current import payment_settings
from oropendola_payments.api import own_paths
from oropendola_payments.api.oauth_metadata import resource_metadata_url
from oropendola_payments.api.scopes import may_transact
from oropendola_payments.compat import set_final_header
from oropendola_payments.engine.core import counters
from oropendola_payments.engine.metering.key_check import authenticate
from oropendola_payments.exceptions import Refusal
from oropendola_payments.mcp.protocol import answer as protocol
from oropendola_payments.mcp.protocol import rpc
from oropendola_payments.mcp.protocol.rpc import Answer, RpcError
from oropendola_payments.mcp.tools.tool import Caller
from oropendola_payments.roles import is_manager, is_staff

LARGEST = 64 * 1024
REQUESTS_PER_MINUTE = 120
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]


@frappe.whitelist(allow_guest=True, methods=METHODS)
def serve(**_fields: Any) -> Response:
	"""Answer one message of an agent. The user logs in with an OAuth token, with key and secret, or reads with an API key."""
	try:
		answer = _answer(frappe.request)
	except RpcError as error:
		answer = rpc.failure(error, rpc.message_of(frappe.request.get_data()[:LARGEST]))
	frappe.local.flags.payments_agent_answered = True
	return Response(answer.as_json(), answer.status, answer.headers, mimetype="application/json")


def _answer(request: Request) -> Answer:
	_require_enabled()
	if request.method != "POST":
		return Answer(405, headers={"Allow": "POST"})
	_require_known_origin(request)
	caller = _caller(request)
	_require_json(request)
	_count(caller)
	return protocol.answer(caller, cast(Mapping[str, str], request.headers), request.get_data())


def _require_enabled() -> None:
	if not cint(payment_settings().mcp_enabled):
		raise RpcError(rpc.INVALID_REQUEST, "Agents are not admitted on this site.", 404)


def _require_known_origin(request: Request) -> None:
	"""Refuse pages of other sites. Programs send no origin."""
	sent = request.headers.get("Origin")
	if sent is None:
		return
	allowed = frappe.conf.allow_cors or []
	known = [get_url(), *([allowed] if isinstance(allowed, str) else allowed)]
	if "*" not in known and _origin(sent) not in map(_origin, known):
		raise RpcError(rpc.INVALID_REQUEST, "Pages of this origin are not admitted.", 403)


def _origin(address: str) -> tuple:
	try:
		parts = urlsplit(address)
		return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)
	except ValueError:
		return ()


def _caller(request: Request) -> Caller:
	if frappe.session.user == "Guest":
		return _owner_of_key(request.headers.get("X-API-Key"))
	if not request.headers.get("Authorization") or request.cookies.get("sid", "Guest") != "Guest":
		raise _unauthorized("A browser's session is no log-in for agents. Send a token.")
	user = frappe.session.user
	with_staff = bool(cint(payment_settings().mcp_for_staff))
	return Caller(user, may_transact(user), with_staff and is_staff(), with_staff and is_manager())


def _owner_of_key(key: str | None) -> Caller:
	if not key:
		raise _unauthorized("Please log in.")
	try:
		found, _windows = authenticate(key)
	except Refusal as refusal:
		raise _unauthorized(str(refusal)) from None
	return Caller(frappe.db.get_value("AI Subscription", found.subscription, "user"), has_only_key=True)


def _unauthorized(sentence: str) -> RpcError:
	return RpcError(rpc.INVALID_REQUEST, sentence, 401)


def _require_json(request: Request) -> None:
	if request.mimetype != "application/json":
		raise RpcError(rpc.INVALID_REQUEST, "Send the message as application/json.", 415)
	if len(request.get_data()) > LARGEST:
		raise RpcError(rpc.INVALID_REQUEST, f"A message may have {LARGEST} bytes.", 413)


def _count(caller: Caller) -> None:
	used, seconds = counters.count("mcp", caller.user, 60)
	if used > REQUESTS_PER_MINUTE:
		wait = {"Retry-After": str(seconds)}
		raise RpcError(rpc.INVALID_REQUEST, f"Please wait {seconds} seconds.", 429, headers=wait)


# After the request --------------------------------------------------------------------------------


def finish(response: Any = None, request: Any = None) -> None:
	"""Say how to log in, set no cookies, and answer what the framework refused. For `after_request`; other paths are unchanged."""
	if response is None or not own_paths.AGENTS.match(request.path):
		return
	_forget_cookies()
	if not frappe.local.flags.payments_agent_answered and response.status_code >= 400:
		_answer_for_framework(response, request)
	if response.status_code == 401:
		set_final_header(response, "WWW-Authenticate", _challenge(request))


def _forget_cookies() -> None:
	cookies = getattr(frappe.local, "cookie_manager", None)
	if cookies:
		cookies.cookies, cookies.to_delete = {}, []


def _answer_for_framework(response: Response, request: Request) -> None:
	"""The framework refuses a wrong token, and a body that it cannot read, before our method runs."""
	error = RpcError(rpc.INVALID_REQUEST, "This token is not valid.", 401)
	if response.status_code != 401:
		try:
			rpc.read(request.get_data())
			return
		except RpcError as unreadable:
			error = unreadable
	response.status_code = error.http_status
	response.mimetype = "application/json"
	response.set_data(json.dumps(rpc.failure(error).body))


def _challenge(request: Request) -> str:
	"""Return the header that leads a client to the log-in. An API key that does not work needs no log-in but another key."""
	if request.headers.get("X-API-Key"):
		return 'Bearer error="invalid_token"'
	address = resource_metadata_url()
	return f'Bearer resource_metadata="{address}"' if address else "Bearer"
