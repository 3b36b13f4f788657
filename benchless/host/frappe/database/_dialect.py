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


def bind(text: str, values) -> tuple[str, list]:
	"""Put `?` for every `%s` and `%(name)s`; a list becomes as many of them as it has members."""
	bound = []
	if values is not None:
		text = _bind_values(text, values, bound)
	if _EMPTY_LIST.search(text):
		raise SyntaxError("MariaDB refuses an empty list: IN ()")
	return text, bound


def _bind_values(text: str, values, bound: list) -> str:
	remaining = [] if isinstance(values, dict) else list(values)[::-1]

	def place(match: re.Match) -> str:
		name, letter = match.groups()
		if letter == "%":
			return "%"
		if letter != "s":
			raise ValueError(f"unsupported format character {letter!r}; write %% for a percent sign")
		if not name and not remaining:
			raise TypeError("not enough arguments for format string")
		return _add(bound, values[name] if name else remaining.pop())

	text = _PLACEHOLDER.sub(place, text)
	if remaining:
		raise TypeError("not all arguments converted during string formatting")
	return text


def _add(bound: list, value) -> str:
	if isinstance(value, list | tuple | set | frozenset):
		bound.extend(adapt(item) for item in value)
		return "(" + ",".join("?" * len(value)) + ")"
	bound.append(adapt(value))
	return "?"


def adapt(value):
	"""The value as SQLite stores it. Dates and times are text that sorts correctly."""
	if value is None or isinstance(value, bytes | float):
		return value
	if isinstance(value, int):
		return int(value)
	if isinstance(value, str):
		is_whole_second = re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.000000", value)
		return value[:-7] if is_whole_second else str(value)
	if isinstance(value, decimal.Decimal):
		return float(value)
	if isinstance(value, datetime.datetime):
		return str(value.replace(tzinfo=None))
	if isinstance(value, datetime.date | datetime.time):
		return str(value)
	if isinstance(value, datetime.timedelta):
		return str(datetime.datetime.min + value).split()[1]
	raise TypeError(f"A {type(value).__name__} cannot be a parameter of a statement")
