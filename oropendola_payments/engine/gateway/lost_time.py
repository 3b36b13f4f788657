"""What a gateway that does not answer may cost one sweep, so that what waits for the others has its turn in time."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from oropendola_payments.engine.gateway.circuit_breaker import OUTAGES
from oropendola_payments.gateways.errors import Blocked, CredentialsRefused

MAX_LOST_SECONDS = 45  # three time-outs


class LostTime:
	"""The seconds that each gateway has cost one sweep with its outages.

	A gateway that refused our keys, or whose firewall blocked us, has cost enough: repeated calls can lock the account or us out.
	"""

	def __init__(self) -> None:
		self.seconds: dict[str, float] = {}

	def is_too_much(self, code: str) -> bool:
		return self.seconds.get(code, 0) >= MAX_LOST_SECONDS

	@contextmanager
	def counted(self, code: str) -> Iterator[None]:
		start = time.monotonic()
		try:
			yield
		except (CredentialsRefused, Blocked):
			self.seconds[code] = MAX_LOST_SECONDS
			raise
		except OUTAGES:
			self.seconds[code] = self.seconds.get(code, 0) + time.monotonic() - start
			raise
