"""Requests to the two web servers, as a load balancer spreads them: to another one only if nothing was sent."""

import http.client
import json
import random
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from urllib.parse import urlencode, urlsplit

from benchmarks.cluster.figures import Figures
from benchmarks.cluster.machines.nodes import site_header

API = "/api/method/oropendola_payments.api."
BROKEN = 0  # the status of a request whose connection broke: nobody knows whether it was carried out
RETRY_SECONDS = 0.5
TRIES = 40


@dataclass
class Answer:
	status: int
	body: bytes = b""
	headers: dict[str, str] = field(default_factory=dict)
	seconds: float = 0.0

	@property
	def message(self) -> dict:
		try:
			message = json.loads(self.body).get("message")
		except (ValueError, AttributeError):
			return {}
		return message if isinstance(message, dict) else {}

	@property
	def is_our_fault(self) -> bool:
		return self.status == BROKEN or self.status >= 500 or self.status == 429


class Client:
	def __init__(self, addresses: list[str], figures: Figures):
		self.addresses, self.figures = addresses, figures

	def send(self, method: str, path: str, body: bytes = b"", headers: dict | None = None) -> Answer:
		for address in random.sample(self.addresses, len(self.addresses)):
			begin = time.perf_counter()
			try:
				answer = _send(address, method, path, body, {**site_header(), **(headers or {})})
			except ConnectionRefusedError:
				continue
			except (OSError, http.client.HTTPException):
				answer = Answer(BROKEN)
			answer.seconds = time.perf_counter() - begin
			self._count(answer)
			return answer
		self.figures.count("requests without any server")
		return Answer(BROKEN)

	def _count(self, answer: Answer) -> None:
		self.figures.count("requests")
		self.figures.count(f"answers {answer.status or 'broken off'}")

	def call(self, endpoint: str, token: str, key: str = "", **arguments) -> Answer:
		"""One call of our API."""
		headers = {"Content-Type": "application/json", "Accept": "application/json"}
		headers |= {"X-API-Key": key} if key else {"Authorization": token}
		answer = self.send("POST", API + endpoint, json.dumps(arguments).encode(), headers)
		if answer.status == 200:
			self.figures.took(f"call {endpoint}", answer.seconds)
		return answer

	def insist(self, endpoint: str, token: str, **arguments) -> dict:
		"""The answer of a call that is repeated, as people repeat it, until the site answers. {} when it never does."""
		return insist(lambda: self.call(endpoint, token, **arguments), self.figures).message

	def submit(self, method: str, url: str, fields: dict, token: str = "") -> Answer:
		"""What a browser does with an address or a form of this site."""
		parts, form = urlsplit(url), urlencode(fields)
		headers = {"Authorization": token} if token else {}
		if method == "POST":
			headers["Content-Type"] = "application/x-www-form-urlencoded"
			return self.send("POST", _path(parts.path, parts.query), form.encode(), headers)
		return self.send("GET", _path(parts.path, "&".join(filter(None, (parts.query, form)))), b"", headers)


def insist(send: Callable[[], Answer], figures: Figures) -> Answer:
	for _number in range(TRIES):
		answer = send()
		if not answer.is_our_fault:
			break
		figures.count("customers' repeated requests")
		time.sleep(RETRY_SECONDS)
	return answer


def _path(path: str, query: str) -> str:
	return f"{path}?{query}" if query else path


def _send(address: str, method: str, path: str, body: bytes, headers: dict) -> Answer:
	with closing(http.client.HTTPConnection(address, timeout=30)) as connection:
		connection.request(method, path, body, headers)
		response = connection.getresponse()
		return Answer(response.status, response.read(), dict(response.getheaders()))
