"""SQLite connections that know MariaDB's functions and Frappe's column types."""

import datetime
import math
import re
import sqlite3
from pathlib import Path

BUSY_SECONDS = 30
_free: dict[str, list[sqlite3.Connection]] = {}
_MOMENT = re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{6})?$")
_DAY = re.compile(r"^\d{4}-\d\d-\d\d$")


class Cursor(sqlite3.Cursor):
	"""Counts the rows of a SELECT as well, as other drivers do."""

	rowcount = -1

	def execute(self, *args):
		super().execute(*args)
		self.rowcount = sqlite3.Cursor.rowcount.__get__(self)
		return self

	def fetchall(self):
		rows = super().fetchall()
		if self.rowcount < 0:
			self.rowcount = len(rows)
		return rows


def take_connection(path: str, durable: bool = True) -> sqlite3.Connection:
	"""An unused connection: one that was returned earlier, or a new one."""
	try:
		return _free[_identity(path)].pop()
	except (KeyError, IndexError):
		return _open(path, durable)


def give_back(path: str, connection: sqlite3.Connection) -> None:
	"""Keep the connection for the next request, in whichever thread."""
	if connection.in_transaction:
		connection.rollback()
	if Path(path).exists():
		_free.setdefault(_identity(path), []).append(connection)
	else:
		connection.close()


def _identity(path: str) -> str:
	# A site that was deleted and made again has another file under the same name.
	return f"{path}:{Path(path).stat().st_ino}" if Path(path).exists() else path


def _open(path: str, durable: bool) -> sqlite3.Connection:
	connection = sqlite3.connect(
		path,
		timeout=BUSY_SECONDS,
		isolation_level=None,
		detect_types=sqlite3.PARSE_DECLTYPES,
		check_same_thread=False,
		cached_statements=512,
	)
	connection.execute("PRAGMA journal_mode=WAL")
	# Only a power cut can lose what the operating system has: a site for tests need not wait for the disk.
	connection.execute(f"PRAGMA synchronous={'NORMAL' if durable else 'OFF'}")
	for name, arguments, function in _FUNCTIONS:
		connection.create_function(name, arguments, function)
	connection.create_aggregate("sum", 1, _Sum)
	return connection


class _Sum:
	"""Adds decimals without the errors of binary floats, as a DECIMAL column does."""

	def __init__(self):
		self.values = []

	def step(self, value):
		if value is not None:
			self.values.append(float(value))

	def finalize(self):
		return round(math.fsum(self.values), 9) if self.values else None


def _without_null(function):
	return lambda *values: None if None in values else function(*values)


def _date_format(value, pattern):
	names = {"i": "M", "s": "S", "M": "B", "c": "m", "e": "d", "h": "I", "T": "H:%M:%S"}
	pattern = re.sub(r"%([a-zA-Z])", lambda match: "%" + names.get(match[1], match[1]), pattern)
	return datetime.datetime.fromisoformat(value).strftime(pattern)


def _find_in_set(part, text):
	parts = str(text).lower().split(",") if text else []
	return parts.index(part.lower()) + 1 if part.lower() in parts else 0


_FUNCTIONS = [
	("now", -1, lambda *_digits: datetime.datetime.now().isoformat(" ", "seconds")),
	("curdate", 0, lambda: str(datetime.date.today())),
	("concat", -1, _without_null(lambda *values: "".join(str(value) for value in values))),
	("if", 3, lambda condition, yes, no: yes if condition else no),
	("greatest", -1, _without_null(max)),
	("least", -1, _without_null(min)),
	("locate", 2, _without_null(lambda part, text: text.lower().find(part.lower()) + 1)),
	("find_in_set", 2, _without_null(_find_in_set)),
	("char_length", 1, _without_null(lambda text: len(str(text)))),
	("date_format", 2, _without_null(_date_format)),
	("regexp", 2, _without_null(lambda pattern, text: bool(re.search(pattern, str(text), re.IGNORECASE)))),
]


def read_hidden_date(value):
	"""Convert by the text alone: an expression such as MAX(creation) has no column type."""
	if isinstance(value, str):
		if _MOMENT.match(value):
			return datetime.datetime.fromisoformat(value)
		if _DAY.match(value):
			return datetime.date.fromisoformat(value)
	return value


def _read_time(text: bytes) -> datetime.timedelta:
	hours, minutes, seconds = text.decode().split(":")
	return datetime.timedelta(hours=int(hours), minutes=int(minutes), seconds=float(seconds))


sqlite3.register_converter("FRAPPE_DATETIME", lambda text: datetime.datetime.fromisoformat(text.decode()))
sqlite3.register_converter("FRAPPE_DATE", lambda text: datetime.date.fromisoformat(text.decode()[:10]))
sqlite3.register_converter("FRAPPE_TIME", _read_time)
sqlite3.register_converter("FRAPPE_DECIMAL", float)
