"""The HTTP interface: one method for each endpoint that an API key may call."""

from __future__ import annotations

from typing import Any

import requests

from oropendola_usage.errors import Refused, Unavailable

PREFIX = "/api/method/oropendola_payments.api.usage."
TIMEOUT = (3.05, 5.0)


class Client:
	"""Calls a site. Keys are sent in a header and kept nowhere. Safe to share between threads."""

	def __init__(
		self, site: str, *, session: requests.Session | None = None, timeout: tuple[float, float] = TIMEOUT
	):
		self.site = site.rstrip("/")
		self.timeout = timeout
		self._session = session or requests.Session()

	def __repr__(self) -> str:
		return f"Client({self.site!r})"

	def consume(
		self,
		key: str,
		requests: int = 1,
		*,
		model: str | None = None,
		input_tokens: int = 0,
		output_tokens: int = 0,
	) -> dict[str, Any]:
		"""Count one call and return what is left."""
		tokens = {"input_tokens": input_tokens, "output_tokens": output_tokens}
		return self._post("consume", key, {"requests": requests, "model": model, **tokens})

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
		return self._post("lease", key, {**wanted, "idempotency_key": idempotency_key})

	def settle(self, key: str, lease: str, spent: int, *, close: bool = True) -> dict[str, Any]:
		"""Report how much of a lease was spent in all."""
		return self._post("settle", key, {"lease": lease, "spent": spent, "close": int(close)})

	def _post(self, endpoint: str, key: str, values: dict[str, Any]) -> dict[str, Any]:
		body = {name: value for name, value in values.items() if value is not None}
		try:
			answer = self._session.post(
				f"{self.site}{PREFIX}{endpoint}", json=body, headers={"X-API-Key": key}, timeout=self.timeout,
				allow_redirects=False,
			)  # fmt: skip
		except requests.RequestException as error:
			# Not the exception's text: a proxy may put headers into it.
			raise Unavailable(f"{self.site} could not be asked: {type(error).__name__}") from None
		return _checked(answer)


def _checked(answer: requests.Response) -> dict[str, Any]:
	try:
		message = answer.json()["message"]
		if message["success"]:
			return message
		text, code = message["error"], message["error_code"]
	except (ValueError, KeyError, TypeError):
		raise Unavailable(f"The site answered {answer.status_code} without an envelope.") from None
	if answer.status_code >= 500:
		raise Unavailable(text)
	raise Refused(
		text,
		answer.status_code,
		code,
		message.get("retry_after"),
		message.get("reason"),
		message.get("window"),
	)
