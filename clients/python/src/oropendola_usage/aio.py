"""The same for servers with an event loop: `AsyncClient` and `AsyncMeter`.

A call to the site is rare, so by default it runs in a thread, on the connections of `Client`. `httpx_sender` uses an httpx client instead.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import requests

from oropendola_usage.book import Purse, clock
from oropendola_usage.client import TIMEOUT
from oropendola_usage.errors import Refused, Unavailable
from oropendola_usage.journal import Journal, Report
from oropendola_usage.keeper import Keeper, Policy, owner_of
from oropendola_usage.protocol import Call, call_of, read

Sender = Callable[[Call], Awaitable[tuple[int, bytes]]]
TICK = 1.0
THREADS = 16


class AsyncClient:
	"""Calls a site from an event loop. `send` makes one HTTP request and returns status and body; it raises OSError if it cannot."""

	def __init__(self, site: str, *, send: Sender | None = None, timeout: tuple[float, float] = TIMEOUT):
		self.site = site.rstrip("/")
		self._send = send or thread_sender(timeout)

	def __repr__(self) -> str:
		return f"{type(self).__name__}({self.site!r})"

	async def consume(
		self,
		key: str,
		requests: int = 1,
		*,
		model: str | None = None,
		input_tokens: int = 0,
		output_tokens: int = 0,
		event_id: str | None = None,
	) -> dict[str, Any]:
		"""Count one call and return what is left. With an event ID it is counted once, however often it is sent."""
		tokens = {"input_tokens": input_tokens, "output_tokens": output_tokens}
		values = {"requests": requests, "model": model, "event_id": event_id, **tokens}
		return await self.post("consume", key, values)

	async def check(self, key: str) -> dict[str, Any]:
		"""Return whose key this is and what is left, and count nothing."""
		return await self.post("check", key, {})

	async def reserve(
		self,
		key: str,
		event_id: str,
		requests: int = 1,
		*,
		model: str | None = None,
		input_tokens: int = 0,
		output_tokens: int = 0,
		seconds: int = 900,
	) -> dict[str, Any]:
		"""Take what a call will use at most. Say afterwards with `settle_reservation` what it used."""
		tokens = {"input_tokens": input_tokens, "output_tokens": output_tokens, "seconds": seconds}
		values = {"event_id": event_id, "requests": requests, "model": model, **tokens}
		return await self.post("reserve", key, values)

	async def settle_reservation(
		self, key: str, event_id: str, *, input_tokens: int = 0, output_tokens: int = 0
	) -> dict[str, Any]:
		"""Book what a reserved call really used. Repeating it changes nothing."""
		tokens = {"input_tokens": input_tokens, "output_tokens": output_tokens}
		return await self.post("settle_reservation", key, {"event_id": event_id, **tokens})

	async def release_reservation(self, key: str, event_id: str) -> dict[str, Any]:
		"""Give a reservation back, because the call used nothing."""
		return await self.post("release_reservation", key, {"event_id": event_id})

	async def post(self, endpoint: str, key: str, values: dict[str, Any]) -> dict[str, Any]:
		"""Call an endpoint by its name. Raises Refused, or Unavailable if there was no answer."""
		try:
			status, body = await self._send(call_of(self.site, endpoint, key, values))
		except OSError as error:
			raise Unavailable(f"{self.site} could not be asked: {type(error).__name__}") from None
		return read(status, body)


def thread_sender(timeout: tuple[float, float] = TIMEOUT) -> Sender:
	"""Send with requests, in threads of its own."""
	pool, session = ThreadPoolExecutor(THREADS, "oropendola-usage"), requests.Session()
	adapter = requests.adapters.HTTPAdapter(pool_maxsize=THREADS)
	session.mount("http://", adapter)
	session.mount("https://", adapter)

	def post(call: Call) -> tuple[int, bytes]:
		# RequestException is an OSError.
		answer = session.post(
			call.url, data=call.body, headers=call.headers, timeout=timeout, allow_redirects=False
		)
		return answer.status_code, answer.content

	async def send(call: Call) -> tuple[int, bytes]:
		return await asyncio.get_running_loop().run_in_executor(pool, post, call)

	return send


def httpx_sender(client: Any) -> Sender:
	"""Send with an `httpx.AsyncClient` (or httpx2's) that you have set up: time-outs, proxies, HTTP/2."""

	async def send(call: Call) -> tuple[int, bytes]:
		try:
			answer = await client.post(
				call.url, content=call.body, headers=call.headers, follow_redirects=False
			)
		except Exception as error:
			if type(error).__module__.partition(".")[0] in ("httpx", "httpx2", "httpcore", "httpcore2"):
				raise ConnectionError(type(error).__name__) from None
			raise
		return answer.status_code, answer.content

	return send


class AsyncMeter:
	"""Checks keys for one event loop. `await close()` at the end: it gives back what was not spent. Options are those of `Meter`."""

	def __init__(
		self,
		client: AsyncClient,
		*,
		journal: str | Path | None = None,
		clock: Callable[[], float] = clock,
		**policy: Any,
	):
		self.client, self._clock = client, clock
		self.keeper = Keeper(Policy(**policy), Journal(journal), clock)
		self._tasks: set[asyncio.Task[Any]] = set()
		self._worker: asyncio.Task[None] | None = None
		self._sending = asyncio.Lock()

	def __repr__(self) -> str:
		return f"AsyncMeter({self.client!r})"

	async def check(self, key: str, requests: int = 1, *, model: str | None = None) -> None:
		"""Return if the call may pass, which counts it. Raises Refused, or Unavailable if the site is away and the policy is "closed"."""
		keeper = self.keeper
		while True:
			purse, now = keeper.purse(key, model), self._clock()
			if purse.spend(requests, now):
				if purse.wants_spare(now) and keeper.may_ask():
					self._ask_later(purse, 0)
				return
			if not keeper.may_ask():
				keeper.require_open(purse, requests)
				return
			if await self._is_decided(purse, requests, purse.asking or self._ask_later(purse, requests)):
				return

	def later(self, key: str, endpoint: str, values: dict[str, Any]) -> None:
		"""Report something in the background, until the site has heard it. It must be harmless to repeat."""
		self.keeper.journal.add(key, owner_of(key), endpoint, values)
		self._start(self._send_due())

	async def flush(self, timeout: float = 30.0) -> bool:
		"""Send what is to be reported. Return whether nothing is left."""
		until = self._clock() + timeout
		while True:
			await self._send_due()
			if not len(self.keeper.journal) or self._clock() >= until:
				return not len(self.keeper.journal)
			await asyncio.sleep(0.05)

	async def close(self, timeout: float = 5.0) -> None:
		"""Settle all leases. What cannot be sent stays in the journal, if it has a path."""
		if self._worker:
			self._worker.cancel()
		if self._tasks:
			await asyncio.wait(self._tasks, timeout=timeout)
		self.keeper.retire_all()
		await self.flush(timeout)
		self.keeper.journal.close()

	async def __aenter__(self) -> AsyncMeter:
		return self

	async def __aexit__(self, *_error: object) -> None:
		await self.close()

	# Asking ---------------------------------------------------------------------------------------

	async def _is_decided(self, purse: Purse, requests: int, asking: asyncio.Task[int]) -> bool:
		"""Wait for the answer. Return False if it can be tried again with what was granted."""
		try:
			# Shielded: a customer who hangs up must not lose the lease that others wait for.
			usable = await asyncio.shield(asking)
		except Unavailable:
			self.keeper.require_open(purse, requests)
			return True
		if usable < requests:
			await self._consume(purse, requests)
			return True
		return False

	def _ask_later(self, purse: Purse, requests: int) -> asyncio.Task[int]:
		purse.asking = asking = self._start(self._ask(purse, requests))
		return asking

	async def _ask(self, purse: Purse, requests: int) -> int:
		if self.keeper.settle_first(purse):
			await self._send_due()
		asked_at = self._clock()
		wanted, values = self.keeper.question(purse, requests)
		try:
			answer = await self.client.post("lease", purse.key, values)
			usable = self.keeper.granted(purse, answer, wanted, asked_at)
		except Refused as refusal:
			self.keeper.refused(purse, refusal)
			raise
		except Unavailable:
			self.keeper.away()
			raise
		finally:
			purse.asking = None
		self._start(self._send_due())
		return usable

	async def _consume(self, purse: Purse, requests: int) -> None:
		"""Count a call that no lease has room for, by itself. What is held goes back first, because it may be the room."""
		purse.retire_all()
		self.keeper.report_retired(purse)
		await self._send_due()
		values = {"requests": requests, "model": purse.model, "event_id": uuid.uuid4().hex}
		try:
			await self.client.post("consume", purse.key, values)
		except Unavailable:
			self.keeper.away()
			self.keeper.require_open(purse, requests, values)

	def _start(self, work: Any) -> asyncio.Task[Any]:
		if self._worker is None:
			self._worker = asyncio.get_running_loop().create_task(self._report())
		task = asyncio.get_running_loop().create_task(work)
		self._tasks.add(task)  # the loop itself keeps weak references only
		task.add_done_callback(self._finished)
		return task

	def _finished(self, task: asyncio.Task[Any]) -> None:
		self._tasks.discard(task)
		if not task.cancelled():
			task.exception()  # whoever waited has it; a background question was noted by the keeper

	# Reporting ------------------------------------------------------------------------------------

	async def _report(self) -> None:
		while True:
			await asyncio.sleep(TICK)
			self.keeper.sweep()
			await self._send_due()

	async def _send_due(self) -> None:
		async with self._sending:
			for report in self.keeper.due():
				error = await self._send(report)
				self.keeper.reported(report, error)
				if isinstance(error, Unavailable):
					return

	async def _send(self, report: Report) -> Exception | None:
		try:
			await self.client.post(report.endpoint, report.key or "", report.values)
		except (Refused, Unavailable) as error:
			return error
		return None
