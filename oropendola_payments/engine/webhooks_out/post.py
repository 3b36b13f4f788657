"""One POST to an address that a customer chose: short, without redirects or proxies, and only to addresses that were checked.

The name is looked up once, and the connection goes to exactly what was found, so a DNS answer that changes in between is of no use.
The name stays in Host, in SNI and in the check of the certificate.
"""

import http.client
import os
import socket
import ssl
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from functools import lru_cache

import certifi

from oropendola_payments.engine.webhooks_out.addresses import Target, is_public

# Stored in English, and translated where they are shown. None of them names an address that was found.
NO_NAME = "The host name could not be found."
NOT_PUBLIC = "The host name leads to an address that is not public."
NO_CONNECTION = "No connection could be made."
BROKEN = "The connection ended without an answer."
NO_TLS = "The certificate or the TLS connection was refused."
TOO_LATE = "There was no complete answer in time."
NOT_HTTP = "The answer was not HTTP."
REASONS = (NO_NAME, NOT_PUBLIC, NO_CONNECTION, BROKEN, NO_TLS, TOO_LATE, NOT_HTTP)
READ_BYTES = 4096
MOST_WAIT = 24 * 3600


@dataclass(frozen=True)
class Limits:
	connect: float = 5
	total: float = 15
	slow: float = 3


@dataclass(frozen=True)
class Answer:
	"""What came back: an HTTP status, or the reason why none did."""

	status: int = 0
	error: str = ""
	body: bytes = b""
	retry_after: int = 0
	milliseconds: int = 0
	is_slow: bool = False

	@property
	def succeeded(self) -> bool:
		return 200 <= self.status < 300


class NoAnswer(Exception):
	"""There is no answer. The text is one of the constants above."""


def post(target: Target, headers: Mapping[str, str], body: bytes, limits: Limits = Limits()) -> Answer:
	"""Send the body and return the answer. Raises nothing that the other side can cause."""
	start = time.monotonic()
	try:
		answer = _send(target, headers, body, limits)
	except NoAnswer as error:
		answer = Answer(error=str(error))
	except ssl.SSLError:
		answer = Answer(error=NO_TLS)
	except ConnectionError:
		answer = Answer(error=BROKEN)
	except http.client.HTTPException:
		answer = Answer(error=NOT_HTTP)
	except OSError:
		answer = Answer(error=NO_CONNECTION)
	took = time.monotonic() - start
	if answer.error and took >= limits.total:
		answer = Answer(error=TOO_LATE)
	return replace(answer, milliseconds=int(took * 1000), is_slow=took > limits.slow)


def _send(target: Target, headers: Mapping[str, str], body: bytes, limits: Limits) -> Answer:
	found = resolve(target, limits.connect)
	connection = _connection(target)
	raw = _connect(found, limits)
	# Ends the connection from outside, because a time-out of a socket starts anew with every byte.
	double = socket.socket(fileno=os.dup(raw.fileno()))
	late = threading.Event()
	watch = threading.Timer(limits.total, _hang_up, (double, late))
	watch.daemon = True
	watch.start()
	try:
		connection.sock = _wrapped(raw, target)
		connection.request("POST", target.path, body, dict(headers))
		response = connection.getresponse()
		if late.is_set():  # headers that were cut off read like complete ones
			raise NoAnswer(TOO_LATE)
		text = _beginning(response)
		return Answer(
			response.status, body=text, retry_after=_retry_after(response.headers.get("Retry-After"))
		)
	finally:
		watch.cancel()
		for end in (connection, raw, double):
			end.close()


def resolve(target: Target, seconds: float) -> list[tuple]:
	"""Return what the name leads to. Raises NoAnswer unless all of it is public, or loopback where the site allows that."""
	found: list[tuple] = []

	def look_up() -> None:
		with suppress(OSError, UnicodeError):
			found.extend(socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM))

	# The system's resolver has no time-out of its own.
	worker = threading.Thread(target=look_up, daemon=True)
	worker.start()
	worker.join(seconds)
	addresses = list(found)
	if not addresses:
		raise NoAnswer(NO_NAME)
	if not target.is_loopback and not all(is_public(address[4][0]) for address in addresses):
		raise NoAnswer(NOT_PUBLIC)
	return addresses


def _connect(found: list[tuple], limits: Limits) -> socket.socket:
	"""Connect to the first of these addresses that answers, and to no other."""
	for family, kind, protocol, _name, address in found[:4]:
		sock = socket.socket(family, kind, protocol)
		sock.settimeout(limits.connect)
		try:
			sock.connect(address)
		except OSError:
			sock.close()
			continue
		sock.settimeout(limits.total)
		return sock
	raise NoAnswer(NO_CONNECTION)


def _wrapped(sock: socket.socket, target: Target) -> socket.socket:
	if target.scheme == "http":
		return sock
	return _tls().wrap_socket(sock, server_hostname=target.host)


@lru_cache(maxsize=1)
def _tls() -> ssl.SSLContext:
	context = ssl.create_default_context(cafile=certifi.where())
	context.load_default_certs()
	return context


def _connection(target: Target) -> http.client.HTTPConnection:
	"""Return a connection that never connects by itself: the socket is put into it."""
	connection = http.client.HTTPConnection(target.host, target.port)
	connection.auto_open = 0
	connection.default_port = 443 if target.scheme == "https" else 80
	return connection


def _hang_up(sock: socket.socket, late: threading.Event) -> None:
	late.set()
	with suppress(OSError):
		sock.shutdown(socket.SHUT_RDWR)


def _beginning(response: http.client.HTTPResponse) -> bytes:
	"""Return the beginning of the body. A body that breaks off does not change the status that was read before."""
	read = b""
	with suppress(OSError, http.client.HTTPException):
		while len(read) < READ_BYTES and (chunk := response.read1(READ_BYTES - len(read))):
			read += chunk
	return read


def _retry_after(text: str | None) -> int:
	"""Return how many seconds the receiver wants us to wait, from both forms of the header."""
	if not text:
		return 0
	if text.strip().isdecimal() and len(text) < 9:
		return min(int(text), MOST_WAIT)
	try:
		moment = parsedate_to_datetime(text)
		moment = moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
		return max(0, min(int((moment - datetime.now(timezone.utc)).total_seconds()), MOST_WAIT))
	except (TypeError, ValueError, OverflowError):
		return 0
