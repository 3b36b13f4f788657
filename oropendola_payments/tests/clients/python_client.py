"""The Python client of this repository, and a site for it whose network can be cut."""

import asyncio
import sys
import threading
from collections.abc import Callable
from unittest import SkipTest

import frappe

from oropendola_payments.engine.metering.test_usage import remaining, served_customer
from oropendola_payments.tests.browser.host import Host
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.source import ROOT

SOURCE = ROOT / "clients" / "python" / "src"
if not SOURCE.is_dir():
	raise SkipTest("The client is not part of an installation.")
sys.path.insert(0, str(SOURCE))

from oropendola_usage import AsyncClient, AsyncMeter, Client, Meter, Refused, Unavailable  # noqa: E402


class Network:
	"""Counts the calls, and can be cut before the site hears them or before its answer comes back."""

	def __init__(self):
		self.calls: list[str] = []
		self.is_away = False
		self.loses_answers_to: set[str] = set()

	def before(self, endpoint: str):
		self.calls.append(endpoint)
		if self.is_away:
			raise Unavailable("The network is away.")

	def after(self, endpoint: str):
		if endpoint in self.loses_answers_to:
			raise Unavailable("The answer was lost.")


class Counting(Client):
	def __init__(self, site: str, network: Network):
		super().__init__(site)
		self.network = network

	def post(self, endpoint, key, values):
		self.network.before(endpoint)
		answer = super().post(endpoint, key, values)
		self.network.after(endpoint)
		return answer


class AsyncCounting(AsyncClient):
	def __init__(self, site: str, network: Network):
		super().__init__(site)
		self.network = network

	async def post(self, endpoint, key, values):
		self.network.before(endpoint)
		answer = await super().post(endpoint, key, values)
		self.network.after(endpoint)
		return answer


class Loop:
	"""An event loop in a thread of its own, for a test that is not asynchronous."""

	def __init__(self):
		self.loop = asyncio.new_event_loop()
		self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
		self._thread.start()

	def run(self, work):
		return asyncio.run_coroutine_threadsafe(work, self.loop).result(timeout=60)

	def call(self, work: Callable, *arguments):
		async def called():
			return work(*arguments)

		return self.run(called())

	def close(self):
		self.loop.call_soon_threadsafe(self.loop.stop)
		self._thread.join(timeout=10)
		self.loop.close()


class AsyncMeterInThread:
	"""An `AsyncMeter` with the methods of a `Meter`, so that both have the same tests."""

	def __init__(self, loop: Loop, network: Network, site: str, **options):
		self.loop = loop
		self.meter = loop.call(lambda: AsyncMeter(AsyncCounting(site, network), **options))
		self.policy = self.meter.keeper.policy

	def check(self, key: str, requests: int = 1, *, model: str | None = None):
		return self.loop.run(self.meter.check(key, requests, model=model))

	def flush(self, timeout: float = 30.0) -> bool:
		return self.loop.run(self.meter.flush(timeout))

	def close(self, timeout: float = 5.0):
		self.loop.run(self.meter.close(timeout))

	def sweep(self):
		self.loop.call(self.meter.keeper.sweep)

	def unsent(self) -> int:
		return len(self.meter.keeper.journal)

	def __repr__(self):
		return repr(self.meter)


class SyncMeter(Meter):
	def sweep(self):
		with self._lock:
			self._keeper.sweep()

	def unsent(self) -> int:
		return len(self._keeper.journal)


class ClientCase(TestCase):
	"""A site, a customer with 1,000 requests a day, and meters of one kind."""

	is_async = False

	@classmethod
	def setUpClass(cls):
		super().setUpClass()
		cls.host = Host()
		cls.addClassCleanup(cls.host.close)
		cls.doc, cls.key = served_customer(requests_limit_per_day=1000)
		cls.loop = Loop() if cls.is_async else None
		if cls.loop:
			cls.addClassCleanup(cls.loop.close)

	def setUp(self):
		self.fill(1000)
		self.network = Network()

	def fill(self, requests: int, doc=None):
		frappe.db.set_value("AI Subscription", (doc or self.doc).name, "daily_quota_remaining", requests)
		frappe.db.commit()

	def meter(self, **options) -> SyncMeter | AsyncMeterInThread:
		if self.is_async:
			meter = AsyncMeterInThread(self.loop, self.network, self.host.url, **options)
		else:
			meter = SyncMeter(Counting(self.host.url, self.network), **options)
		self.addCleanup(meter.close, 0.0)
		return meter

	def left(self, doc=None) -> int:
		frappe.db.rollback()
		return remaining(doc or self.doc)

	def pass_until_refused(self, meter, calls: int, key: str | None = None) -> tuple[int, Exception | None]:
		for passed in range(calls):
			try:
				meter.check(key or self.key)
			except (Refused, Unavailable) as refusal:
				return passed, refusal
		return calls, None
