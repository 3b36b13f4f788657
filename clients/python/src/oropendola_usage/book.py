"""The book-keeping of leases, without any input or output: what may be spent, until when, and how much to ask for next."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass, field
from typing import Any

from oropendola_usage.errors import Refused

# A lease is not used in its last moments, and its time counts from before it was asked for.
MARGIN = 0.5
# Ask for the next lease when so much of this one is spent, or so much of its time is over.
LOW = 0.3
# Below so many requests in a lease it is cheaper to ask when the next one comes.
BUSY = 5


def clock() -> float:
	"""Return seconds that no clock change moves, and that go on while the machine sleeps, where the system can count so."""
	return time.clock_gettime(_CLOCK) if _CLOCK is not None else time.monotonic()


_CLOCK: int | None = getattr(time, "CLOCK_BOOTTIME", None)


@dataclass
class Lease:
	"""A slice of the quota as its holder sees it. Times are those of `clock`."""

	name: str
	granted: int
	ends_at: float
	spent: int = 0
	taken_at: float = 0.0

	def left(self) -> int:
		return self.granted - self.spent

	def is_usable(self, now: float) -> bool:
		return now < self.ends_at

	def spend(self, requests: int, now: float) -> bool:
		"""Spend locally. Return False if the lease has ended or holds too little."""
		if now >= self.ends_at or self.granted - self.spent < requests:
			return False
		self.spent += requests
		return True

	def is_low(self, now: float) -> bool:
		is_ending = self.spent >= BUSY and self.ends_at - now < (self.ends_at - self.taken_at) * LOW
		return is_ending or self.left() < self.granted * LOW


def lease_from(answer: dict[str, Any], asked_at: float) -> Lease:
	"""Return the lease of an answer to a question that was asked at this time."""
	seconds = min(answer["expires_in"], answer["window_ends_in"])
	ends_at = asked_at + max(0.0, seconds - MARGIN)
	return Lease(answer["lease"], answer["granted"], ends_at, answer.get("spent") or 0, asked_at)


def next_size(spent: int, elapsed: float, seconds: int, least: int, most: int) -> int:
	"""Return how much to ask for next: what the last rate spends within one lease, with some room, between least and most."""
	rate = spent / elapsed if elapsed > 0 else 0
	return int(max(least, min(most, rate * seconds * 1.25)))


@dataclass
class Purse:
	"""What is held for one key and one model."""

	key: str = field(repr=False)
	owner: str  # the key's hash
	model: str | None
	size: int
	lease: Lease | None = None
	spare: Lease | None = None  # the next one, asked for while this one is spent
	retired: list[Lease] = field(default_factory=list)  # to be settled
	refusal: Refused | None = None
	refused_until: float = 0.0
	question: str | None = None  # idempotency key of a question that got no answer yet
	asking: Any = None  # a future or task, while the site is asked
	is_scarce: bool = False  # the site granted less than was wanted
	used_at: float = 0.0
	passed_at: float | None = None  # when the site last granted something
	passed_open: int = 0  # how many requests passed since the site is away

	def spend(self, requests: int, now: float) -> bool:
		"""Spend from what is held. Raises the refusal that the site gave a moment ago."""
		self.used_at = now
		lease = self.lease
		if lease and lease.spend(requests, now):
			return True
		if self.spare and self.spare.left() >= requests:
			self._retire_current()
			self.lease, self.spare = self.spare, None
			if self.lease.spend(requests, now):
				return True
		if self.refusal and now < self.refused_until:
			raise self.refusal.again()
		return False

	def wants_spare(self, now: float) -> bool:
		"""Return whether the next lease should be asked for already. Near the end of a quota it would only be missed by others."""
		free = not self.spare and not self.asking and not self.is_scarce and now >= self.refused_until
		return free and self.lease is not None and self.lease.is_low(now)

	def ask(self, now: float, requests: int, seconds: int, least: int, most: int) -> tuple[int, str]:
		"""Return how much to ask for, and the idempotency key. A question without an answer is asked again under the same key."""
		if self.lease and self.lease.spent:
			elapsed = max(now - self.lease.taken_at, 0.001)
			self.size = next_size(self.lease.spent, elapsed, seconds, least, most)
		self.question = self.question or uuid.uuid4().hex
		return max(self.size, requests), self.question

	def granted(self, lease: Lease, wanted: int, now: float) -> None:
		self.question, self.refusal, self.passed_at, self.passed_open = None, None, now, 0
		self.is_scarce = lease.granted < wanted
		if self.lease and self.lease.is_usable(now) and self.lease.left():
			self.spare, dropped = lease, self.spare
		else:
			self._retire_current()
			self.lease, dropped = lease, None
		if dropped:
			self.retired.append(dropped)

	def refused(self, refusal: Refused, until: float) -> None:
		self.question, self.refusal, self.refused_until = None, refusal, until

	def retire_ended(self, now: float) -> None:
		"""Put leases away that have ended, so that what is left of them is given back."""
		if self.spare and not self.spare.is_usable(now):
			self.retired.append(self.spare)
			self.spare = None
		if self.lease and not self.lease.is_usable(now):
			self._retire_current()

	def retire_all(self) -> None:
		self._retire_current()
		if self.spare:
			self.retired.append(self.spare)
			self.spare = None

	def _retire_current(self) -> None:
		if self.lease:
			self.retired.append(self.lease)
			self.lease = None
