"""What a piece of work asks of MariaDB: its statements, and the rows that the server read for each of them."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from unittest.mock import patch

import frappe
from frappe.database.database import Database

CONTROL = ("commit", "start", "rollback", "begin", "savepoint", "release", "set session", "show", "explain")
PAGE = 4096
TOO_QUICK = 0.02


@dataclass(frozen=True)
class Statement:
	"""As it was sent, with its values."""

	text: str
	rows: int
	seconds: float


@dataclass
class Reading:
	statements: list[Statement] = field(default_factory=list)
	seconds: float = 0
	memory: int = 0

	@property
	def rows(self) -> int:
		return sum(statement.rows for statement in self.statements)

	def most_rows(self) -> Statement | None:
		return max(self.statements, key=lambda statement: statement.rows, default=None)


class _Counter:
	"""The rows that this connection's handler read. Asking reads some too, always the same number."""

	def __init__(self):
		self._cost: dict[int, int] = {}

	def read(self, database: Database) -> int:
		cursor = database._conn.cursor()
		try:
			cursor.execute("SHOW SESSION STATUS LIKE 'Handler_read%'")
			return sum(int(row[1]) for row in cursor.fetchall())
		finally:
			cursor.close()

	def cost(self, database: Database) -> int:
		key = id(database._conn)
		if key not in self._cost:
			first = self.read(database)
			self._cost[key] = self.read(database) - first
		return self._cost[key]


@contextmanager
def measured() -> Iterator[Reading]:
	"""Collects the statements of all threads while they run as usual, but for those that control transactions or open a connection."""
	original, reading, counter, inside = Database.sql, Reading(), _Counter(), threading.local()

	def sql(self, query, *args, **kwargs):
		is_control = str(query).lstrip(" \n\t(").lower().startswith(CONTROL)
		if is_control or getattr(inside, "busy", False) or not self._conn:
			return original(self, query, *args, **kwargs)
		inside.busy = True
		try:
			cost, before = counter.cost(self), counter.read(self)
			begin = time.perf_counter()
			answer = original(self, query, *args, **kwargs)
			seconds = time.perf_counter() - begin
			rows = counter.read(self) - before - cost
			reading.statements.append(Statement(_text(self, query, args, kwargs), max(0, rows), seconds))
			return answer
		finally:
			inside.busy = False

	with _memory(reading), patch.object(Database, "sql", sql):
		begin = time.perf_counter()
		yield reading
		reading.seconds = time.perf_counter() - begin


def _text(database: Database, query: object, args: tuple, kwargs: dict) -> str:
	values = args[0] if args else kwargs.get("values")
	if isinstance(values, str | int | float):
		values = (values,)
	is_given = isinstance(values, tuple | list | dict) and values
	return str(database.mogrify(str(query), values) if is_given else query)


@contextmanager
def _memory(reading: Reading) -> Iterator[None]:
	"""Notes the most memory above that of the beginning."""
	over, idle = threading.Event(), _resident()

	def look():
		while not over.wait(TOO_QUICK):
			reading.memory = max(reading.memory, _resident() - idle)

	watch = threading.Thread(target=look, daemon=True)
	watch.start()
	try:
		yield
	finally:
		over.set()
		watch.join()


def _resident() -> int:
	return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE


def connected() -> bool:
	"""Whether there is a MariaDB whose figures can be read."""
	return frappe.db.db_type == "mariadb"
