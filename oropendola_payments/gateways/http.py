"""HTTP to gateways: time-outs always, errors sorted by "was it sent", no repetition, nothing logged."""

import json
from collections.abc import Mapping
from decimal import Decimal

import requests

from oropendola_payments.gateways.errors import (
	BadAnswer,
	CredentialsRefused,
	GatewayRefused,
	MaybeSent,
	NotSent,
)

CONNECT_SECONDS = 5
READ_SECONDS = 15
MAX_ANSWER_BYTES = 1_000_000


class HttpClient:
	"""A requests session that raises our errors. `answer.json()` is safe through `read_json`."""

	def __init__(self, session: requests.Session | None = None, timeout=(CONNECT_SECONDS, READ_SECONDS)):
		self.session = session or requests.Session()
		self.timeout = timeout

	def call(self, method: str, url: str, *, label: str, ok=(200, 201, 202), **options) -> requests.Response:
		"""The answer when its status is in `ok`; otherwise the error that says whether a repetition is safe."""
		answer = self.send(method, url, label=label, **options)
		if answer.status_code in ok:
			return answer
		raise self.error_of(answer, label)

	def send(self, method: str, url: str, *, label: str, **options) -> requests.Response:
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
			raise MaybeSent(f"{label} broke off before it answered.") from error
		except requests.RequestException as error:
			raise MaybeSent(f"{label} did not answer in time.") from error

	@staticmethod
	def error_of(answer: requests.Response, label: str, message: str | None = None, code: str | None = None):
		"""The error for an HTTP status, for adapters that read the provider's own error code first."""
		status = answer.status_code
		if status in (401, 403):
			return CredentialsRefused(
				message or f"{label} refused our keys (HTTP {status}).", gateway_code=code
			)
		if status == 429:
			return NotSent(
				message or f"{label} asks us to slow down. Please try again in a minute.", gateway_code=code
			)
		if status >= 500:
			return MaybeSent(message or f"{label} has trouble (HTTP {status}).", gateway_code=code)
		if status >= 400:
			return GatewayRefused(
				message or f"{label} refused the request (HTTP {status}).", gateway_code=code
			)
		return BadAnswer(f"{label} answered with an unexpected HTTP status {status}.")


def read_json(answer: requests.Response, label: str) -> dict:
	"""The JSON object in an answer, amounts kept exact (Decimal) ; anything else is a BadAnswer."""
	if len(answer.content) > MAX_ANSWER_BYTES:
		raise BadAnswer(f"{label} sent an answer that is too long.")
	return parse_object(answer.content, label)


def read_list(answer: requests.Response, label: str) -> list:
	"""The JSON array in an answer, as exact as `read_json`."""
	if len(answer.content) > MAX_ANSWER_BYTES:
		raise BadAnswer(f"{label} sent an answer that is too long.")
	value = _parse(answer.content, label)
	if not isinstance(value, list):
		raise BadAnswer(f"{label} sent JSON that is not a list.")
	return value


def parse_object(content: bytes, label: str) -> dict:
	value = _parse(content, label)
	if not isinstance(value, dict):
		raise BadAnswer(f"{label} sent JSON that is not an object.")
	return value


def short_text(value, limit: int = 140) -> str | None:
	"""A printable text of bounded length, as ids and states are; None for anything else that came from outside."""
	is_text = isinstance(value, str) and 0 < len(value) <= limit and value.isprintable()
	return value if is_text else None


def member(value, *names):
	"""Walk into nested JSON without trusting its types: None where something is missing."""
	for name in names:
		if isinstance(value, Mapping):
			value = value.get(name)
		elif isinstance(value, list) and isinstance(name, int) and -len(value) <= name < len(value):
			value = value[name]
		else:
			return None
	return value


def _parse(content: bytes, label: str):
	try:
		return json.loads(content.decode("utf-8"), parse_float=Decimal, parse_constant=_no_constants)
	except (ValueError, ArithmeticError, RecursionError):
		raise BadAnswer(f"{label} sent an answer that is not JSON.") from None


def _no_constants(text: str):
	raise ValueError(f"{text} is not a number")


def _never_connected(error: requests.ConnectionError) -> bool:
	cause = error.args[0] if error.args else None
	reason = getattr(cause, "reason", cause)
	return type(reason).__name__ in {"NewConnectionError", "ConnectTimeoutError", "NameResolutionError"}
