"""One operation of the OpenAPI document: an endpoint with one HTTP method."""

from typing import Any

from oropendola_payments.api.answers.types import File, OrOwnFormat, Redirect
from oropendola_payments.api.own_paths import TAKES_API_KEY
from oropendola_payments.openapi import arguments
from oropendola_payments.openapi.endpoints import Endpoint
from oropendola_payments.openapi.page import Section, sections
from oropendola_payments.openapi.refusals import Responses
from oropendola_payments.openapi.schemas import Schemas
from oropendola_payments.openapi.security import security_of

FORM = "application/x-www-form-urlencoded"
WITHOUT_SECTION = Section(audience="", text="", example=None)
RATE_HEADERS = {
	"RateLimit-Policy": {"description": "The limits of the plan.", "schema": {"type": "string"}},
	"RateLimit": {"description": "The limit that is nearest to its end.", "schema": {"type": "string"}},
}


def operation(endpoint: Endpoint, method: str, schemas: Schemas, refused: Responses) -> dict:
	"""The operation of an endpoint for a method such as `post`."""
	section = sections().get(endpoint.name, WITHOUT_SECTION)
	return {
		"operationId": _operation_id(endpoint, method),
		"tags": [endpoint.name.partition(".")[0]],
		"summary": endpoint.summary,
		"description": _description(section),
		**_input(endpoint, method, section, schemas),
		"responses": _responses(endpoint, section, schemas, refused),
		"security": security_of(endpoint.contract, endpoint.path, method),
	}


def _operation_id(endpoint: Endpoint, method: str) -> str:
	name = endpoint.name.replace(".", "_")
	return f"{name}_by_{method}" if endpoint.is_read_by_get and method != "get" else name


def _description(section: Section) -> str:
	return f"For: {section.audience}.\n\n{section.text}" if section.audience else section.text


# What is sent --------------------------------------------------------------------------------------


def _input(endpoint: Endpoint, method: str, section: Section, schemas: Schemas) -> dict:
	in_address = method in ("get", "head") or bool(endpoint.contract.query)
	schema = arguments.schema_of(endpoint.contract, nullable=not in_address)
	if in_address and schema["properties"]:
		return {"parameters": _parameters(schema, section)} | _raw_body(endpoint, method)
	if in_address or isinstance(endpoint.contract.answer, Redirect) or not schema["properties"]:
		return {}
	examples = {name: section.arguments[name] for name in schema["properties"] if name in section.arguments}
	named = schemas.name(f"{endpoint.name}.arguments", schema)
	content: dict[str, dict] = {"application/json": {"schema": named}, FORM: {"schema": named}}
	if examples:
		content[FORM]["example"] = examples
	return {"requestBody": {"required": bool(schema.get("required")), "content": content}}


def _parameters(schema: dict, section: Section) -> list[dict]:
	return [
		{
			"name": name,
			"in": "query",
			"required": name in schema.get("required", ()),
			"schema": of,
			**({"example": section.arguments[name]} if name in section.arguments else {}),
		}
		for name, of in schema["properties"].items()
	]


def _raw_body(endpoint: Endpoint, method: str) -> dict:
	"""What a gateway posts, in its own format."""
	if method == "get" or not endpoint.contract.query:
		return {}
	return {"requestBody": {"content": {"*/*": {"schema": {}}}}}


# What comes back -----------------------------------------------------------------------------------


def _responses(endpoint: Endpoint, section: Section, schemas: Schemas, refused: Responses) -> dict:
	contract = endpoint.contract
	if isinstance(contract.answer, Redirect):
		return {str(contract.answer.status): _redirect(), "default": refused.default()}
	changes = not endpoint.is_read_by_get or bool(contract.errors)
	found = {"200": _success(contract.answer, section, schemas), **refused.of(contract, changes)}
	if TAKES_API_KEY.match(endpoint.path):
		found["200"]["headers"] = RATE_HEADERS
	return found


def _redirect() -> dict:
	location = {"Location": {"description": "Our result page.", "schema": {"type": "string"}}}
	return {"description": "The browser goes on to the result page.", "headers": location}


def _success(answer: Any, section: Section, schemas: Schemas) -> dict:
	if isinstance(answer, File):
		return {"description": "The file.", "content": {kind: {} for kind in answer.types}}
	content: dict[str, Any] = {"schema": _answer(answer, schemas)}
	if section.example:
		content["example"] = section.example
	return {"description": "Done.", "content": {"application/json": content}}


def _answer(answer: Any, schemas: Schemas) -> dict:
	if isinstance(answer, OrOwnFormat):
		return {"anyOf": [envelope(schemas.of(answer.shape)), {"type": "object"}]}
	return envelope(schemas.of(answer))


def envelope(answer: dict) -> dict:
	"""The envelope of a success around the schema of an answer."""
	success = {"type": "object", "properties": {"success": {"const": True}}, "required": ["success"]}
	return {
		"type": "object",
		"properties": {"message": {"allOf": [success, answer]}},
		"required": ["message"],
	}
