"""JSON schemas of arguments and answers, and the check of arguments against them.

The check knows the keywords that the builders below write, and no others.
"""

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from frappe import _

from oropendola_payments.exceptions import BadRequest

Schema = dict[str, Any]
NOTHING: Schema = {"type": "object", "additionalProperties": False}


def argument_schema(
	required: Mapping[str, Schema] | None = None, optional: Mapping[str, Schema] | None = None
) -> Schema:
	"""Return the schema of a tool's arguments. Others than these are refused."""
	properties = {**(required or {}), **(optional or {})}
	if not properties:
		return NOTHING
	return {
		"type": "object",
		"properties": properties,
		"required": list(required or {}),
		"additionalProperties": False,
	}


def answer_schema(**properties: Schema) -> Schema:
	"""Return the schema of an answer that has at least these properties."""
	return {"type": "object", "properties": properties, "required": list(properties)}


def text(description: str = "", longest: int = 140, pattern: str = "", **more: Any) -> Schema:
	limits = {"minLength": 1, "maxLength": longest, **({"pattern": pattern} if pattern else {})}
	return _described({"type": "string", **limits, **more}, description)


def choice(description: str, *values: str) -> Schema:
	return _described({"type": "string", "enum": list(values)}, description)


def whole(description: str, least: int, most: int, **more: Any) -> Schema:
	return _described({"type": "integer", "minimum": least, "maximum": most, **more}, description)


def amount(description: str) -> Schema:
	return _described({"type": "number", "exclusiveMinimum": 0, "maximum": 10**12}, description)


def yes_or_no(description: str, **more: Any) -> Schema:
	return _described({"type": "boolean", **more}, description)


def several(item: Schema, least: int = 0, most: int | None = None, description: str = "") -> Schema:
	limits = {"minItems": least, **({"maxItems": most} if most else {})}
	return _described({"type": "array", "items": item, **limits}, description)


def _described(schema: Schema, description: str) -> Schema:
	return {**schema, "description": description} if description else schema


def check(schema: Schema, value: Any, name: str = "arguments") -> Any:
	"""Return the value, with whole numbers as `int`. Raises BadRequest with what to do, for the first part that does not fit."""
	if not TYPES[schema["type"]](value):
		raise BadRequest(_complaint(schema["type"]).format(name))
	if "enum" in schema and value not in schema["enum"]:
		raise BadRequest(_("{0} must be one of: {1}.").format(name, ", ".join(schema["enum"])))
	return CHECKS[schema["type"]](schema, value, name)


def _complaint(kind: str) -> str:
	sentences = {
		"object": _("{0} must be an object."),
		"array": _("{0} must be a list."),
		"string": _("{0} must be text."),
		"boolean": _("{0} must be true or false."),
		"integer": _("{0} must be a whole number."),
		"number": _("{0} must be a number."),
	}
	return sentences[kind]


def _check_object(schema: Schema, value: dict, name: str) -> dict:
	properties = schema.get("properties", {})
	unknown = [key for key in value if key not in properties]
	if unknown:
		message = _("There is no argument {0}. The arguments are: {1}.")
		raise BadRequest(message.format(str(unknown[0])[:60], ", ".join(properties) or _("none")))
	missing = [key for key in schema.get("required", ()) if key not in value]
	if missing:
		raise BadRequest(_("{0} is missing. Please send it.").format(missing[0]))
	return {key: check(properties[key], item, key) for key, item in value.items()}


def _check_text(schema: Schema, value: str, name: str) -> str:
	if any(
		(ord(character) < 32 and character not in "\n\t") or 0xD800 <= ord(character) <= 0xDFFF
		for character in value
	):
		raise BadRequest(
			_("{0} contains characters that cannot be read. Please send it as UTF-8.").format(name)
		)
	if len(value) < schema.get("minLength", 0):
		raise BadRequest(_("{0} is empty. Please send a value.").format(name))
	if len(value) > schema.get("maxLength", len(value)):
		message = _("{0} is too long. The limit is {1} characters.")
		raise BadRequest(message.format(name, schema["maxLength"]))
	if "pattern" in schema and not re.search(schema["pattern"], value):
		raise BadRequest(
			_("{0} is not in the expected form: {1}").format(name, schema.get("description", ""))
		)
	return value


def _check_number(schema: Schema, value: int | Decimal, name: str) -> int | Decimal:
	if not schema.get("minimum", value) <= value <= schema.get("maximum", value):
		message = _("{0} must be between {1} and {2}.")
		raise BadRequest(message.format(name, schema.get("minimum", 0), schema.get("maximum", "")))
	if "exclusiveMinimum" in schema and value <= schema["exclusiveMinimum"]:
		raise BadRequest(_("{0} must be more than {1}.").format(name, schema["exclusiveMinimum"]))
	return int(value) if schema["type"] == "integer" else value


def _check_list(schema: Schema, value: list, name: str) -> list:
	if not schema["minItems"] <= len(value) <= schema.get("maxItems", len(value)):
		message = _("{0} must have between {1} and {2} entries.")
		raise BadRequest(message.format(name, schema["minItems"], schema.get("maxItems", "")))
	return [check(schema["items"], item, name) for item in value]


def _is_number(value: Any) -> bool:
	return isinstance(value, int | Decimal) and not isinstance(value, bool)


def _is_whole(value: int | Decimal) -> bool:
	"""Return whether it has no fraction. Not with `int`, which writes out all digits of 1e1000000 before the limits are checked."""
	return isinstance(value, int) or value == value.to_integral_value()


TYPES: dict[str, Callable[[Any], bool]] = {
	"object": lambda value: isinstance(value, dict),
	"array": lambda value: isinstance(value, list),
	"string": lambda value: isinstance(value, str),
	"boolean": lambda value: isinstance(value, bool),
	"integer": lambda value: _is_number(value) and _is_whole(value),
	"number": _is_number,
}
CHECKS: dict[str, Callable[[Schema, Any, str], Any]] = {
	"object": _check_object,
	"array": _check_list,
	"string": _check_text,
	"boolean": lambda schema, value, name: value,
	"integer": _check_number,
	"number": _check_number,
}
