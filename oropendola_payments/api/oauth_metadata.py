"""Where agents log in: the OAuth metadata of RFC 9728 and RFC 8414, on versions of Frappe that have no such pages."""

import json

import frappe
from frappe.utils import cint, get_url
from werkzeug.wrappers import Response

from oropendola_payments.ai_billing.current import payment_settings
from oropendola_payments.compat import serves_oauth_metadata
from oropendola_payments.engine.core.urls import api_url

RESOURCE = ".well-known/oauth-protected-resource"
SERVER = ".well-known/oauth-authorization-server"
OAUTH = "/api/method/frappe.integrations.oauth2."


def resource_metadata_url() -> str | None:
	"""Return the address of the metadata of our endpoint; None where a site does not publish it."""
	if serves_oauth_metadata():
		shown = frappe.db.get_single_value("OAuth Settings", "show_protected_resource_metadata")
		return get_url(f"/{RESOURCE}") if shown else None
	return get_url(f"/{RESOURCE}{_path_of_endpoint()}")


def _path_of_endpoint() -> str:
	return api_url("mcp.serve").removeprefix(get_url())


class OAuthMetadata:
	"""A page renderer of the website for the two addresses. v16 answers them before the website is asked."""

	def __init__(self, path: str, http_status_code: int | None = None) -> None:
		self.path = path.strip("/")

	def can_render(self) -> bool:
		return self.path.startswith((RESOURCE, SERVER))

	def render(self) -> Response:
		# A page that is not found would be remembered as such; this one comes back when the setting is switched on.
		found = self._found() if cint(payment_settings().mcp_enabled) else None
		response = Response(json.dumps(found or {}), 200 if found else 404, mimetype="application/json")
		response.headers["Access-Control-Allow-Origin"] = "*"
		return response

	def _found(self) -> dict | None:
		if self.path in (RESOURCE, RESOURCE + _path_of_endpoint()):
			return _resource()
		return _server() if self.path == SERVER else None


def _resource() -> dict:
	"""Scopes are left out: a client then asks for all that it was registered with, and for no scope that it would be refused."""
	return {
		"resource": api_url("mcp.serve"),
		"authorization_servers": [get_url()],
		"bearer_methods_supported": ["header"],
	}


def _server() -> dict:
	return {
		"issuer": get_url(),
		"authorization_endpoint": get_url(f"{OAUTH}authorize"),
		"token_endpoint": get_url(f"{OAUTH}get_token"),
		"revocation_endpoint": get_url(f"{OAUTH}revoke_token"),
		"introspection_endpoint": get_url(f"{OAUTH}introspect_token"),
		"userinfo_endpoint": get_url(f"{OAUTH}openid_profile"),
		"response_types_supported": ["code"],
		"response_modes_supported": ["query"],
		"grant_types_supported": ["authorization_code", "refresh_token"],
		"token_endpoint_auth_methods_supported": ["none", "client_secret_basic"],
		"code_challenge_methods_supported": ["S256"],
	}
