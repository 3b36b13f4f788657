"""JSON Schema of the arguments of an endpoint: the rules of api/arguments.py in another language."""

import inspect
import types
import typing
from decimal import Decimal
from typing import Any

from oropendola_payments.api.arguments import (
	LONG,
	MAX_NAME,
	MAX_TEXT,
	MOST_NAMES,
	BankCode,
	Code,
	Currency,
	EmbedMode,
	Names,
	Phone,
)
from oropendola_payments.api.contract import Contract

AMOUNT = r"^-?[0-9]{1,15}(\.[0-9]{1,9})?$"
TYPES: dict[Any, dict] = {
	int: {"type": "integer"},
	Decimal: {"anyOf": [{"type": "number"}, {"type": "string", "pattern": AMOUNT}]},
	bool: {"type": "boolean", "description": "In a form or an address 1 or 0."},
	Currency: {"type": "string", "pattern": "^[A-Za-z]{3}$"},
	Code: {"type": "string", "maxLength": MAX_NAME},
	Phone: {"type": "string", "maxLength": MAX_NAME},
	BankCode: {"type": "string", "maxLength": MAX_NAME},
	Names: {
		"anyOf": [
			{
				"type": "array",
				"maxItems": MOST_NAMES,
				"items": {"type": "string", "minLength": 1, "maxLength": MAX_NAME},
			},
			{"type": "string", "description": "The names with commas between them."},
		]
	},
	EmbedMode: {"enum": ["true", "false", "embedded", "inline", True, False]},
}


def schema_of(contract: Contract, nullable: bool = True) -> dict:
	"""The arguments of an endpoint as one object. In JSON, what may be left out may be null as well."""
	hints, parameters = typing.get_type_hints(contract.function), _parameters(contract)
	properties = {name: _argument(name, hints.get(name, str), p) for name, p in parameters.items()}
	properties |= {name: {"type": "string"} for name in contract.query}
	required = [name for name, p in parameters.items() if p.default is inspect.Parameter.empty]
	if nullable:
		properties = {name: of if name in required else _or_null(of) for name, of in properties.items()}
	return {
		"type": "object",
		"properties": properties,
		**({"required": required} if required else {}),
	}


def _parameters(contract: Contract) -> dict[str, inspect.Parameter]:
	found = inspect.signature(contract.function).parameters
	return {name: p for name, p in found.items() if p.kind is not inspect.Parameter.VAR_KEYWORD}


def _argument(name: str, hint: Any, parameter: inspect.Parameter) -> dict:
	schema = dict(TYPES.get(_without_none(hint)) or _text(name))
	if parameter.default not in (inspect.Parameter.empty, None):
		schema["default"] = parameter.default
	return schema


def _or_null(schema: dict) -> dict:
	for words in ("enum", "anyOf"):
		if words in schema:
			return {**schema, words: [*schema[words], None if words == "enum" else {"type": "null"}]}
	return {**schema, "type": [schema["type"], "null"]}


def _text(name: str) -> dict:
	return {"type": "string", "maxLength": MAX_TEXT if name in LONG else MAX_NAME}


def _without_none(hint: Any) -> Any:
	if typing.get_origin(hint) in (typing.Union, types.UnionType):
		return next(part for part in typing.get_args(hint) if part is not type(None))
	return hint
