"""Decide locally whether a call may pass, from leases that are renewed when they run out and settled in the background."""

from __future__ import annotations

import hashlib
import queue
import threading
import time
import uuid
from collections.abc import Callable
from typing import Literal

from oropendola_usage.book import Lease, lease_from, next_size
from oropendola_usage.client import Client
from oropendola_usage.errors import Refused, Unavailable

# Other holders settle within moments, so a refusal is not remembered for longer, whatever the site says.
LONGEST_REFUSAL = 1.0
RETRY_SETTLING = 2.0
KEEP_TRYING = 900.0


class _Purse:
	"""What is held for one key and one model."""

	def __init__(self, key: str, model: str | None, size: int):
		self.key, self.model, self.size = key, model, size
		self.lock = threading.Lock()
		self.lease: Lease | None = None
		self.taken_at = 0.0
		self.refusal: Refused | None = None
		self.refused_until = 0.0


class Meter:
	"""Checks keys for one process. Share one between all threads, and `close` it at the end: it reports what was not spent.

	When the site cannot be reached, running leases go on; after that `on_outage` decides: "closed" refuses with Unavailable, "open" lets
	calls pass and counts them later, when the site is back.
	"""

	def __init__(
		self,
		client: Client,
		*,
		seconds: int = 10,
		first: int = 10,
		most: int = 10_000,
		on_outage: Literal["closed", "open"] = "closed",
		holder: str | None = None,
		clock: Callable[[], float] = time.monotonic,
	):
		self.client, self.seconds, self.first, self.most = client, seconds, first, most
		self.on_outage, self.holder, self._clock = on_outage, holder, clock
		self._purses: dict[tuple[str, str | None], _Purse] = {}
		self._purses_lock = threading.Lock()
		self._reports: queue.Queue[tuple[float, Callable[[], object]] | None] = queue.Queue()
		self._worker = threading.Thread(target=self._report, name="oropendola-usage", daemon=True)
		self._worker.start()

	def check(self, key: str, requests: int = 1, *, model: str | None = None) -> None:
		"""Return if the call may pass, which counts it. Raises Refused, or Unavailable if the site is away and the policy is "closed"."""
		purse = self._purse(key, model)
		now = self._clock()
		with purse.lock:
			if purse.lease and purse.lease.spend(requests, now):
				return
			if purse.refusal and now < purse.refused_until:
				raise purse.refusal
			self._renew(purse, requests)

	def flush(self) -> None:
		"""Wait until everything that was to be reported so far has been tried."""
		self._reports.join()

	def close(self) -> None:
		"""Settle all leases and stop the background thread."""
		with self._purses_lock:
			purses, self._purses = list(self._purses.values()), {}
		for purse in purses:
			with purse.lock:
				self._settle(purse)
		self._reports.put(None)
		self._worker.join(timeout=self.client.timeout[0] + self.client.timeout[1] + 1)

	def __enter__(self) -> Meter:
		return self

	def __exit__(self, *_error: object) -> None:
		self.close()

	# Leases ---------------------------------------------------------------------------------------

	def _purse(self, key: str, model: str | None) -> _Purse:
		# By a hash, so that a dump of the dictionary's keys shows none of the customers'.
		name = (hashlib.sha256(key.encode()).hexdigest(), model)
		with self._purses_lock:
			return self._purses.setdefault(name, _Purse(key, model, self.first))

	def _renew(self, purse: _Purse, requests: int) -> None:
		"""Get another lease and spend from it. The caller holds the purse's lock, so one thread asks for each key."""
		now = self._clock()
		if purse.lease and purse.lease.is_usable(now):
			elapsed = now - purse.taken_at
			purse.size = next_size(purse.lease.spent, elapsed, self.seconds, self.first, self.most)
		self._settle(purse)
		try:
			answer = self.client.lease(
				purse.key, max(purse.size, requests), seconds=self.seconds, model=purse.model, holder=self.holder,
				idempotency_key=uuid.uuid4().hex,
			)  # fmt: skip
		except Refused as refusal:
			wait = min(refusal.retry_after or LONGEST_REFUSAL, LONGEST_REFUSAL)
			purse.refusal, purse.refused_until = refusal, now + wait
			raise
		except Unavailable:
			if self.on_outage == "closed":
				raise
			self._later(lambda: self.client.consume(purse.key, requests, model=purse.model))
			return
		purse.lease, purse.taken_at, purse.refusal = lease_from(answer, now), now, None
		if not purse.lease.spend(requests, self._clock()):
			self._settle(purse)
			self.client.consume(purse.key, requests, model=purse.model)

	def _settle(self, purse: _Purse) -> None:
		lease, purse.lease = purse.lease, None
		if lease:
			key = purse.key
			self._later(lambda: self.client.settle(key, lease.name, lease.spent))

	# Reports --------------------------------------------------------------------------------------

	def _later(self, report: Callable[[], object]) -> None:
		self._reports.put((time.monotonic() + KEEP_TRYING, report))

	def _report(self) -> None:
		while True:
			entry = self._reports.get()
			try:
				if entry is None:
					return
				self._try(*entry)
			finally:
				self._reports.task_done()

	def _try(self, until: float, report: Callable[[], object]) -> None:
		try:
			report()
		except Refused:
			pass  # a revoked key or a closed lease: there is nobody left to tell
		except Unavailable:
			if time.monotonic() < until:
				threading.Timer(RETRY_SETTLING, lambda: self._reports.put((until, report))).start()
