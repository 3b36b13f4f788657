"""The revisions of 2025: a handshake whose outcome nobody has to remember, so there is no session."""

from collections.abc import Mapping

from oropendola_payments.mcp.protocol import call_tool
from oropendola_payments.mcp.protocol.revisions import INSTRUCTIONS, LEGACY, PREFIX, SERVER
from oropendola_payments.mcp.protocol.rpc import INVALID_PARAMS, METHOD_NOT_FOUND, RpcError
from oropendola_payments.mcp.tools.tool import Caller


def is_legacy(headers: Mapping[str, str], message: dict) -> bool:
	"""Return whether a request without the newest revision's fields is one of these."""
	meta = message.get("params", {}).get("_meta")
	if isinstance(meta, dict) and f"{PREFIX}protocolVersion" in meta:
		return False
	return message["method"] == "initialize" or headers.get("MCP-Protocol-Version") in LEGACY


def handle(caller: Caller, headers: Mapping[str, str], message: dict) -> dict:
	"""Return the result of a request."""
	method, params = message["method"], message.get("params", {})
	if method == "initialize":
		return _initialized(params)
	if method == "ping":
		return {}
	if method == "tools/list":
		return call_tool.listed(caller, params)
	if method == "tools/call":
		return call_tool.called(caller, params)
	raise RpcError(METHOD_NOT_FOUND, "There is no such method here.", status=200)


def _initialized(params: dict) -> dict:
	asked = params.get("protocolVersion")
	if not isinstance(asked, str):
		raise RpcError(INVALID_PARAMS, "protocolVersion is missing.", status=200)
	return {
		"protocolVersion": asked if asked in LEGACY else LEGACY[0],
		"capabilities": {"tools": {}},
		"serverInfo": SERVER,
		"instructions": INSTRUCTIONS,
	}
