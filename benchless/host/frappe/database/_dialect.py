"""Translates MariaDB's SQL, which Frappe code uses, into SQLite's."""

import datetime
import decimal
import re
from functools import lru_cache
from typing import NamedTuple


class Statement(NamedTuple):
	text: str
	kind: str
	locks: bool
	nowait: bool
	may_hide_dates: bool


_QUOTED = re.compile(r"('(?:[^']|'')*'|`[^`]*`|\"[^\"]*\")")
_LOCK_WORDS = re.compile(r"\bfor\s+update\b(\s+(skip\s+locked|nowait|wait\s+\d+))?", re.I)
_EMPTY_LIST = re.compile(r"\bin\s*\(\s*\)", re.I)
_DATE_HIDERS = re.compile(r"\b(max|min|coalesce|ifnull|nullif|greatest|least|if|iif|case|date(?=\())\b", re.I)
_REPLACEMENTS = [
	(re.compile(r"\b(force|use|ignore)\s+index\s*\([^)]*\)", re.I), ""),
	(re.compile(r"\bcurrent_timestamp\b(\s*\(\d*\))?", re.I), "now()"),
	(re.compile(r"\bcurrent_date\b(\s*\(\s*\))?", re.I), "curdate()"),
	# SQLite has no escape character unless one is named.
	(re.compile(r"\blike\s+(%s|%\(\w+\)s)", re.I), r"like \1 escape '\\'"),
	# In MariaDB the quotient of two integers is a decimal.
	(re.compile(r"(?<![/*])/(?![/*])"), "* 1.0 /"),
]
_INSERT_IGNORE = re.compile(r"^\s*insert\s+ignore\b", re.I)
_PLACEHOLDER = re.compile(r"%(?:\((\w+)\))?(.)", re.S)
_WHOLE_SECOND = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.000000")
KINDS = dict.fromkeys(("insert", "update", "delete", "replace"), "write")
KINDS |= dict.fromkeys(("create", "alter", "drop"), "ddl")
KINDS |= dict.fromkeys(("commit", "rollback", "start", "savepoint", "release"), "control")


@lru_cache(maxsize=4096)
def translate(query: str) -> Statement:
	"""The statement for SQLite, what kind it is, and whether it locks what it reads."""
	if re.search(r"\bon\s+duplicate\s+key\s+update\b", query, re.I):
		raise NotImplementedError("benchless has no ON DUPLICATE KEY UPDATE; use a bench, or two statements")
	parts = _QUOTED.split(query)
	parts[::2] = [_translate_words(part) for part in parts[::2]]
	text = _INSERT_IGNORE.sub("insert or ignore", "".join(parts))
	first_word = re.match(r"[\s(]*([a-z]*)", query, re.I)[1].lower()
	lock = _LOCK_WORDS.search(query)
	nowait = bool(lock and (lock[2] or "").lower() == "nowait")
	hides = bool(_DATE_HIDERS.search(query))
	return Statement(_LOCK_WORDS.sub("", text), KINDS.get(first_word, "read"), bool(lock), nowait, hides)


def _translate_words(part: str) -> str:
	for pattern, replacement in _REPLACEMENTS:
		part = pattern.sub(replacement, part)
	return part


@lru_cache(maxsize=4096)
def _placeholders(text: str) -> tuple[tuple[str, ...], tuple[str | None, ...], str]:
	"""What stands between the placeholders, the name of each or None, and the whole with `?` in their places."""
	parts, names, start, between = [], [], 0, ""
	for match in _PLACEHOLDER.finditer(text):
		between += text[start : match.start()]
		start = match.end()
		name, letter = match.groups()
		if letter == "%":
			between += "%"
		elif letter == "s":
			parts.append(between)
			names.append(name)
			between = ""
		else:
			raise ValueError(f"unsupported format character {letter!r}; write %% for a percent sign")
	parts.append(between + text[start:])
	return tuple(parts), tuple(names), "?".join(parts)


def bind(text: str, values) -> tuple[str, list]:
	"""Put `?` for every `%s` and `%(name)s`; a list becomes as many of them as it has members."""
	bound = []
	if values is not None:
		text = _bind_values(text, values, bound)
	if _has_empty_list(text):
		raise SyntaxError("MariaDB refuses an empty list: IN ()")
	return text, bound


@lru_cache(maxsize=4096)
def _has_empty_list(text: str) -> bool:
	return bool(_EMPTY_LIST.search(text))


def _bind_values(text: str, values, bound: list) -> str:
	parts, names, plain = _placeholders(text)
	chosen = _in_order(names, values)
	lists = [isinstance(value, list | tuple | set | frozenset) for value in chosen]
	if not any(lists):
		bound += map(adapt, chosen)
		return plain
	text = parts[0]
	for value, is_list, part in zip(chosen, lists, parts[1:], strict=True):
		members = list(value) if is_list else [value]
		bound += map(adapt, members)
		text += (f"({','.join('?' * len(members))})" if is_list else "?") + part
	return text


def _in_order(names: tuple, values) -> list:
	"""The value of each placeholder."""
	if isinstance(values, dict):
		if None in names:
			raise TypeError("not enough arguments for format string")
		return [values[name] for name in names]
	if len(names) != len(values) or any(names):
		_refuse(names, values)
	return list(values)


def _refuse(names: tuple, values) -> None:
	if len(names) > len(values):
		raise TypeError("not enough arguments for format string")
	if any(names):
		raise TypeError("format requires a mapping")
	raise TypeError("not all arguments converted during string formatting")


def adapt(value):
	"""The value as SQLite stores it. Dates and times are text that sorts correctly."""
	kind = type(value)
	if value is None or kind in (int, float, bytes):
		return value
	if kind is str:
		is_moment = len(value) == 26 and value.endswith(".000000")
		return value[:-7] if is_moment and _WHOLE_SECOND.fullmatch(value) else value
	return _adapt_other(value)


def _adapt_other(value):
	if isinstance(value, bytes | float):
		return value
	if isinstance(value, int):
		return int(value)
	if isinstance(value, str):
		return adapt(str(value))
	if isinstance(value, decimal.Decimal):
		return float(value)
	if isinstance(value, datetime.datetime):
		return str(value.replace(tzinfo=None))
	if isinstance(value, datetime.date | datetime.time):
		return str(value)
	if isinstance(value, datetime.timedelta):
		return str(datetime.datetime.min + value).split()[1]
	raise TypeError(f"A {type(value).__name__} cannot be a parameter of a statement")
