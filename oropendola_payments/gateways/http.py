"""HTTP to gateways: time-outs always, errors sorted by "was it sent", no repetition, nothing logged."""

from collections.abc import Collection
from typing import Any
from urllib.parse import quote

import requests

from oropendola_payments.gateways.errors import (
	BadAnswer,
	CredentialsRefused,
	GatewayError,
	GatewayRefused,
	MaybeSent,
	NotSent,
)
from oropendola_payments.gateways.parsing import member, parse_json, parse_object, short_text

# The readers are in `parsing`; adapters of other apps may still import them from here.
__all__ = ["HttpClient", "member", "parse_object", "path_segment", "read_json", "read_list", "short_text"]

CONNECT_SECONDS = 5
READ_SECONDS = 15
MAX_ANSWER_BYTES = 1_000_000


class HttpClient:
	"""A requests session that raises our errors. `answer.json()` is safe through `read_json`."""

	def __init__(
		self,
		session: requests.Session | None = None,
		timeout: tuple[float, float] = (CONNECT_SECONDS, READ_SECONDS),
	) -> None:
		self.session = session or requests.Session()
		self.timeout = timeout

	def call(
		self, method: str, url: str, *, label: str, ok: Collection[int] = (200, 201, 202), **options: Any
	) -> requests.Response:
		"""The answer when its status is in `ok`; otherwise the error that says whether a repetition is safe."""
		answer = self.send(method, url, label=label, **options)
		if answer.status_code in ok:
			return answer
		raise self.error_of(answer, label)

	def send(self, method: str, url: str, *, label: str, **options: Any) -> requests.Response:
		"""Any answer, whatever its status; raises NotSent or MaybeSent when there is none."""
		options.setdefault("timeout", self.timeout)
		options.setdefault("allow_redirects", False)
		try:
			return self.session.request(method, url, **options)
		except (
			requests.ConnectTimeout,
			requests.exceptions.SSLError,
			requests.exceptions.InvalidURL,
		) as error:
			raise NotSent(f"{label} cannot be reached. Please try again in a minute.") from error
		except requests.ConnectionError as error:
			if _never_connected(error):
				raise NotSent(f"{label} cannot be reached. Please try again in a minute.") from error
			raise MaybeSent(f"{label} closed the connection before it answered.") from error
		except requests.RequestException as error:
			raise MaybeSent(f"{label} did not answer in time.") from error

	@staticmethod
	def error_of(
		answer: requests.Response, label: str, message: str | None = None, code: str | None = None
	) -> GatewayError:
		"""The error for an HTTP status, for adapters that read the provider's own error code first."""
		status = answer.status_code
		if status in (401, 403):
			return CredentialsRefused(
				message or f"{label} rejected our keys (HTTP {status}).", gateway_code=code
			)
		if status == 429:
			return NotSent(
				message or f"{label} is limiting our requests. Please try again in a minute.",
				gateway_code=code,
			)
		if status >= 500:
			return MaybeSent(message or f"{label} is having problems (HTTP {status}).", gateway_code=code)
		if status >= 400:
			return GatewayRefused(
				message or f"{label} refused the request (HTTP {status}).", gateway_code=code
			)
		return BadAnswer(f"{label} answered with an unexpected HTTP status {status}.")


def read_json(answer: requests.Response, label: str) -> dict[str, Any]:
	"""The JSON object in an answer, amounts kept exact (Decimal); anything else is a BadAnswer."""
	if len(answer.content) > MAX_ANSWER_BYTES:
		raise BadAnswer(f"{label} sent an answer that is too long.")
	return parse_object(answer.content, label)


def read_list(answer: requests.Response, label: str) -> list[Any]:
	"""The JSON array in an answer, as exact as `read_json`."""
	if len(answer.content) > MAX_ANSWER_BYTES:
		raise BadAnswer(f"{label} sent an answer that is too long.")
	value = parse_json(answer.content, label)
	if not isinstance(value, list):
		raise BadAnswer(f"{label} sent JSON that is not a list.")
	return value


def path_segment(text: str) -> str:
	"""An id as one segment of a path: nothing in it can lead to another address."""
	return quote(text, safe="")


def _never_connected(error: requests.ConnectionError) -> bool:
	cause = error.args[0] if error.args else None
	reason = getattr(cause, "reason", cause)
	return type(reason).__name__ in {"NewConnectionError", "ConnectTimeoutError", "NameResolutionError"}
