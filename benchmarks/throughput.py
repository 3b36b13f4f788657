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
GOALS = {"consume": 0.7, "consume, three limits": 0.6, "refused key": 0.8, "settling webhook": 0.33}
PLAIN = {"requests_limit_per_day": 10**6}
LIMITS = (("Tokens", "Day"), ("Units", "Month"))  # beside the requests of a day
MODEL = {"pattern": "gpt-*", "per_input_tokens": 1, "per_output_tokens": 3}


@dataclass
class Shot:
	path: str
	body: bytes = b""
	headers: dict = field(default_factory=dict)
	answered_with: int = 200


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

	def beside_pings(self, pings: list[Shot], shots: list[Shot]) -> list[tuple[float, float]]:
		"""The rate of each shot alone on a connection, and that of the pings right before and after it."""
		connection = self._connect()
		rates = []
		for ping, shot in zip(pings, shots, strict=True):
			before, taken, after = (self._seconds(connection, one) for one in (ping, shot, ping))
			rates.append((1 / taken, 2 / (before + after)))
		connection.close()
		return rates

	def _fire(self, shots: list[Shot]):
		connection = self._connect()
		for shot in shots:
			self._seconds(connection, shot)
		connection.close()

	def _connect(self) -> http.client.HTTPConnection:
		return http.client.HTTPConnection(self.host, self.port, timeout=60)

	def _seconds(self, connection: http.client.HTTPConnection, shot: Shot) -> float:
		begin = time.perf_counter()
		connection.request("POST", shot.path, shot.body, {**self.headers, **shot.headers})
		answer = connection.getresponse()
		text = answer.read()
		if answer.status != shot.answered_with:
			raise SystemExit(f"{shot.path} was answered with {answer.status}: {text[:300]!r}")
		return time.perf_counter() - begin


class Site:
	"""What is shot at: keys to consume with, and messages of payments that were made."""

	def __init__(self, customers: int):
		from oropendola_payments.tests.support.factories import (
			create_active_subscription,
			create_plan,
			create_user,
		)
		from oropendola_payments.tests.support.gateway_events import PRICE, currency_of

		limits = [{"allowance": 10**9, "meter": meter, "time_window": window} for meter, window in LIMITS]
		users = [create_user() for _number in range(customers)]
		self.keys = [self._key(create_active_subscription(user, **PLAIN)) for user in users]
		limited = {**PLAIN, "limits": limits, "models": [MODEL]}
		self.limited_keys = [self._key(create_active_subscription(user, **limited)) for user in users]
		self.create_user = create_user
		self.plan = create_plan(price=PRICE, currency=currency_of(GATEWAY))  # a site has few plans
		self.told: list[Shot] = []

	@staticmethod
	def _key(subscription) -> str:
		from oropendola_payments.engine.keys.rotate import rotate

		return rotate(subscription.user, subscription.name)["api_key"]

	def pings(self, count: int) -> list[Shot]:
		return [Shot("/api/method/ping")] * count

	def consumes(self, count: int) -> list[Shot]:
		return self._consumes(self.keys, count, b'{"requests": 1}')

	def limited_consumes(self, count: int) -> list[Shot]:
		body = b'{"requests": 1, "model": "gpt-4o", "input_tokens": 500, "output_tokens": 100}'
		return self._consumes(self.limited_keys, count, body)

	def refused(self, count: int) -> list[Shot]:
		keys = [key[:-4] + "0000" for key in self.keys]
		return self._consumes(keys, count, b'{"requests": 1}', answered_with=401)

	@staticmethod
	def _consumes(keys: list[str], count: int, body: bytes, answered_with: int = 200) -> list[Shot]:
		headers = {"Content-Type": "application/json"}
		shots = [
			Shot(f"{API}usage.consume", body, {**headers, "X-API-Key": key}, answered_with) for key in keys
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

		journey = Journey(GATEWAY, user=self.create_user(), plan=self.plan)
		journey.customer_pays(journey.start())
		message = journey.take_webhooks()[-1]
		return Shot(f"{API}webhooks.receive?gateway={GATEWAY}", message.body, dict(message.headers))


def measure(gun: Gun, site: Site, count: int, rounds: int) -> dict[str, list[tuple[float, float]]]:
	"""Return, for each kind and round, its rate and that of the pings beside it: how fast a machine is changes in seconds.

	With one connection each request is measured alone, between two pings; then what a round says is steadier.
	"""
	kinds: dict[str, Callable[[int], list[Shot]]] = {
		"consume": site.consumes,
		"consume, three limits": site.limited_consumes,
		"refused key": site.refused,
		"settling webhook": site.settlings,
		"duplicate webhook": site.duplicates,
	}
	rates: dict[str, list[tuple[float, float]]] = {kind: [] for kind in kinds}
	for number in range(rounds + 1):
		for kind, shots in kinds.items():
			found = _round(gun, site.pings(count), shots(count))
			if number:  # the first round fills the caches
				rates[kind] += found
	return rates


def _round(gun: Gun, pings: list[Shot], shots: list[Shot]) -> list[tuple[float, float]]:
	if gun.hands == 1:
		return gun.beside_pings(pings, shots)
	before, rate, after = gun.rate(pings), gun.rate(shots), gun.rate(pings)
	return [(rate, (before + after) / 2)]


def report(rates: dict[str, list[tuple[float, float]]]):
	pings = [ping for found in rates.values() for _rate, ping in found]
	print(f"{'ping':23}{statistics.median(pings):8.1f} a second")
	for kind, found in rates.items():
		rate, shares = statistics.median(rate for rate, _ping in found), [rate / ping for rate, ping in found]
		goal = f"   goal {GOALS[kind]:.2f}" if kind in GOALS else ""
		spread = "({:.2f} to {:.2f})".format(*statistics.quantiles(shares, n=10, method="inclusive")[::8])
		print(f"{kind:23}{rate:8.1f} a second{statistics.median(shares):8.2f} of ping {spread}{goal}")


def main():
	parser = argparse.ArgumentParser(description=__doc__)
	parser.add_argument("--site", required=True)
	parser.add_argument("--url", default="http://127.0.0.1:8000", help="the web server of the bench")
	parser.add_argument("--count", type=int, default=100, help="requests of each kind in a round")
	parser.add_argument("--rounds", type=int, default=5)
	parser.add_argument(
		"--hands", type=int, default=4, help="connections at a time; with 1 each request is measured alone"
	)
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
