"""Decide locally whether a call may pass, for servers with threads. Leases are renewed and settled in the background."""

from __future__ import annotations

import os
import threading
import uuid
import weakref
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from oropendola_usage.book import Purse, clock
from oropendola_usage.client import Client
from oropendola_usage.errors import Refused, Unavailable
from oropendola_usage.journal import Journal, Report
from oropendola_usage.keeper import Keeper, Policy

TICK = 1.0


class Meter:
	"""Checks keys for one process. Share one between all threads, and `close` it at the end: it gives back what was not spent.

	Options are those of `Policy`. `journal` is the path of a file that keeps unsent reports if the process ends.
	"""

	def __init__(
		self,
		client: Client,
		*,
		journal: str | Path | None = None,
		clock: Callable[[], float] = clock,
		**policy: Any,
	):
		self.client, self.policy = client, Policy(**policy)
		self._journal_path, self._clock = journal, clock
		self._start()
		_forget_in_children(self)

	def check(self, key: str, requests: int = 1, *, model: str | None = None) -> None:
		"""Return if the call may pass, which counts it. Raises Refused, or Unavailable if the site is away and the policy is "closed"."""
		while True:
			with self._lock:
				purse, now = self._keeper.purse(key, model), self._clock()
				if purse.spend(requests, now):
					if purse.wants_spare(now) and self._keeper.may_ask():
						self._ask_later(purse, 0)
					return
				if not self._keeper.may_ask():
					self._keeper.require_open(purse, requests)
					return
				asking = purse.asking or self._ask_later(purse, requests)
			if self._is_decided(purse, requests, asking):
				return

	def flush(self, timeout: float = 30.0) -> bool:
		"""Send what is to be reported. Return whether nothing is left."""
		return self._send_all(self._clock() + timeout)

	def close(self, timeout: float = 5.0) -> None:
		"""Settle all leases and stop the background threads. What cannot be sent stays in the journal, if it has a path."""
		self._stopping.set()
		self._wake.set()
		self._pool.shutdown(wait=True)
		with self._lock:
			self._keeper.retire_all()
		self._send_all(self._clock() + timeout)
		if self._worker.is_alive():
			self._worker.join(timeout=timeout)
		with self._lock:
			self._keeper.journal.close()

	def __enter__(self) -> Meter:
		return self

	def __exit__(self, *_error: object) -> None:
		self.close()

	def __repr__(self) -> str:
		return f"Meter({self.client!r})"

	# Asking ---------------------------------------------------------------------------------------

	def _is_decided(self, purse: Purse, requests: int, asking: Future[int]) -> bool:
		"""Wait for the answer. Return False if it can be tried again with what was granted."""
		try:
			usable = asking.result()
		except Unavailable:
			with self._lock:
				self._keeper.require_open(purse, requests)
			return True
		if usable < requests:
			self._consume(purse, requests)
			return True
		return False

	def _ask_later(self, purse: Purse, requests: int) -> Future[int]:
		purse.asking = self._pool.submit(self._ask, purse, requests)
		asking: Future[int] = purse.asking
		return asking

	def _ask(self, purse: Purse, requests: int) -> int:
		try:
			with self._lock:
				settle_first = self._keeper.settle_first(purse)
			if settle_first:
				self._send_now()
			with self._lock:
				asked_at = self._clock()
				wanted, values = self._keeper.question(purse, requests)
			try:
				answer = self.client.post("lease", purse.key, values)
			except Refused as refusal:
				with self._lock:
					self._keeper.refused(purse, refusal)
				raise
			except Unavailable:
				with self._lock:
					self._keeper.away()
				raise
			with self._lock:
				return self._keeper.granted(purse, answer, wanted, asked_at)
		finally:
			purse.asking = None
			self._wake.set()

	def _consume(self, purse: Purse, requests: int) -> None:
		"""Count a call that no lease has room for, by itself. What is held goes back first, because it may be the room."""
		with self._lock:
			purse.retire_all()
			self._keeper.report_retired(purse)
		self._send_now()
		values = {"requests": requests, "model": purse.model, "event_id": uuid.uuid4().hex}
		try:
			self.client.post("consume", purse.key, values)
		except Unavailable:
			with self._lock:
				self._keeper.away()
				self._keeper.require_open(purse, requests, values)

	# Reporting ------------------------------------------------------------------------------------

	def _report(self) -> None:
		while not self._stopping.is_set():
			self._wake.wait(TICK)
			self._wake.clear()
			with self._lock:
				self._keeper.sweep(at_most_every=TICK)
			self._send_all(self._clock())

	def _send_all(self, until: float) -> bool:
		"""Send what is due, and try again until then. Return whether nothing is left."""
		while True:
			self._send_now()
			with self._lock:
				left = len(self._keeper.journal)
			if not left or self._clock() >= until:
				return not left
			threading.Event().wait(0.05)

	def _send_now(self) -> None:
		with self._sending:
			with self._lock:
				reports = self._keeper.due()
			for report in reports:
				error = self._send(report)
				with self._lock:
					self._keeper.reported(report, error)
				if isinstance(error, Unavailable):
					return

	def _send(self, report: Report) -> Exception | None:
		try:
			self.client.post(report.endpoint, report.key or "", report.values)
		except (Refused, Unavailable) as error:
			return error
		return None

	# Processes ------------------------------------------------------------------------------------

	def _start(self) -> None:
		self._parents = getattr(self, "_keeper", None)  # kept open: its file belongs to the other process
		self._keeper = Keeper(self.policy, Journal(self._journal_path), self._clock)
		self._lock, self._sending = threading.Lock(), threading.Lock()
		self._wake, self._stopping = threading.Event(), threading.Event()
		self._pool = ThreadPoolExecutor(8, "oropendola-usage")
		self._worker = threading.Thread(target=self._report, name="oropendola-usage", daemon=True)
		self._worker.start()


def _forget_in_children(meter: Meter) -> None:
	"""A forked process starts anew: it has none of the threads, and its leases are those of its parent."""
	if not hasattr(os, "register_at_fork"):
		return
	known = weakref.ref(meter)

	def start_anew() -> None:
		if there := known():
			there.client.reconnect()
			there._start()

	os.register_at_fork(after_in_child=start_anew)
