"""JSON-RPC: read a message, and write results and errors."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from oropendola_payments.mcp.protocol.revisions import SUPPORTED

PARSE_ERROR, INVALID_REQUEST, METHOD_NOT_FOUND, INVALID_PARAMS, INTERNAL_ERROR = (
	-32700,
	-32600,
	-32601,
	-32602,
	-32603,
)
HEADER_MISMATCH, UNSUPPORTED_VERSION = -32020, -32022


class RpcError(Exception):
	"""A request that is not answered with a result. `status` is that of HTTP."""

	def __init__(
		self,
		code: int,
		message: str,
		status: int = 400,
		data: Any = None,
		headers: Mapping[str, str] | None = None,
	) -> None:
		super().__init__(message)
		self.code, self.message, self.http_status, self.data = code, message, status, data
		self.headers = headers or {}


@dataclass(frozen=True)
class Answer:
	"""What goes back over HTTP. Without a body it is only the status."""

	status: int
	body: dict | None = None
	headers: Mapping[str, str] = field(default_factory=dict)

	def as_json(self) -> str:
		return "" if self.body is None else json.dumps(self.body, ensure_ascii=False)


def read(raw: bytes) -> dict:
	"""Return the message of a request. Amounts are read as decimals."""
	try:
		message = json.loads(raw.decode(), parse_float=Decimal, parse_constant=_refuse)
	except (ValueError, RecursionError):
		raise RpcError(PARSE_ERROR, "This is not JSON.") from None
	if isinstance(message, list):
		raise RpcError(INVALID_REQUEST, "Batches are not accepted. Send one message per request.")
	if (
		not isinstance(message, dict)
		or message.get("jsonrpc") != "2.0"
		or not _is_text(message.get("method"))
	):
		raise RpcError(INVALID_REQUEST, "This is not a JSON-RPC 2.0 request.")
	if "id" in message and not _is_id(message["id"]):
		raise RpcError(INVALID_REQUEST, "The id must be text or a whole number.")
	if not isinstance(message.get("params", {}), dict):
		raise RpcError(INVALID_PARAMS, "The params must be an object.")
	return message


def message_of(raw: bytes) -> dict | None:
	"""Return the message if it can be read, so that a refusal carries its id."""
	try:
		return read(raw)
	except RpcError:
		return None


def result(message: dict, content: dict) -> Answer:
	return Answer(200, {"jsonrpc": "2.0", "id": message["id"], "result": content})


def failure(error: RpcError, message: dict | None = None) -> Answer:
	"""Return the answer to a request that failed. Without a readable id it has none."""
	known = message.get("id") if message else None
	details = {"code": error.code, "message": error.message}
	if error.data is not None:
		details["data"] = error.data
	return Answer(error.http_status, {"jsonrpc": "2.0", "id": known, "error": details}, error.headers)


def unsupported(asked: Any) -> RpcError:
	data = {"supported": list(SUPPORTED), "requested": str(asked)[:40]}
	return RpcError(UNSUPPORTED_VERSION, "This revision of the protocol is not spoken here.", data=data)


def _refuse(constant: str) -> None:
	raise ValueError(constant)


def _is_text(value: Any) -> bool:
	return isinstance(value, str) and bool(value)


def _is_id(value: Any) -> bool:
	return isinstance(value, str | int) and not isinstance(value, bool)
