"""The HTTP interface: one method for each endpoint that an API key may call."""

from __future__ import annotations

from typing import Any

import requests

from oropendola_usage.errors import Unavailable
from oropendola_usage.protocol import call_of, read

TIMEOUT = (3.05, 5.0)  # to connect, and to wait for the answer


class Client:
	"""Calls a site. Keys are sent in a header and kept nowhere. Safe to share between threads."""

	def __init__(
		self, site: str, *, session: requests.Session | None = None, timeout: tuple[float, float] = TIMEOUT
	):
		self.site = site.rstrip("/")
		self.timeout = timeout
		self._session = session or requests.Session()

	def __repr__(self) -> str:
		return f"{type(self).__name__}({self.site!r})"

	def reconnect(self) -> None:
		"""Drop open connections. A forked process must not share those of its parent."""
		self._session.close()

	def consume(
		self,
		key: str,
		requests: int = 1,
		*,
		model: str | None = None,
		input_tokens: int = 0,
		output_tokens: int = 0,
		event_id: str | None = None,
	) -> dict[str, Any]:
		"""Count one call and return what is left. With an event ID it is counted once, however often it is sent."""
		tokens = {"input_tokens": input_tokens, "output_tokens": output_tokens}
		return self.post(
			"consume", key, {"requests": requests, "model": model, "event_id": event_id, **tokens}
		)

	def check(self, key: str) -> dict[str, Any]:
		"""Return whose key this is and what is left, and count nothing."""
		return self.post("check", key, {})

	def reserve(
		self,
		key: str,
		event_id: str,
		requests: int = 1,
		*,
		model: str | None = None,
		input_tokens: int = 0,
		output_tokens: int = 0,
		seconds: int = 900,
	) -> dict[str, Any]:
		"""Take what a call will use at most. Say afterwards with `settle_reservation` what it used."""
		tokens = {"input_tokens": input_tokens, "output_tokens": output_tokens, "seconds": seconds}
		return self.post(
			"reserve", key, {"event_id": event_id, "requests": requests, "model": model, **tokens}
		)

	def settle_reservation(
		self, key: str, event_id: str, *, input_tokens: int = 0, output_tokens: int = 0
	) -> dict[str, Any]:
		"""Book what a reserved call really used. Repeating it changes nothing."""
		tokens = {"input_tokens": input_tokens, "output_tokens": output_tokens}
		return self.post("settle_reservation", key, {"event_id": event_id, **tokens})

	def release_reservation(self, key: str, event_id: str) -> dict[str, Any]:
		"""Give a reservation back, because the call used nothing."""
		return self.post("release_reservation", key, {"event_id": event_id})

	def lease(
		self,
		key: str,
		requests: int,
		*,
		seconds: int = 30,
		model: str | None = None,
		holder: str | None = None,
		idempotency_key: str | None = None,
	) -> dict[str, Any]:
		"""Take a slice of the quota. It may be smaller than what was wanted."""
		wanted = {"requests": requests, "seconds": seconds, "model": model, "holder": holder}
		return self.post("lease", key, {**wanted, "idempotency_key": idempotency_key})

	def settle(self, key: str, lease: str, spent: int, *, close: bool = True) -> dict[str, Any]:
		"""Report how much of a lease was spent in all."""
		return self.post("settle", key, {"lease": lease, "spent": spent, "close": int(close)})

	def post(self, endpoint: str, key: str, values: dict[str, Any]) -> dict[str, Any]:
		"""Call an endpoint by its name. Raises Refused, or Unavailable if there was no answer."""
		call = call_of(self.site, endpoint, key, values)
		try:
			answer = self._session.post(
				call.url, data=call.body, headers=call.headers, timeout=self.timeout, allow_redirects=False
			)
		except requests.RequestException as error:
			# Not the exception's text: a proxy may put headers into it.
			raise Unavailable(f"{self.site} could not be asked: {type(error).__name__}") from None
		return read(answer.status_code, answer.content)
