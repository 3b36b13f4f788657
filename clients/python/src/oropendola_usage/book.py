"""The book-keeping of leases, without any input or output: what may be spent, until when, and what is to be reported."""

from __future__ import annotations

from dataclasses import dataclass

# A lease is not used in its last moments, and its time counts from before it was asked for.
MARGIN = 0.5


@dataclass
class Lease:
	"""A slice of the quota as its holder sees it. Times are those of a monotonic clock."""

	name: str
	granted: int
	ends_at: float
	spent: int = 0

	def left(self) -> int:
		return self.granted - self.spent

	def is_usable(self, now: float) -> bool:
		return now < self.ends_at

	def spend(self, requests: int, now: float) -> bool:
		"""Spend locally. Return False if the lease has ended or holds too little."""
		if not self.is_usable(now) or self.left() < requests:
			return False
		self.spent += requests
		return True


def lease_from(answer: dict, asked_at: float) -> Lease:
	"""Return the lease of an answer to a question that was asked at this time."""
	seconds = min(answer["expires_in"], answer["window_ends_in"])
	return Lease(answer["lease"], answer["granted"], asked_at + max(0.0, seconds - MARGIN))


def next_size(spent: int, elapsed: float, seconds: int, least: int, most: int) -> int:
	"""Return how much to ask for next: what the last rate spends within one lease, with some room, between least and most."""
	rate = spent / elapsed if elapsed > 0 else 0
	return int(max(least, min(most, rate * seconds * 1.25)))
