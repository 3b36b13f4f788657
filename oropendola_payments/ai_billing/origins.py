"""Origins of web addresses: scheme, host and port, compared parsed and never as text."""

import re
from typing import NamedTuple
from urllib.parse import urlsplit

LOCAL = ("localhost", "127.0.0.1", "::1")
PORTS = {"https": 443, "http": 80}
# Browsers ignore or change these, so the address that we check would not be the one that they open.
UNSAFE = re.compile(r"[\s\\\x00-\x1f\x7f]")
HOST = re.compile(r"[a-z0-9.:-]+")


class Origin(NamedTuple):
	scheme: str
	host: str
	port: int

	def text(self) -> str:
		"""Return the origin as browsers write it."""
		host = f"[{self.host}]" if ":" in self.host else self.host
		port = "" if self.port == PORTS[self.scheme] else f":{self.port}"
		return f"{self.scheme}://{host}{port}"


def origin_of(address: str) -> Origin:
	"""Return the origin of an address. ValueError unless it is https, or http on this machine, without user and strange characters."""
	if not address.isascii() or UNSAFE.search(address):
		raise ValueError("An address consists of plain ASCII characters without spaces and backslashes.")
	parts = urlsplit(address)
	host = (parts.hostname or "").rstrip(".")
	if "@" in parts.netloc or not HOST.fullmatch(host):
		raise ValueError("An address has a host, and no user.")
	if parts.scheme not in PORTS or (parts.scheme == "http" and host not in LOCAL):
		raise ValueError("An address begins with https://.")
	port = parts.port  # ValueError if it is no number
	return Origin(parts.scheme, host, PORTS[parts.scheme] if port is None else port)
