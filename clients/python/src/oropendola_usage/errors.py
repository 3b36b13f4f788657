"""Why a call may not pass."""

from __future__ import annotations


class Refused(Exception):
	"""The site says no. `status` and `code` are those of its answer; `retry_after` is in seconds, None if waiting does not help."""

	def __init__(
		self,
		message: str,
		status: int,
		code: str,
		retry_after: float | None = None,
		reason: str | None = None,
		window: str | None = None,
	):
		super().__init__(message)
		self.status, self.code, self.retry_after, self.reason, self.window = (
			status,
			code,
			retry_after,
			reason,
			window,
		)

	def headers(self) -> dict[str, str]:
		"""Return what a server should send along with its refusal."""
		headers = {"Retry-After": str(max(1, int(self.retry_after)))} if self.retry_after else {}
		return {**headers, "WWW-Authenticate": "Bearer"} if self.status == 401 else headers


class Unavailable(Exception):
	"""The site could not be asked, and the policy is to refuse then."""

	status, code, retry_after = 503, "unavailable", 1.0

	def headers(self) -> dict[str, str]:
		return {"Retry-After": "1"}
