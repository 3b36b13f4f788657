"""A web server for the browser: benchless on a free port, or the bench that the environment names."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from unittest import SkipTest

import frappe
from frappe.installer import update_site_config

from oropendola_payments.tests.support.simulated import simulator

NAMED = "PAYMENT_BROWSER_URL"
WEBHOOK = "/api/method/oropendola_payments.api.webhooks.receive?gateway="
CHANGED = ("host_name", "allow_payment_simulator", "payment_simulator_url")


class Host:
	"""The site under test at `url`, with the simulator beside it. `close` restores the configuration."""

	def __init__(self):
		self.server = None
		self.before = {key: frappe.local.conf.get(key) for key in CHANGED}
		self.url = os.environ.get(NAMED, "").rstrip("/") or self._start()
		self.simulator = simulator()
		values = (self.url, 1, self.simulator.url)
		self._configure(dict(zip(CHANGED, values, strict=True)))
		for code in self.simulator.providers:
			self.simulator.configure(code, webhook_url=f"{self.url}{WEBHOOK}{code}")

	def close(self):
		self._configure(self.before)
		if self.server:
			in_own_thread(self.server.close)

	def restart(self):
		"""Stop the web server and start it again under the same address."""
		if not self.server:
			raise SkipTest("The web server of a bench is not ours to restart.")
		port = self.server.port
		in_own_thread(self.server.close)
		self._start(port)

	def deliver_webhooks(self, code: str) -> list[int]:
		"""Deliver the waiting webhooks of the provider. Returns the HTTP statuses of our answers."""
		return [self.simulator.webhooks.deliver(delivery) for delivery in self.simulator.webhooks.take(code)]

	def _start(self, port: int = 0) -> str:
		try:
			from benchless.server import Server
		except ImportError:
			raise SkipTest(
				f"On a bench, set {NAMED} to the address of this site's web server to run the browser tests."
			) from None
		site = Path(frappe.local.sites_path, frappe.local.site)
		self.server = in_own_thread(lambda: Server(site, port))
		in_own_thread(self.server.start)
		return self.server.url

	def _configure(self, values: dict):
		for key, value in values.items():
			update_site_config(key, "None" if value is None else value)  # this text removes the key
		frappe.db.commit()


def in_own_thread(work):
	"""Starting and stopping a server must not close the database connection of this test."""
	with ThreadPoolExecutor(1) as worker:
		return worker.submit(work).result()
