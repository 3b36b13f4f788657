"""The gateways' messages on their way to the site: at once, twice, late, never; repeated until the site accepts them."""

import heapq
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from benchmarks.cluster.load.client import API, Client
from oropendola_payments.simulator import Delivery, Simulator

# How many of a hundred messages; the rest arrives once and at once.
TWICE, LATE, NEVER = 15, 15, 5
LATE_SECONDS = (5, 40)
REPEATS = (1, 2, 4, 8, 15, 15, 30, 30, 60, 60)
SENDERS = 4


@dataclass(order=True)
class Letter:
	due: float
	number: int
	delivery: Delivery = field(compare=False)
	repeats: int = field(default=0, compare=False)


class Messages:
	def __init__(self, simulator: Simulator, client: Client):
		self.simulator, self.client, self.figures = simulator, client, client.figures
		self.is_lossy = True
		# When the first message about a payment was sent, and when it was answered.
		self.told: dict[str, tuple[float, float]] = {}
		self.references: set[str] = set()
		self._waiting: list[Letter] = []
		self._number = 0
		self._lock = threading.Lock()
		self._over = threading.Event()
		self._senders = ThreadPoolExecutor(SENDERS)
		self._thread = threading.Thread(target=self._work, daemon=True)

	def start(self) -> None:
		self._thread.start()

	def expect(self, reference: str) -> None:
		"""Measure the first message about this payment."""
		self.references.add(reference)

	def _work(self) -> None:
		while not self._over.wait(0.005):
			for delivery in self.simulator.webhooks.take():
				self._accept(delivery)
			for letter in self._due():
				self._senders.submit(self._send, letter)

	def _accept(self, delivery: Delivery) -> None:
		fate = random.randrange(100) if self.is_lossy else 100
		if fate < NEVER:
			return self.figures.count("messages lost on their way")
		if fate < NEVER + LATE:
			self.figures.count("messages sent late")
			return self._put(delivery, random.uniform(*LATE_SECONDS))
		self._put(delivery, 0)
		if fate < NEVER + LATE + TWICE:
			self.figures.count("messages sent twice")
			self._put(delivery, 0)

	def _put(self, delivery: Delivery, seconds: float, repeats: int = 0) -> None:
		with self._lock:
			self._number += 1
			due = time.monotonic() + seconds
			heapq.heappush(self._waiting, Letter(due, self._number, delivery, repeats))

	def _due(self) -> list[Letter]:
		due, now = [], time.monotonic()
		with self._lock:
			while self._waiting and self._waiting[0].due <= now:
				due.append(heapq.heappop(self._waiting))
		return due

	def _send(self, letter: Letter) -> None:
		delivery, begin = letter.delivery, time.time()
		path = f"{API}webhooks.receive?gateway={delivery.code}"
		answer = self.client.send("POST", path, delivery.body, dict(delivery.headers))
		if answer.status == 200:
			self.figures.count("messages accepted")
			self._note(delivery, begin)
		elif letter.repeats < len(REPEATS):
			self.figures.count("messages repeated by the gateway")
			self._put(delivery, REPEATS[letter.repeats], letter.repeats + 1)
		else:
			self.figures.count("messages given up by the gateway")

	def _note(self, delivery: Delivery, begin: float) -> None:
		reference = next((name for name in list(self.references) if name.encode() in delivery.body), None)
		if reference:
			self.references.discard(reference)
			self.told[reference] = (begin, time.time())

	def drain(self, seconds: float) -> None:
		"""Wait until everything was delivered."""
		self.is_lossy = False
		end = time.monotonic() + seconds
		while time.monotonic() < end and (self._waiting or len(self.simulator.webhooks)):
			time.sleep(0.2)

	def close(self) -> None:
		self._over.set()
		self._senders.shutdown(wait=True)
