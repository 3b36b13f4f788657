"""Outgoing webhooks. `manual`: they wait for a test. `auto`: a thread posts them, with retries."""

import contextlib
import json
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from oropendola_payments.simulator.core.faults import WEBHOOK_FAULTS, Faults

RETRY_SECONDS = (1, 2, 5, 15, 60, 300)
POST_SECONDS = 10
MAX_ANSWER = 100_000


@dataclass(frozen=True)
class Delivery:
	"""One webhook as it goes over the wire, byte for byte."""

	code: str
	url: str
	headers: Mapping[str, str]
	body: bytes
	echo: Mapping[str, object] = field(default_factory=dict)  # what the answer must repeat at top level


def _echoes(delivery: Delivery, answer) -> bool:
	if not delivery.echo:
		return True
	try:
		told = json.loads(answer.read(MAX_ANSWER))
	except ValueError:
		return False
	is_right = isinstance(told, dict) and all(told.get(name) == v for name, v in delivery.echo.items())
	return is_right and answer.status == 200


@dataclass(order=True)
class _Waiting:
	due: float
	number: int
	delivery: Delivery = field(compare=False)
	tries: int = field(default=0, compare=False)


class Outbox:
	"""A list of deliveries: iterate, index, `len`, `pop`, `take`; in auto mode it empties itself."""

	def __init__(self, faults: Faults, mode: str = "manual"):
		if mode not in ("manual", "auto"):
			raise ValueError("The mode of the outbox is manual or auto.")
		self.mode = mode
		self.late: list[Delivery] = []  # manual mode: what a late_webhook fault holds back
		self._faults = faults
		self._changed = threading.Condition()
		self._waiting: list[_Waiting] = []
		self._count = 0
		self._thread: threading.Thread | None = None
		self._stopped = False

	def send(self, delivery: Delivery) -> None:
		"""Queue a webhook; this is where duplicates, losses and delays come from."""
		fault = self._faults.take(delivery.code, "webhook", WEBHOOK_FAULTS)
		kind = fault.kind if fault else ""
		if kind == "drop_webhook":
			return
		if kind == "late_webhook" and self.mode == "manual":
			self.late.append(delivery)
			return
		delay = float(fault.args.get("seconds", 5)) if kind == "late_webhook" else 0
		for _ in range(2 if kind == "duplicate_webhook" else 1):
			self._put(delivery, delay)

	def deliver(self, delivery: Delivery, timeout: float = POST_SECONDS) -> int:
		"""Post it now; the HTTP status, or 0 when nobody answers as this provider demands."""
		request = urllib.request.Request(
			delivery.url, data=delivery.body, headers=dict(delivery.headers), method="POST"
		)
		try:
			with urllib.request.urlopen(request, timeout=timeout) as answer:
				return answer.status if _echoes(delivery, answer) else 0
		except urllib.error.HTTPError as error:
			with error:
				return error.code
		except (OSError, ValueError):
			return 0

	def take(self, code: str | None = None) -> list[Delivery]:
		"""All that wait (of one provider), oldest first, taken out of the outbox."""
		with self._changed:
			taken = [w for w in self._waiting if code in (None, w.delivery.code)]
			self._waiting = [w for w in self._waiting if w not in taken]
		return [waiting.delivery for waiting in taken]

	def pop(self, index: int = 0) -> Delivery:
		with self._changed:
			return self._waiting.pop(index).delivery

	def release_late(self) -> None:
		"""Put what was held back behind everything else."""
		held, self.late = self.late, []
		for delivery in held:
			self._put(delivery, 0)

	def clear(self) -> None:
		with self._changed:
			self._waiting.clear()
			self.late.clear()

	def start(self) -> None:
		if self.mode == "auto" and self._thread is None:
			self._thread = threading.Thread(
				target=self._post_for_ever, daemon=True, name="simulator-webhooks"
			)
			self._thread.start()

	def close(self) -> None:
		with self._changed:
			self._stopped = True
			self._changed.notify_all()
		if self._thread:
			self._thread.join()

	def __len__(self) -> int:
		with self._changed:
			return len(self._waiting)

	def __iter__(self) -> Iterator[Delivery]:
		with self._changed:
			return iter([waiting.delivery for waiting in self._waiting])

	def __getitem__(self, index: int) -> Delivery:
		with self._changed:
			return self._waiting[index].delivery

	def _put(self, delivery: Delivery, delay: float, tries: int = 0) -> None:
		# Without an address there is nowhere to post to, but a test still wants to see what was said.
		if self.mode == "auto" and not delivery.url:
			return
		with self._changed:
			self._count += 1
			self._waiting.append(_Waiting(time.monotonic() + delay, self._count, delivery, tries))
			self._changed.notify_all()

	def _post_for_ever(self) -> None:
		while (waiting := self._next_due()) is not None:
			status = self.deliver(waiting.delivery)
			if not 200 <= status < 300 and waiting.tries < len(RETRY_SECONDS):
				self._put(waiting.delivery, RETRY_SECONDS[waiting.tries], waiting.tries + 1)

	def _next_due(self) -> _Waiting | None:
		with self._changed:
			while not self._stopped:
				first = min(self._waiting, default=None)
				wait = first.due - time.monotonic() if first else None
				if first and wait <= 0:
					with contextlib.suppress(ValueError):
						self._waiting.remove(first)
					return first
				self._changed.wait(wait)
		return None
