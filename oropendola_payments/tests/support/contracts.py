"""Compares every answer that a test gets with the OpenAPI document, so that the document is true."""

import re
from functools import cache
from importlib.util import find_spec
from typing import Any

from werkzeug.test import TestResponse

from oropendola_payments.openapi.document import build

# The framework adds to these what it likes, such as `session_expired`.
OPEN = ("#/components/schemas/Refusal", "#/components/schemas/FrameworkError")
COMMAND = "python3 -m benchless openapi"
PATH = re.compile(r"/api/(?:v\d+/)?method/(oropendola_payments\.api\.\w+\.\w+)")
# A bench need not have the validator; the same tests run with it elsewhere.
HAS_VALIDATOR = bool(find_spec("jsonschema_rs"))


class NotAsDescribed(AssertionError):
	"""An endpoint answered something else than the OpenAPI document says."""


def check(method: str, path: str, answer: TestResponse) -> None:
	"""Raise NotAsDescribed if an answer of our API is not what its endpoint promises."""
	found = PATH.match(path) if HAS_VALIDATOR else None
	operation = found and _operations().get((f"/api/method/{found[1]}", method.lower()))
	if not operation:
		return
	# To nginx a refusal goes out as 403; this header has its real status.
	response = operation["responses"].get(answer.headers.get("X-Oro-Status", str(answer.status_code)))
	if not response:
		response = operation["responses"]["default"] if _is_of_the_framework(answer) else None
	problem = _problem(_resolved(response), answer) if response else "this status is not described"
	if problem:
		raise NotAsDescribed(_sentence(method, found[1], answer, problem))


def _sentence(method: str, endpoint: str, answer: TestResponse, problem: str) -> str:
	return (
		f"{method} {endpoint} answered {answer.status_code}, and {problem}.\n"
		f"The answer was: {answer.get_data()[:600]!r}\n"
		"Correct the shape (`answer`) or the error codes (`errors`) of its `@endpoint`, see api/answers and api/contract.py, "
		f"and run: {COMMAND}"
	)


def _is_of_the_framework(answer: TestResponse) -> bool:
	body = answer.get_json(silent=True)
	return not isinstance(body, dict) or "exc_type" in body


def _problem(response: dict, answer: TestResponse) -> str | None:
	content = response.get("content", {})
	if not content or not answer.get_data():
		return None
	if answer.mimetype not in content:
		return None if _is_of_the_framework(answer) else f"{answer.mimetype} is not one of its types"
	schema = content[answer.mimetype].get("schema")
	if not schema:
		return None
	errors = list(_validator(schema).iter_errors(answer.get_json()))
	return "; ".join(f"{'.'.join(map(str, error.instance_path))}: {error.message}"[:300] for error in errors)


_validators: dict[int, Any] = {}


def _validator(schema: dict) -> Any:
	"""The compiled validator of a schema of the document, which lives as long as the process."""
	if id(schema) not in _validators:
		import jsonschema_rs

		_validators[id(schema)] = jsonschema_rs.validator_for(
			{**closed(schema), "components": {"schemas": _closed_schemas()}}, validate_formats=True
		)
	return _validators[id(schema)]


@cache
def _document() -> dict:
	return build()


@cache
def _closed_schemas() -> dict:
	return closed(_document()["components"]["schemas"])


@cache
def _operations() -> dict[tuple[str, str], dict]:
	return {(path, method): op for path, item in _document()["paths"].items() for method, op in item.items()}


def _resolved(response: dict) -> dict:
	name = response.get("$ref", "").rpartition("/")[2]
	return _document()["components"]["responses"][name] if name else response


def closed(schema: Any) -> Any:
	"""The schema without room for fields that it does not name. Callers must tolerate new fields; tests must see them."""
	if isinstance(schema, list):
		return [closed(item) for item in schema]
	if not isinstance(schema, dict):
		return schema
	found = {name: closed(value) for name, value in schema.items()}
	if "allOf" in schema:
		found["allOf"] = [
			{**part, "properties": closed(part["properties"])} if "properties" in part else part
			for part in schema["allOf"]
		]
	if ("$ref" in schema or "allOf" in schema) and schema.get("$ref") not in OPEN:
		found["unevaluatedProperties"] = False
	return found
