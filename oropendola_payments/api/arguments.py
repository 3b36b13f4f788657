"""Convert and check request arguments by the type hints of the endpoint."""

import inspect
import json
import re
import types
import typing
from collections.abc import Callable
from decimal import Decimal
from functools import cache
from typing import Any
from urllib.parse import unquote_to_bytes

from frappe import _
from werkzeug.wrappers import Request

from oropendola_payments.exceptions import BadRequest
from oropendola_payments.money import to_decimal

MAX_TEXT = 1000
MAX_NAME = 140
FORM = "application/x-www-form-urlencoded"

Currency = typing.NewType("Currency", str)
# Digits that a program may also send as a JSON number.
Code = typing.NewType("Code", str)
Phone = typing.NewType("Phone", str)
BankCode = typing.NewType("BankCode", str)
EmbedMode = typing.NewType("EmbedMode", str)
# A list of short names, as JSON or as text with commas.
Names = typing.NewType("Names", list)
MOST_NAMES = 100


def checked_arguments(function: Callable, signature: inspect.Signature, args: tuple, kwargs: dict) -> dict:
	"""Return the known arguments in their declared types. Unknown ones are ignored, as in Frappe."""
	names = list(signature.parameters)
	given = {
		**dict(zip(names, args, strict=False)),
		**{k: v for k, v in kwargs.items() if k in signature.parameters},
	}
	hints = _hints(function)
	return {
		name: _convert(name, given[name], hints.get(name, str))
		for name, parameter in signature.parameters.items()
		if _is_given(name, parameter, given)
	}


def require_utf8(request: Request | None) -> None:
	"""Refuse a request that is not UTF-8. The framework replaces bytes such as %FF, so the raw request is checked."""
	if not request:
		return
	body = request.get_data() if request.mimetype == FORM else b""
	try:
		unquote_to_bytes(request.query_string).decode()
		unquote_to_bytes(body).decode()
	except UnicodeDecodeError:
		raise BadRequest(
			_("The request contains characters that cannot be read. Please send it as UTF-8.")
		) from None


@cache
def _hints(function: Callable) -> dict[str, Any]:
	return typing.get_type_hints(function)


def _is_given(name: str, parameter: inspect.Parameter, given: dict) -> bool:
	missing = given.get(name) is None or given.get(name) == ""
	if missing and parameter.default is inspect.Parameter.empty:
		raise BadRequest(_("{0} is missing. Please send it.").format(name))
	return not missing


def _convert(name: str, value: Any, hint: Any) -> Any:
	if typing.get_origin(hint) in (typing.Union, types.UnionType):
		hint = next(h for h in typing.get_args(hint) if h is not type(None))
	converter = CONVERTERS.get(hint)
	if not converter:
		raise TypeError(f"{name} has a type hint that no converter knows: {hint}")
	return converter(name, value)


def _text(name: str, value: object) -> str:
	if not isinstance(value, str):
		raise BadRequest(_("{0} must be text.").format(name))
	value = value.strip()
	if "\x00" in value or any(0xD800 <= ord(c) <= 0xDFFF for c in value) or "\ufffd" in value:
		raise BadRequest(
			_("{0} contains characters that cannot be read. Please send it as UTF-8.").format(name)
		)
	limit = MAX_TEXT if name in LONG else MAX_NAME
	if len(value) > limit:
		raise BadRequest(_("{0} is too long. The limit is {1} characters.").format(name, limit))
	if not value:
		raise BadRequest(_("{0} is empty. Please send a value.").format(name))
	return value


LONG = {"reason", "note", "description", "return_url", "url"}


def _digits(shortest: int, longest: int) -> Callable[[str, Any], str]:
	"""Return a converter for text that also accepts a number, unless it may have lost leading zeros."""

	def convert(name: str, value: object) -> str:
		if isinstance(value, bool) or not isinstance(value, int):
			return _text(name, value)
		if not 10 ** (shortest - 1) <= value < 10**longest:
			message = _(
				"{0} was sent as a number, which loses zeros at the beginning. Please send it as text, in quotation marks."
			)
			raise BadRequest(message.format(name))
		return str(value)

	return convert


def _embed_mode(name: str, value: object) -> str:
	known = {"true": "embedded", "embedded": "embedded", "false": "inline", "inline": "inline"}
	mode = known.get(str(value).strip().lower()) if isinstance(value, str | bool) else None
	if not mode:
		raise BadRequest(_("{0} must be true (embedded) or false (inline).").format(name))
	return mode


def _names(name: str, value: object) -> list[str]:
	"""Return the names once each, in their order. An empty list is one too."""
	if isinstance(value, str):
		value = _listed(name, value)
	if not isinstance(value, list) or len(value) > MOST_NAMES:
		raise BadRequest(_("{0} must be a list of at most {1} names.").format(name, MOST_NAMES))
	return list(dict.fromkeys(_text(name, item) for item in value))


def _listed(name: str, text: str) -> list:
	"""Return the list in a text, which may be JSON, because a form has only texts."""
	if not text.lstrip().startswith("["):
		return [part for part in text.replace(",", " ").split() if part]
	try:
		return json.loads(text)
	except (ValueError, RecursionError):
		raise BadRequest(_("{0} must be a list of at most {1} names.").format(name, MOST_NAMES)) from None


def _whole_number(name: str, value: object) -> int:
	if isinstance(value, float) and value.is_integer():
		value = f"{value:.0f}"  # JSON does not tell 5.0 from 5
	if isinstance(value, bool) or not isinstance(value, int | str):
		raise BadRequest(_("{0} must be a whole number.").format(name))
	text = str(value).strip()
	if len(text) > 12 or not text.lstrip("-").isdecimal() or not text.isascii():
		raise BadRequest(_("{0} must be a whole number.").format(name))
	return int(text)


def _amount(name: str, value: Any) -> Decimal:
	is_number = isinstance(value, int | float | str | Decimal) and not isinstance(value, bool)
	if not is_number or not re.fullmatch(r"-?[0-9]{1,15}(\.[0-9]{1,9})?", str(value).strip()):
		raise BadRequest(_("{0} must be an amount such as 499 or 499.50.").format(name))
	return to_decimal(value)


def _currency(name: str, value: object) -> str:
	code = _text(name, value).upper()
	if not re.fullmatch(r"[A-Z]{3}", code):
		raise BadRequest(_("{0} must be a currency code such as INR.").format(name))
	return code


def _yes_or_no(name: str, value: object) -> bool:
	if str(value).lower() in ("1", "true", "yes"):
		return True
	if str(value).lower() in ("0", "false", "no"):
		return False
	raise BadRequest(_("{0} must be 1 or 0.").format(name))


CONVERTERS: dict[Any, Callable[[str, Any], Any]] = {
	str: _text,
	int: _whole_number,
	Decimal: _amount,
	bool: _yes_or_no,
	Currency: _currency,
	Code: _digits(6, 10),
	Phone: _digits(10, 15),
	BankCode: _digits(4, 4),
	EmbedMode: _embed_mode,
	Names: _names,
}
