"""How many requests of each kind a site answers in a second, as a share of a bare ping in the same run."""

import argparse
import http.client
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import frappe

API = "/api/method/oropendola_payments.api."
GATEWAY = "stripe"  # its messages are settled as they are told, without a question to the gateway
GOALS = {"consume": 0.6, "settling webhook": 0.25}


@dataclass
class Shot:
	path: str
	body: bytes = b""
	headers: dict = field(default_factory=dict)


class Gun:
	"""Sends shots over a few connections that stay open."""

	def __init__(self, url: str, site: str, hands: int):
		parts = urlsplit(url)
		self.host, self.port, self.hands = parts.hostname, parts.port, hands
		self.headers = {"Host": site, "X-Frappe-Site-Name": site, "Accept": "application/json"}

	def rate(self, shots: list[Shot]) -> float:
		"""Answers in a second."""
		shares = [shots[number :: self.hands] for number in range(self.hands)]
		with ThreadPoolExecutor(self.hands) as hands:
			begin = time.perf_counter()
			list(hands.map(self._fire, shares))
			return len(shots) / (time.perf_counter() - begin)

	def _fire(self, shots: list[Shot]):
		connection = http.client.HTTPConnection(self.host, self.port, timeout=60)
		for shot in shots:
			connection.request("POST", shot.path, shot.body, {**self.headers, **shot.headers})
			answer = connection.getresponse()
			text = answer.read()
			if answer.status != 200:
				raise SystemExit(f"{shot.path} was answered with {answer.status}: {text[:300]!r}")
		connection.close()


class Site:
	"""What is shot at: keys to consume with, and messages of payments that were made."""

	def __init__(self, customers: int):
		from oropendola_payments.tests.support.factories import (
			create_active_subscription,
			create_plan,
			create_user,
		)

		self.plan = create_plan(price=499, currency="USD", requests_limit_per_day=0)
		self.users = [create_user() for _number in range(customers)]
		self.keys = [self._key(create_active_subscription(user)) for user in self.users]
		self.told: list[Shot] = []

	@staticmethod
	def _key(subscription) -> str:
		from oropendola_payments.engine.keys.rotate import rotate

		return rotate(subscription.user, subscription.name)["api_key"]

	def pings(self, count: int) -> list[Shot]:
		return [Shot("/api/method/ping")] * count

	def consumes(self, count: int) -> list[Shot]:
		headers = {"Content-Type": "application/json"}
		shots = [
			Shot(f"{API}usage.consume", b'{"requests": 1}', {**headers, "X-API-Key": key})
			for key in self.keys
		]
		return [shots[number % len(shots)] for number in range(count)]

	def settlings(self, count: int) -> list[Shot]:
		"""Messages about payments that the site does not know of yet."""
		shots = [self._paid_message() for _number in range(count)]
		self.told += shots
		return shots

	def duplicates(self, count: int) -> list[Shot]:
		return [self.told[number % len(self.told)] for number in range(count)]

	def _paid_message(self) -> Shot:
		from oropendola_payments.tests.support.journey import Journey

		journey = Journey(GATEWAY)
		journey.customer_pays(journey.start())
		message = journey.take_webhooks()[-1]
		return Shot(f"{API}webhooks.receive?gateway={GATEWAY}", message.body, dict(message.headers))


def measure(gun: Gun, site: Site, count: int, rounds: int) -> dict[str, float]:
	kinds: dict[str, Callable[[int], list[Shot]]] = {
		"ping": site.pings,
		"consume": site.consumes,
		"settling webhook": site.settlings,
		"duplicate webhook": site.duplicates,
	}
	rates: dict[str, list[float]] = {kind: [] for kind in kinds}
	for number in range(rounds + 1):
		for kind, shots in kinds.items():
			rate = gun.rate(shots(count))
			if number:  # the first round fills the caches
				rates[kind].append(rate)
	return {kind: statistics.median(found) for kind, found in rates.items()}


def report(rates: dict[str, float]):
	for kind, rate in rates.items():
		goal = f"   goal {GOALS[kind]:.2f}" if kind in GOALS else ""
		print(f"{kind:20}{rate:8.1f} a second{rate / rates['ping']:8.2f} of ping{goal}")


def main():
	parser = argparse.ArgumentParser(description=__doc__)
	parser.add_argument("--site", required=True)
	parser.add_argument("--url", default="http://127.0.0.1:8000", help="the web server of the bench")
	parser.add_argument("--count", type=int, default=100, help="requests of each kind in a round")
	parser.add_argument("--rounds", type=int, default=5)
	parser.add_argument("--hands", type=int, default=4, help="connections at a time")
	options = parser.parse_args()
	frappe.init(site=options.site, sites_path=".")
	frappe.connect()
	try:
		site = Site(customers=8)
		report(measure(Gun(options.url, options.site, options.hands), site, options.count, options.rounds))
	finally:
		from oropendola_payments.tests.support.simulated import close_simulator

		close_simulator()
		frappe.destroy()


if __name__ == "__main__":
	main()
