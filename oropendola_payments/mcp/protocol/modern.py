"""The revision of July 2026: no handshake and no session. What each request says of itself is compared with its headers."""

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from oropendola_payments.mcp.protocol import call_tool
from oropendola_payments.mcp.protocol.revisions import INSTRUCTIONS, MODERN, PREFIX, SERVER, SUPPORTED
from oropendola_payments.mcp.protocol.rpc import (
	HEADER_MISMATCH,
	INVALID_PARAMS,
	METHOD_NOT_FOUND,
	RpcError,
	unsupported,
)
from oropendola_payments.mcp.tools.tool import Caller

KEEP_MS = {"server/discover": 3_600_000, "tools/list": 60_000}


def handle(caller: Caller, headers: Mapping[str, str], message: dict) -> dict:
	"""Return the result of a request."""
	method, params = message["method"], message.get("params", {})
	meta = _meta(params)
	_compare("MCP-Protocol-Version", headers, meta[f"{PREFIX}protocolVersion"])
	if meta[f"{PREFIX}protocolVersion"] != MODERN:
		raise unsupported(meta[f"{PREFIX}protocolVersion"])
	_compare("Mcp-Method", headers, method)
	if method == "tools/call":
		_compare("Mcp-Name", headers, params.get("name"))
	return _complete(method, _dispatch(caller, method, params, meta))


def _meta(params: dict) -> dict:
	meta = params.get("_meta")
	known = meta if isinstance(meta, dict) else {}
	version, capabilities = known.get(f"{PREFIX}protocolVersion"), known.get(f"{PREFIX}clientCapabilities")
	if not isinstance(version, str) or not isinstance(capabilities, dict):
		message = f"params._meta needs {PREFIX}protocolVersion and {PREFIX}clientCapabilities."
		raise RpcError(INVALID_PARAMS, message)
	return known


def _compare(name: str, headers: Mapping[str, str], expected: Any) -> None:
	sent = headers.get(name)
	if sent is None or _decoded(sent.strip()) != expected:
		raise RpcError(HEADER_MISMATCH, f"The header {name} is missing, or differs from the message.")


def _decoded(value: str) -> str | None:
	"""Return a header's text, which may be in Base64 between `=?base64?` and `?=`."""
	if not (value.startswith("=?base64?") and value.endswith("?=")):
		return value
	try:
		return base64.b64decode(value[9:-2], validate=True).decode()
	except (binascii.Error, ValueError):
		return None


def _dispatch(caller: Caller, method: str, params: dict, meta: dict) -> dict:
	if method == "server/discover":
		return {
			"supportedVersions": list(SUPPORTED),
			"capabilities": {"tools": {}},
			"instructions": INSTRUCTIONS,
		}
	if method == "tools/list":
		return call_tool.listed(caller, params)
	if method == "tools/call":
		return call_tool.called(caller, params, opens_pages=_opens_pages(meta))
	raise RpcError(METHOD_NOT_FOUND, "There is no such method here.", status=404)


def _opens_pages(meta: dict) -> bool:
	"""Return whether the client can send its user to an address."""
	elicitation = meta[f"{PREFIX}clientCapabilities"].get("elicitation")
	return isinstance(elicitation, dict) and isinstance(elicitation.get("url"), dict)


def _complete(method: str, found: dict) -> dict:
	caching = {"ttlMs": KEEP_MS[method], "cacheScope": "private"} if method in KEEP_MS else {}
	return {"resultType": "complete", **found, **caching, "_meta": {f"{PREFIX}serverInfo": SERVER}}
