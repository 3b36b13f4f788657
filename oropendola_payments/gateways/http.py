"""HTTP to gateways: time-outs always, errors sorted by "was it sent", no repetition, nothing logged."""

import ssl
import time
from collections.abc import Collection
from typing import Any
from urllib.parse import quote

import requests
import urllib3

from oropendola_payments.gateways.errors import (
	BadAnswer,
	Blocked,
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
# Small, because so much is unpacked at once: a piece of a compressed answer can become a thousand times as long.
PIECE_BYTES = 8192


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
		"""Any answer of the gateway, whatever its status; raises NotSent or MaybeSent when there is none."""
		options.setdefault("timeout", self.timeout)
		options.setdefault("allow_redirects", False)
		try:
			answer = self.session.request(method, url, stream=True, **options)
			_read_body(answer, options["timeout"])
		except (requests.ConnectTimeout, requests.exceptions.InvalidURL) as error:
			raise NotSent(f"{label} cannot be reached. Please try again in a minute.") from error
		except requests.ConnectionError as error:
			if _never_connected(error):
				raise NotSent(f"{label} cannot be reached. Please try again in a minute.") from error
			raise MaybeSent(f"{label} closed the connection before it answered.") from error
		except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
			raise MaybeSent(f"{label} did not answer in time.") from error
		if _is_firewall(answer):
			raise Blocked(
				f"A firewall at {label} blocked our request (HTTP 403). If that goes on, please ask {label} whether "
				"the IP address of this server is allowed."
			)
		return answer

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


def _read_body(answer: requests.Response, timeout: float | tuple[float, float]) -> None:
	"""Read the body within the time-out to read, which requests applies to each pause alone, and hardly more than is accepted."""
	ends = time.monotonic() + (timeout[1] if isinstance(timeout, tuple) else timeout)
	# `read` waits until a whole piece is there, however slowly it trickles in. urllib3 before 2.2 has nothing else.
	read = getattr(answer.raw, "read1", answer.raw.read)
	body = bytearray()
	while len(body) <= MAX_ANSWER_BYTES and (piece := read(PIECE_BYTES, decode_content=True)):
		body += piece
		if time.monotonic() > ends:
			answer.close()
			raise requests.ReadTimeout("The answer does not end.")
	if len(body) > MAX_ANSWER_BYTES:
		answer.close()
	answer._content = bytes(body)


def _is_firewall(answer: requests.Response) -> bool:
	"""Return whether this is the page of a firewall. The gateways refuse keys with JSON, or with no body at all."""
	return answer.status_code == 403 and answer.content.lstrip()[:1] == b"<"


def _never_connected(error: requests.ConnectionError) -> bool:
	cause = error.args[0] if error.args else None
	reason = getattr(cause, "reason", cause)
	if isinstance(error, requests.exceptions.SSLError):
		# Only a refused certificate surely precedes the request: other faults of TLS may come with the answer.
		return any(isinstance(part, ssl.SSLCertVerificationError) for part in getattr(reason, "args", ()))
	return type(reason).__name__ in {"NewConnectionError", "ConnectTimeoutError", "NameResolutionError"}
