"""One run: load, load with kills, and what comes after it."""

import threading
import time
from argparse import Namespace

import frappe

from benchmarks.cluster import calm
from benchmarks.cluster.figures import Figures
from benchmarks.cluster.load.client import Client
from benchmarks.cluster.load.messages import Messages
from benchmarks.cluster.load.shop import Shop
from benchmarks.cluster.load.stories import Stories
from benchmarks.cluster.machines.chaos import Chaos
from benchmarks.cluster.machines.home import SITE, Home
from benchmarks.cluster.machines.nodes import Nodes
from oropendola_payments.simulator import Simulator

PING_SECONDS = 0.25
PATIENCE = 300


class Run:
	def __init__(self, home: Home, options: Namespace, simulator: Simulator, shop: Shop):
		self.home, self.options, self.simulator = home, options, simulator
		self.figures = Figures()
		self.nodes = Nodes(home)
		self.client = Client(self.nodes.addresses, self.figures)
		self.messages = Messages(simulator, self.client)
		self.stories = Stories(shop, simulator, self.client, self.messages)
		self.is_over = threading.Event()
		self.killing_since = 0.0
		self.caught_up: tuple[float, dict[str, int]] = (0, {})

	def whole(self) -> None:
		try:
			self.nodes.start()
			self._load()
			self._calm_down()
		finally:
			self.is_over.set()
			self.nodes.close()

	def _load(self) -> None:
		self.messages.start()
		threading.Thread(target=self._ping, daemon=True).start()
		self.stories.start(self.options.people)
		self._say(f"{self.options.quiet:.0f} seconds of load")
		time.sleep(self.options.quiet)
		self._say(f"{self.options.seconds:.0f} seconds of load and kills")
		self.killing_since = time.time()
		self.figures.label = "with kills"
		chaos = Chaos(self.home, self.nodes, self.figures, self.options.seconds, self.options.every)
		chaos.start()
		time.sleep(self.options.seconds)
		chaos.finish()
		self._say("the load ends")
		self.stories.finish()
		self.is_over.set()

	@staticmethod
	def _say(what: str) -> None:
		print(f"{time.strftime('%H:%M:%S')} {what}", flush=True)

	def _ping(self) -> None:
		"""The yardstick: what a request that does nothing takes under the same load."""
		while not self.is_over.wait(PING_SECONDS):
			answer = self.client.send("GET", "/api/method/ping")
			if answer.status == 200:
				self.figures.took("ping", answer.seconds)

	def _calm_down(self) -> None:
		self.messages.drain(PATIENCE)
		self._say("all messages were delivered")
		frappe.init(site=SITE, sites_path=".")
		frappe.connect()
		self.caught_up = calm.wait_until_caught_up(PATIENCE)
		self._say("the nodes have caught up")
		for scheduler in self.nodes.schedulers:
			scheduler.stop()
		calm.sweep_everything(self.simulator, self.figures)
		self.messages.drain(PATIENCE)
		calm.wait_until_caught_up(PATIENCE)
		self._say("nothing is left to do")
		self.messages.close()
