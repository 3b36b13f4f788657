"""How much the long proofs try. A normal run takes a sample, other examples each time; `THOROUGH_TESTS=1` takes all, as CI does."""

import os

from hypothesis import HealthCheck, settings

THOROUGH = bool(os.environ.get("THOROUGH_TESTS"))
FEWEST = 10


def examples(thorough: int) -> int:
	"""How many examples a property test tries that tries so many in a thorough run."""
	return thorough if THOROUGH else min(thorough, max(FEWEST, thorough // 5))


# A busy machine is no failure: what is slow is seen by the durations of the run.
settings.register_profile(
	"suite", deadline=None, max_examples=examples(100), suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("suite")


def sample(cases: dict, number: int) -> dict:
	"""A third of the cases, all in a thorough run; three numbers in a row get every case between them."""
	return {key: case for n, (key, case) in enumerate(cases.items()) if THOROUGH or (n + number) % 3 == 0}


def crash_points(points: int, quick_step: int, *, step: int = 1, first: int = 0) -> range:
	"""Every `quick_step`-th point, or every `step`-th in a thorough run. Tests that share a flow begin at different ones."""
	every = step if THOROUGH else quick_step
	return range(1 + first % every, points + 1, every)
