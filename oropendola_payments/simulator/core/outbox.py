"""Outgoing webhooks. In mode `manual` they wait for a test, in mode `auto` a thread posts them and retries."""

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
MAX_RESPONSE_BYTES = 100_000


@dataclass(frozen=True)
class Delivery:
	"""One webhook, exactly as it is sent."""

	code: str
	url: str
	headers: Mapping[str, str]
	body: bytes
	echo: Mapping[str, object] = field(default_factory=dict)  # what the response must repeat at top level


def _is_acknowledged(delivery: Delivery, response) -> bool:
	if not delivery.echo:
		return True
	try:
		body = json.loads(response.read(MAX_RESPONSE_BYTES))
	except ValueError:
		return False
	is_echo = isinstance(body, dict) and all(body.get(name) == v for name, v in delivery.echo.items())
	return is_echo and response.status == 200


@dataclass(order=True)
class _Waiting:
	due: float
	number: int
	delivery: Delivery = field(compare=False)
	retries: int = field(default=0, compare=False)


class Outbox:
	"""A list of deliveries that can be iterated, indexed, popped and taken; in mode `auto` it empties itself."""

	def __init__(self, faults: Faults, mode: str = "manual"):
		if mode not in ("manual", "auto"):
			raise ValueError("The mode of the outbox is manual or auto.")
		self.mode = mode
		self.late: list[Delivery] = []  # in mode manual: what a late_webhook fault holds back
		self._faults = faults
		self._changed = threading.Condition()
		self._waiting: list[_Waiting] = []
		self._count = 0
		self._thread: threading.Thread | None = None
		self._stopped = False

	def send(self, delivery: Delivery) -> None:
		"""Queue a webhook, or duplicate, drop or delay it when there is a fault."""
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
		"""Post it now and return the HTTP status, or 0 without a response that the provider accepts."""
		request = urllib.request.Request(
			delivery.url, data=delivery.body, headers=dict(delivery.headers), method="POST"
		)
		try:
			with urllib.request.urlopen(request, timeout=timeout) as response:
				return response.status if _is_acknowledged(delivery, response) else 0
		except urllib.error.HTTPError as error:
			with error:
				return error.code
		except (OSError, ValueError):
			return 0

	def take(self, code: str | None = None) -> list[Delivery]:
		"""Remove all waiting deliveries (of one provider) and return them, oldest first."""
		with self._changed:
			taken = [w for w in self._waiting if code in (None, w.delivery.code)]
			self._waiting = [w for w in self._waiting if w not in taken]
		return [waiting.delivery for waiting in taken]

	def pop(self, index: int = 0) -> Delivery:
		with self._changed:
			return self._waiting.pop(index).delivery

	def release_late(self) -> None:
		"""Queue what was held back, behind everything else."""
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
				target=self._post_until_closed, daemon=True, name="simulator-webhooks"
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

	def _put(self, delivery: Delivery, delay: float, retries: int = 0) -> None:
		# Without an address nothing can be posted, but a test still wants to see the webhook.
		if self.mode == "auto" and not delivery.url:
			return
		with self._changed:
			self._count += 1
			self._waiting.append(_Waiting(time.monotonic() + delay, self._count, delivery, retries))
			self._changed.notify_all()

	def _post_until_closed(self) -> None:
		while (waiting := self._next_due()) is not None:
			status = self.deliver(waiting.delivery)
			if not 200 <= status < 300 and waiting.retries < len(RETRY_SECONDS):
				self._put(waiting.delivery, RETRY_SECONDS[waiting.retries], waiting.retries + 1)

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
