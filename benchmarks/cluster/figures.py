"""What was counted and how long it took, from many threads."""

import statistics
import threading
from collections import Counter, defaultdict


class Figures:
	def __init__(self) -> None:
		self.counts: Counter[str] = Counter()
		self.seconds: dict[str, list[float]] = defaultdict(list)
		self.label = ""  # of the phase, because kills change the times
		self._lock = threading.Lock()

	def count(self, what: str, number: int = 1) -> None:
		with self._lock:
			self.counts[what] += number

	def took(self, what: str, seconds: float) -> None:
		with self._lock:
			self.seconds[f"{what} {self.label}".strip()].append(seconds)

	def show_counts(self, title: str, *beginnings: str) -> None:
		print(f"\n{title}")
		for what, number in sorted(self.counts.items()):
			if what.startswith(beginnings):
				print(f"  {what:58}{number:10,}")

	def show_times(self, title: str) -> None:
		print(f"\n{title:44}{'count':>8}{'median':>10}{'p99':>10}   milliseconds")
		for what, found in sorted(self.seconds.items()):
			print(f"  {what:42}{len(found):8,}{median(found):10.0f}{percentile(found, 99):10.0f}")


def median(found: list[float]) -> float:
	return 1000 * statistics.median(found)


def percentile(found: list[float], percent: int) -> float:
	ordered = sorted(found)
	return 1000 * ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]
