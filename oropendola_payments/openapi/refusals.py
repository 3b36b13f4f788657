"""The refusals of an endpoint: HTTP statuses, error codes and what they mean."""

from collections.abc import Iterator
from typing import Any

from oropendola_payments.api.contract import Contract
from oropendola_payments.exceptions import Refusal
from oropendola_payments.gateways.errors import GatewayError
from oropendola_payments.openapi.page import meanings

# Whoever reads can meet these, and whoever changes something those as well.
READING = ("bad_request", "not_found", "too_many_requests")
CHANGING = (
	"conflict", "concurrent_change", "invalid_transition", "refused", "unprocessable", "unavailable",
)  # fmt: skip
NEEDS_LOGIN = ("not_allowed",)
# The framework refuses these by itself: what it cannot read, a missing CSRF token, an unknown log-in.
BY_THE_FRAMEWORK = (400, 401, 403)
DETAILS: dict[str, dict] = {
	"attempts_left": {"type": "integer"},
	"choices": {"type": "array", "items": {"type": "object"}},
	"missing": {"type": "array", "items": {"type": "string"}},
	"quote": {"$ref": "#/components/schemas/PlanChangeQuote"},
	"reason": {"type": "string"},
	"window": {"type": "string"},
	"retry_after": {"type": "integer", "description": "Seconds."},
	"offer": {"$ref": "#/components/schemas/Offer"},
}
RETRY_AFTER = {
	"Retry-After": {"description": "Seconds, where usage is refused.", "schema": {"type": "integer"}}
}
SHAPES = {
	"Refusal": {
		"type": "object",
		"properties": {"message": {"$ref": "#/components/schemas/RefusalMessage"}},
		"required": ["message"],
	},
	"RefusalMessage": {
		"type": "object",
		"description": "Programs check `error_code`. The sentence is for people and may be translated.",
		"properties": {
			"success": {"const": False},
			"error": {"type": "string", "description": "What happened and what to do."},
			"error_code": {"type": "string"},
			**DETAILS,
		},
		"required": ["success", "error", "error_code"],
	},
	"FrameworkError": {
		"type": "object",
		"description": "What the framework refuses before our code runs.",
		"properties": {
			"exc_type": {"type": "string"},
			"exception": {"type": "string"},
			"exc": {"type": "string"},
			"_server_messages": {"type": "string"},
			"_error_message": {"type": "string"},
		},
		"required": ["exc_type"],
	},
}


class Responses:
	"""Responses to refused requests. Many endpoints share them, so each has a name, to which the operations refer."""

	def __init__(self) -> None:
		self.named: dict[str, dict] = {"FrameworkError": _framework_error()}

	def of(self, contract: Contract, changes: bool) -> dict[str, dict]:
		"""The refusals of an endpoint, by status."""
		found: dict[int, list[str]] = {401: []}
		for code in dict.fromkeys(_codes(contract, changes)):
			found.setdefault(statuses()[code], []).append(code)
		refused = {str(status): self._reference(status, codes) for status, codes in sorted(found.items())}
		return {**refused, "default": self.default()}

	def default(self) -> dict:
		return {"$ref": "#/components/responses/FrameworkError"}

	def _reference(self, status: int, codes: list[str]) -> dict:
		if not codes:
			return self.default()
		name = ".".join((str(status), *codes))
		self.named[name] = _response(status, codes)
		return {"$ref": f"#/components/responses/{name}"}


def _framework_error() -> dict:
	text = "Refused by the framework: an unknown log-in, a body that is not JSON."
	schema = {"$ref": "#/components/schemas/FrameworkError"}
	return {"description": text, "content": {"application/json": {"schema": schema}}}


def statuses() -> dict[str, int]:
	"""The HTTP status of every error code."""
	known = {code: status for status, code in meanings()}
	known |= {error.error_code: error.http_status_code for error in _below(Refusal)}
	return known | {error.code: error.http_status_code for error in _below(GatewayError)}


def _below(error: Any) -> Iterator[Any]:
	yield error
	for child in error.__subclasses__():
		yield from _below(child)


def _codes(contract: Contract, changes: bool) -> Iterator[str]:
	yield from READING
	if not contract.guest or contract.header:
		yield from NEEDS_LOGIN
	if changes:
		yield from CHANGING
	yield from contract.errors


def _response(status: int, codes: list[str]) -> dict:
	told = [f"`{code}`: {meanings().get((status, code), 'refused')}." for code in codes]
	schema = _with_codes(codes)
	if status in BY_THE_FRAMEWORK:
		schema = {"anyOf": [schema, {"$ref": "#/components/schemas/FrameworkError"}]}
	headers = {"headers": RETRY_AFTER} if status == 429 else {}
	return {"description": " ".join(told), **headers, "content": {"application/json": {"schema": schema}}}


def _with_codes(codes: list[str]) -> dict:
	return {
		"$ref": "#/components/schemas/Refusal",
		"properties": {"message": {"properties": {"error_code": {"enum": codes}}}},
	}
