"""What is still to be reported to the site: leases to settle, calls to count later. Sent until the site has heard it, once each.

Every report can be repeated without harm: a lease is settled with its total, everything else carries an event ID. A journal with a
path survives the process. It holds no keys: reports of an earlier process wait until their key is used again.
"""

from __future__ import annotations

import json
import logging
import sqlite3
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

logger = logging.getLogger("oropendola_usage")

KEEP = 24 * 3600.0
MOST_IN_ONE = 100_000
TABLE = "CREATE TABLE IF NOT EXISTS reports (id TEXT PRIMARY KEY, owner TEXT, endpoint TEXT, made_at REAL, body TEXT)"


@dataclass
class Report:
	"""One call to make. `owner` is the hash of the key."""

	id: str
	owner: str
	endpoint: str
	values: dict[str, Any]
	key: str | None = field(default=None, repr=False)
	made_at: float = field(default_factory=time.time)
	due: float = 0.0  # by the monotonic clock
	was_sent: bool = False
	is_stored: bool = False

	def is_fixed(self) -> bool:
		"""Return whether the site, or another process that shares the file, may have seen it."""
		return self.was_sent or self.is_stored


class Journal:
	"""Reports in the order in which they were made, at most `most`. Not safe between threads: its user holds a lock."""

	def __init__(self, path: str | Path | None = None, most: int = 10_000):
		self.most = most
		self.dropped = 0
		self._reports: dict[str, Report] = {}
		self._late: dict[tuple[str, str | None], Report] = {}
		self._file = _opened(path) if path else None
		self._load()

	def __len__(self) -> int:
		return len(self._reports)

	def add(self, key: str, owner: str, endpoint: str, values: dict[str, Any]) -> None:
		self._store(self._new(key, owner, endpoint, values))

	def count_later(self, key: str, owner: str, model: str | None, requests: int) -> None:
		"""Remember that calls passed without being counted. Many become one report, until it is sent."""
		report = self._late.get((owner, model))
		if not report or report.is_fixed() or report.values["requests"] + requests > MOST_IN_ONE:
			values = {"requests": 0, "model": model, "event_id": f"late-{uuid.uuid4().hex}"}
			report = self._late[owner, model] = self._new(key, owner, "consume", values)
		report.values["requests"] += requests  # written by `sync`, not at each call

	def adopt(self, owner: str, key: str) -> None:
		"""Give reports of an earlier process their key, now that it is used again."""
		for report in self._reports.values():
			if report.key is None and report.owner == owner:
				report.key = key

	def due(self, now: float) -> list[Report]:
		"""Return what can be sent now."""
		return [report for report in self._reports.values() if report.key and report.due <= now]

	def sent(self, report: Report) -> None:
		"""Forget a report that the site has answered."""
		self._reports.pop(report.id, None)
		late = (report.owner, report.values.get("model"))
		if self._late.get(late) is report:
			del self._late[late]
		self._execute("DELETE FROM reports WHERE id = ?", (report.id,))

	def sync(self) -> None:
		"""Write what has changed, and drop what is too old to be wanted."""
		oldest = time.time() - KEEP
		for report in [report for report in self._reports.values() if report.made_at < oldest]:
			self._drop(report, "is older than a day")
		for report in self._reports.values():
			self._store(report)

	def close(self) -> None:
		self.sync()
		if self._file:
			self._file.close()
			self._file = None

	def _new(self, key: str, owner: str, endpoint: str, values: dict[str, Any]) -> Report:
		self._make_room()
		report = Report(uuid.uuid4().hex, owner, endpoint, values, key)
		self._reports[report.id] = report
		return report

	def _make_room(self) -> None:
		while len(self._reports) >= self.most:
			self._drop(next(iter(self._reports.values())), "found no room")

	def _drop(self, report: Report, why: str) -> None:
		self.dropped += 1
		logger.error("A usage report (%s) %s and is dropped. %d so far.", report.endpoint, why, self.dropped)
		self.sent(report)

	def _store(self, report: Report) -> None:
		if self._file and not report.is_stored:
			row = (report.id, report.owner, report.endpoint, report.made_at, json.dumps(report.values))
			self._execute("INSERT OR REPLACE INTO reports VALUES (?, ?, ?, ?, ?)", row)
			report.is_stored = True

	def _load(self) -> None:
		for row in self._execute("SELECT id, owner, endpoint, made_at, body FROM reports ORDER BY made_at"):
			values = json.loads(row[4])
			report = Report(row[0], row[1], row[2], values, made_at=row[3], was_sent=True, is_stored=True)
			self._reports[report.id] = report

	def _execute(self, statement: str, values: tuple[object, ...] = ()) -> Iterator[tuple[Any, ...]]:
		if not self._file:
			return iter(())
		try:
			return iter(self._file.execute(statement, values).fetchall())
		except sqlite3.Error as error:  # a full disk must not stop the traffic
			logger.error("The journal of usage reports cannot be written: %s", error)
			return iter(())


def _opened(path: str | Path) -> sqlite3.Connection:
	file = sqlite3.connect(str(path), timeout=1.0, isolation_level=None, check_same_thread=False)
	file.execute("PRAGMA journal_mode = WAL")
	file.execute("PRAGMA synchronous = NORMAL")
	file.execute(TABLE)
	return file
