"""What `Meter` and `AsyncMeter` have in common: which leases are held, what the site said, and what happens when it is away."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from oropendola_usage.book import Purse, clock, lease_from
from oropendola_usage.errors import Refused, Unavailable
from oropendola_usage.journal import Journal, Report
from oropendola_usage.protocol import require_form

# Other holders settle within moments, so a used-up quota is not remembered for longer, whatever the site says.
LONGEST_REFUSAL = 1.0
BACKOFF = (0.5, 5.0)
RETRY_REFUSED_LATE = 60.0
# Beyond this a key must be confirmed by the site before it may pass an outage.
CONFIRMED_FOR = 3600.0


@dataclass(frozen=True)
class Policy:
	"""How leases are taken, and what happens when the site is away.

	`on_outage`: "closed" refuses with Unavailable; "open" lets keys pass that the site has confirmed within the last hour, at most
	`open_limit` requests for each key and outage, and counts them later.
	"""

	seconds: int = 10
	first: int = 10
	most: int = 10_000
	on_outage: Literal["closed", "open"] = "closed"
	open_limit: int = 1_000
	most_keys: int = 10_000
	holder: str | None = None


class Keeper:
	"""No input, no output, no locks: its user has them."""

	def __init__(self, policy: Policy, journal: Journal, now: Callable[[], float] = clock):
		self.policy, self.journal, self.now = policy, journal, now
		self.purses: OrderedDict[tuple[str, str | None], Purse] = OrderedDict()
		self.away_until = 0.0
		self._backoff = BACKOFF[0]
		self._swept_at = 0.0

	# Deciding -------------------------------------------------------------------------------------

	def purse(self, key: str, model: str | None) -> Purse:
		"""Return what is held for a key. Raises Refused if it cannot be one."""
		purse = self.purses.get((key, model))
		if purse is None:
			require_form(key)
			purse = self._new_purse(key, model)
		return purse

	def may_ask(self) -> bool:
		return self.now() >= self.away_until

	def require_open(self, purse: Purse, requests: int, sent: dict[str, Any] | None = None) -> None:
		"""Let a call pass although the site is away, to be counted later. Raises Unavailable if the policy forbids it.

		`sent` is the question that got no answer. The site may have counted it, so it is sent again as it was.
		"""
		confirmed = purse.passed_at is not None and self.now() - purse.passed_at < CONFIRMED_FOR
		if self.policy.on_outage == "closed" or not confirmed:
			raise Unavailable("The site that checks API keys does not answer. Please try again.")
		if purse.passed_open + requests > self.policy.open_limit:
			raise Unavailable(
				"The site that checks API keys has not answered for too long. Please try again."
			)
		purse.passed_open += requests
		if sent:
			self.journal.add(purse.key, purse.owner, "consume", sent)
		else:
			self.journal.count_later(purse.key, purse.owner, purse.model, requests)

	# Asking ---------------------------------------------------------------------------------------

	def settle_first(self, purse: Purse) -> bool:
		"""Put a lease away that is used up, if the quota is nearly so. Return whether to report it before asking for more.

		The site shares what is left by the number of open leases.
		"""
		if purse.is_scarce and (not purse.lease or not purse.lease.left()):
			purse.retire_all()
			self.report_retired(purse)
		return purse.is_scarce

	def question(self, purse: Purse, requests: int) -> tuple[int, dict[str, Any]]:
		policy = self.policy
		wanted, name = purse.ask(self.now(), requests, policy.seconds, policy.first, policy.most)
		options = {"seconds": policy.seconds, "model": purse.model, "holder": policy.holder}
		return wanted, {"requests": wanted, "idempotency_key": name, **options}

	def granted(self, purse: Purse, answer: dict[str, Any], wanted: int, asked_at: float) -> int:
		"""Keep the lease, and return how much of it can be spent."""
		lease = lease_from(answer, asked_at)
		self.answered()
		purse.granted(lease, wanted, self.now())
		self.report_retired(purse)
		return lease.left() if lease.is_usable(self.now()) else 0

	def refused(self, purse: Purse, refusal: Refused) -> None:
		"""Remember a refusal for a moment, or, of a key that never works again, as long as a lease lives."""
		self.answered()
		longest = self.policy.seconds if refusal.status == 401 else LONGEST_REFUSAL
		wait = min(refusal.retry_after or longest, longest)
		purse.refused(refusal, self.now() + wait)

	def answered(self) -> None:
		self.away_until, self._backoff = 0.0, BACKOFF[0]

	def away(self) -> None:
		"""Ask nobody for a while: callers must not wait for a time-out each."""
		self.away_until = self.now() + self._backoff
		self._backoff = min(2 * self._backoff, BACKOFF[1])

	# Reporting ------------------------------------------------------------------------------------

	def sweep(self, at_most_every: float = 0.0) -> None:
		"""Put ended leases away, and write the journal."""
		now = self.now()
		if now - self._swept_at < at_most_every:
			return
		self._swept_at = now
		for purse in self.purses.values():
			purse.retire_ended(now)
			self.report_retired(purse)
		self.journal.sync()

	def retire_all(self) -> None:
		for purse in self.purses.values():
			purse.retire_all()
			self.report_retired(purse)

	def report_retired(self, purse: Purse) -> None:
		for lease in purse.retired:
			values = {"lease": lease.name, "spent": lease.spent, "close": 1}
			self.journal.add(purse.key, purse.owner, "settle", values)
		purse.retired.clear()

	def due(self) -> list[Report]:
		reports = self.journal.due(self.now()) if self.may_ask() else []
		for report in reports:
			report.was_sent = True
		return reports

	def reported(self, report: Report, error: Exception | None = None) -> None:
		"""Note how sending went. What the site will never accept is dropped; the rest is tried again."""
		if isinstance(error, Unavailable):
			self.away()
		elif isinstance(error, Refused) and (error.status == 429 or _is_lease_closed(report, error)):
			report.due = self.now() + RETRY_REFUSED_LATE
		else:
			self.answered()
			self.journal.sent(report)

	# Keys -----------------------------------------------------------------------------------------

	def _new_purse(self, key: str, model: str | None) -> Purse:
		while len(self.purses) >= self.policy.most_keys:
			self._forget_one()
		owner = owner_of(key)
		self.journal.adopt(owner, key)
		purse = self.purses[key, model] = Purse(key, owner, model, self.policy.first)
		return purse

	def _forget_one(self) -> None:
		"""Forget the key that was used least lately among the oldest, rather one that never passed: strangers can make up keys."""
		oldest = [purse for purse, _number in zip(self.purses.values(), range(32), strict=False)]
		purse = min(oldest, key=lambda purse: (purse.passed_at is not None, purse.used_at))
		purse.retire_all()
		self.report_retired(purse)
		del self.purses[purse.key, purse.model]


def _is_lease_closed(report: Report, error: Refused) -> bool:
	"""Return whether somebody else closed the lease. Sites that are up to date take a later report of more; others may be updated."""
	return report.endpoint == "settle" and error.status == 409 and error.reason != "lease_reported"


def owner_of(key: str) -> str:
	"""Return the hash under which reports of a key are kept."""
	return hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()
