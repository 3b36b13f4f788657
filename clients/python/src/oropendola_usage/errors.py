"""Why a call may not pass."""

from __future__ import annotations

from typing import Any


class Refused(Exception):
	"""The site says no. `status`, `code`, `reason` and `window` are those of its answer.

	`retry_after` is in seconds, None if waiting does not help. `offer` says what the customer could buy to go on, if anything.
	"""

	def __init__(
		self,
		message: str,
		status: int,
		code: str,
		retry_after: float | None = None,
		reason: str | None = None,
		window: str | None = None,
		offer: dict[str, Any] | None = None,
	):
		super().__init__(message)
		self.status, self.code, self.retry_after = status, code, retry_after
		self.reason, self.window, self.offer = reason, window, offer

	def headers(self) -> dict[str, str]:
		"""Return what a server should send along with its refusal."""
		if self.status == 401:
			return {"WWW-Authenticate": "Bearer"}
		return {"Retry-After": str(max(1, round(self.retry_after)))} if self.retry_after else {}

	def again(self) -> Refused:
		"""Return a copy to raise: an exception that is raised twice would collect tracebacks."""
		return Refused(
			str(self), self.status, self.code, self.retry_after, self.reason, self.window, self.offer
		)


class Unavailable(Exception):
	"""The site could not be asked, and the policy is to refuse then."""

	status, code, reason, retry_after = 503, "unavailable", None, 1.0

	def headers(self) -> dict[str, str]:
		return {"Retry-After": "1"}
