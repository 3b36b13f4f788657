"""Readers for what vendors send: text, ids, times, amounts and lists of untrusted types.

A reader returns None (or an empty list) for what it cannot read. Only `entity_of` raises, a ValueError: `read_entity`
turns it into a BadAnswer for answers to our own calls, notices turn it into a MalformedNotice.
"""

import json
import re
from collections.abc import Callable, Mapping
from datetime import datetime, timezone, tzinfo
from decimal import Decimal
from typing import Any, TypeVar

from oropendola_payments.gateways.errors import BadAnswer
from oropendola_payments.money import from_minor

Event = TypeVar("Event")
LATEST_SECOND = 4_102_444_800  # the year 2100
EMAIL_OR_UPI = re.compile(r"\S+@\S+")


def parse_object(content: bytes, label: str) -> dict[str, Any]:
	"""The JSON object in a body, amounts kept exact (Decimal); anything else is a BadAnswer."""
	value = parse_json(content, label)
	if not isinstance(value, dict):
		raise BadAnswer(f"{label} sent JSON that is not an object.")
	return value


def parse_json(content: bytes, label: str) -> Any:
	"""The JSON value in a body, amounts kept exact (Decimal)."""
	try:
		return json.loads(content.decode("utf-8"), parse_float=Decimal, parse_constant=_no_constants)
	except (ValueError, ArithmeticError, RecursionError):
		raise BadAnswer(f"{label} sent an answer that is not JSON.") from None


def member(value: Any, *names: str | int) -> Any:
	"""Walk into nested JSON without trusting its types: None where something is missing."""
	for name in names:
		if isinstance(value, Mapping):
			value = value.get(name)
		elif isinstance(value, list) and isinstance(name, int) and -len(value) <= name < len(value):
			value = value[name]
		else:
			return None
	return value


def entity_of(value: Any, name: str) -> Mapping[str, Any]:
	"""A JSON object; ValueError names what is missing."""
	if not isinstance(value, Mapping):
		raise ValueError(f"no {name} where one is expected")
	return value


def read_entity(label: str, convert: Callable[[Any], Event], entity: Any) -> Event:
	"""The event in an answer to our own call: one that cannot be read is the vendor's fault, not the caller's."""
	try:
		return convert(entity)
	except ValueError as error:
		raise BadAnswer(f"{label} answered {error}.") from None


def entries_in(value: Any) -> list[Mapping[str, Any]]:
	"""The JSON objects of a list, whatever else may be in it."""
	return [entry for entry in value if isinstance(entry, Mapping)] if isinstance(value, list) else []


def filled(fields: Mapping[str, Any]) -> dict[str, Any]:
	"""The fields that have a value."""
	return {name: value for name, value in fields.items() if value}


# Text ---------------------------------------------------------------------------------------------


def short_text(value: Any, limit: int = 140) -> str | None:
	"""A printable text of bounded length, as ids and states are."""
	is_text = isinstance(value, str) and 0 < len(value) <= limit and value.isprintable()
	return value if is_text else None


def matching(pattern: re.Pattern[str], value: Any) -> str | None:
	"""A text that the whole pattern describes, such as an id that may stand in an address."""
	return value if isinstance(value, str) and pattern.fullmatch(value) else None


def sentence_of(value: Any, limit: int = 500) -> str | None:
	"""A sentence for people: one line, no mail or UPI address, nothing that a database refuses."""
	if not isinstance(value, str):
		return None
	line = "".join(letter if letter.isprintable() else " " for letter in value[:limit])
	return EMAIL_OR_UPI.sub("…", line).strip() or None


def web_address(value: Any) -> str | None:
	"""An http address to send a customer to."""
	text = short_text(value, 2000)
	return text if text and text.startswith(("https://", "http://")) else None


# Amounts ------------------------------------------------------------------------------------------


def whole_number(value: Any) -> int | None:
	"""A JSON integer; True and False are none."""
	return value if isinstance(value, int) and not isinstance(value, bool) else None


def minor_amount(
	entity: Mapping[str, Any], name: str, exponent_of: Callable[[str], int]
) -> tuple[Decimal | None, str | None]:
	"""Amount in major units and currency of an entity that counts minor units; both or neither."""
	minor, currency = whole_number(entity.get(name)), short_text(entity.get("currency"), 3)
	if currency is None or minor is None:
		return None, None
	return from_minor(minor, currency, exponent_of(currency)), currency.upper()


# Times --------------------------------------------------------------------------------------------


def utc_text(moment: datetime) -> str:
	"""A moment as vendors take it in their queries: 2026-11-20T14:50:20Z."""
	return moment.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def unix_time(seconds: Any) -> datetime | None:
	"""The moment of a Unix timestamp in whole seconds."""
	number = whole_number(seconds)
	return _from_timestamp(number) if number is not None and 0 < number < LATEST_SECOND else None


def unix_time_ms(milliseconds: Any) -> datetime | None:
	"""The moment of a Unix timestamp in whole milliseconds."""
	number = whole_number(milliseconds)
	return _from_timestamp(number / 1000) if number is not None and 0 < number < 10**14 else None


def iso_time(text: Any, zone: tzinfo | None = None) -> datetime | None:
	"""The moment of an ISO 8601 text. Without an offset it counts in `zone`, and is unreadable where that is None."""
	text = short_text(text, 40)
	try:
		moment = datetime.fromisoformat(text.replace("Z", "+00:00")) if text else None
	except ValueError:
		return None
	if moment is None or moment.tzinfo:
		return moment
	return moment.replace(tzinfo=zone) if zone else None


def local_time(text: str, zone: tzinfo) -> datetime | None:
	"""The moment of a text such as `2026-05-01 09:30:00` in a zone that is only documented."""
	try:
		return datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=zone)
	except ValueError:
		return None


def _from_timestamp(seconds: float) -> datetime:
	return datetime.fromtimestamp(seconds, timezone.utc)


def _no_constants(text: str) -> None:
	raise ValueError(f"{text} is not a number")
