"""JSON Schema (2020-12, as in OpenAPI 3.1) of the shapes of answers."""

import types
import typing
from inspect import cleandoc
from typing import Any

from typing_extensions import get_type_hints, is_typeddict

from oropendola_payments.api.answers.types import Date, Time, Url

SCALARS: dict[Any, dict] = {
	str: {"type": "string"},
	int: {"type": "integer"},
	float: {"type": "number"},
	bool: {"type": "boolean"},
	Any: {},
	type(None): {"type": "null"},
	Date: {"type": "string", "format": "date"},
	Time: {"type": "string", "format": "date-time"},
	Url: {"type": "string", "format": "uri"},
}
OF_WORDS = {str: "string", int: "integer"}


class Schemas:
	"""Schemas of type hints. Each TypedDict becomes one named schema, to which the others refer."""

	def __init__(self) -> None:
		self.named: dict[str, dict] = {}
		self._types: dict[str, Any] = {}

	def of(self, hint: Any) -> dict:
		if hint in SCALARS:
			return dict(SCALARS[hint])
		if is_typeddict(hint):
			return self._reference(hint)
		origin, parts = typing.get_origin(hint), typing.get_args(hint)
		if origin in (typing.Union, types.UnionType):
			return self._union(parts)
		if origin is typing.Literal:
			return {"type": OF_WORDS[type(parts[0])], "enum": list(parts)}
		if origin is list:
			return {"type": "array", "items": self.of(parts[0])}
		if origin is dict:
			return {"type": "object", "additionalProperties": self.of(parts[1])}
		raise TypeError(f"There is no schema for {hint}.")

	def name(self, name: str, schema: dict) -> dict:
		"""Give a schema a name, and return the reference to it."""
		self.named[name] = schema
		return {"$ref": f"#/components/schemas/{name}"}

	def _union(self, parts: tuple) -> dict:
		rest = [self.of(part) for part in parts if part is not type(None)]
		if len(rest) == len(parts):
			return {"anyOf": rest}
		only = rest[0]
		if len(rest) == 1 and "type" in only:
			words = {"enum": [*only["enum"], None]} if "enum" in only else {}
			return {**only, "type": [only["type"], "null"], **words}
		return {"anyOf": [*rest, {"type": "null"}]}

	def _reference(self, shape: Any) -> dict:
		name = shape.__name__
		if self._types.setdefault(name, shape) is not shape:
			raise TypeError(f"Two shapes are called {name}. Please rename one of them.")
		if name not in self.named:
			self.named[name] = {}  # so that a shape can contain itself
			self.named[name] = self._object(shape)
		return {"$ref": f"#/components/schemas/{name}"}

	def _object(self, shape: Any) -> dict:
		hints = get_type_hints(shape)
		text = cleandoc(vars(shape).get("__doc__") or "")  # Python 3.13 has removed the indentation already
		return {
			"type": "object",
			**({"description": text} if text else {}),
			"properties": {name: self.of(hint) for name, hint in hints.items()},
			"required": [name for name in hints if name in shape.__required_keys__],
		}
