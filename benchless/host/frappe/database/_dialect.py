"""Says in SQLite what Frappe code says in the words of MariaDB."""

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
_FIRST_WORD = re.compile(r"^[\s(]*([a-z]+)", re.I)
_LOCK_WORDS = re.compile(
	r"\b(for\s+update|lock\s+in\s+share\s+mode)(\s+(skip\s+locked|nowait|wait\s+\d+))?", re.I
)
_EMPTY_LIST = re.compile(r"\bin\s*\(\s*\)", re.I)
_DATE_HIDERS = re.compile(r"\b(max|min|coalesce|ifnull|greatest|least|if|iif|case)\b", re.I)
_REPLACEMENTS = [
	(re.compile(r"\b(force|use|ignore)\s+index\s*\([^)]*\)", re.I), ""),
	(re.compile(r"\bcurrent_timestamp\b(\s*\(\d*\))?", re.I), "now()"),
	(re.compile(r"\bcurrent_date\b(\s*\(\s*\))?", re.I), "curdate()"),
	# SQLite has no escape character unless it is told one.
	(re.compile(r"\blike\s+(%s|%\(\w+\)s)", re.I), r"like \1 escape '\\'"),
	# An integer divided by an integer is no integer in MariaDB.
	(re.compile(r"(?<![/*])/(?![/*])"), "* 1.0 /"),
]
_INSERT_IGNORE = re.compile(r"^\s*insert\s+ignore\b", re.I)
_PLACEHOLDER = re.compile(r"%(?:\((\w+)\))?(.)", re.S)
_ZERO_MICROSECONDS = re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.000000$")
KINDS = dict.fromkeys(("select", "pragma", "explain", "values"), "read")
KINDS |= dict.fromkeys(("insert", "update", "delete", "replace"), "write")
KINDS |= dict.fromkeys(("create", "alter", "drop", "truncate"), "ddl")
KINDS |= dict.fromkeys(("commit", "rollback", "start", "begin", "savepoint", "release"), "control")


@lru_cache(maxsize=4096)
def translate(query: str) -> Statement:
	"""The statement for SQLite, what kind it is, and whether it locks what it reads."""
	if re.search(r"\bon\s+duplicate\s+key\s+update\b", query, re.I):
		raise NotImplementedError("benchless has no ON DUPLICATE KEY UPDATE; use a bench, or two statements")
	parts = _QUOTED.split(query)
	parts[::2] = [_translate_words(part) for part in parts[::2]]
	text = _INSERT_IGNORE.sub("insert or ignore", "".join(parts))
	lock = _LOCK_WORDS.search(query)
	nowait = bool(lock and (lock[3] or "").lower() == "nowait")
	hides = bool(_DATE_HIDERS.search(query))
	return Statement(_LOCK_WORDS.sub("", text), _kind(query), bool(lock), nowait, hides)


def _translate_words(part: str) -> str:
	for pattern, replacement in _REPLACEMENTS:
		part = pattern.sub(replacement, part)
	return part


def _kind(query: str) -> str:
	match = _FIRST_WORD.match(re.sub(r"/\*.*?\*/", "", query, flags=re.S))
	word = match[1].lower() if match else ""
	if word == "with":
		return "write" if re.search(r"\)\s*(insert|update|delete)\b", query, re.I) else "read"
	return KINDS.get(word, "read")


def bind(text: str, values) -> tuple[str, list]:
	"""Put `?` for every `%s` and `%(name)s`; a list becomes as many of them as it has members."""
	if values is None:
		_refuse_empty_lists(text)
		return text, []
	bound, remaining = [], iter(() if isinstance(values, dict) else values)

	def place(match: re.Match) -> str:
		name, letter = match.groups()
		if letter == "%":
			return "%"
		if letter != "s":
			raise ValueError(
				f"unsupported format character {letter!r} in the statement; write %% for a percent sign"
			)
		value = values[name] if name else next(remaining, _missing)
		if value is _missing:
			raise TypeError("not enough arguments for format string")
		return _add(bound, value)

	text = _PLACEHOLDER.sub(place, text)
	if next(remaining, _missing) is not _missing:
		raise TypeError("not all arguments converted during string formatting")
	_refuse_empty_lists(text)
	return text, bound


_missing = object()


def _refuse_empty_lists(text: str) -> None:
	if _EMPTY_LIST.search(text):
		raise SyntaxError("MariaDB refuses an empty list: IN ()")


def _add(bound: list, value) -> str:
	if isinstance(value, list | tuple | set | frozenset):
		bound.extend(adapt(item) for item in value)
		return "(" + ",".join("?" * len(value)) + ")"
	bound.append(adapt(value))
	return "?"


def adapt(value):
	"""The value as SQLite keeps it. Dates and times are text that sorts as they do."""
	if value is None or isinstance(value, bytes | float):
		return value
	if isinstance(value, int):
		return int(value)
	if isinstance(value, str):
		return value[:-7] if _ZERO_MICROSECONDS.match(value) else str(value)
	if isinstance(value, decimal.Decimal):
		return float(value)
	if isinstance(value, datetime.datetime):
		return str(value.replace(tzinfo=None))
	if isinstance(value, datetime.date | datetime.time):
		return str(value)
	if isinstance(value, datetime.timedelta):
		return _time_text(value)
	raise TypeError(f"A {type(value).__name__} cannot be a parameter of a statement")


def _time_text(value: datetime.timedelta) -> str:
	seconds = int(value.total_seconds())
	text = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
	return f"{text}.{value.microseconds:06}" if value.microseconds else text
