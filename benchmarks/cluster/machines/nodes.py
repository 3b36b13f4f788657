"""Two nodes: each has a web server, workers for both groups of queues, and a scheduler."""

import threading

from benchmarks.cluster.machines.home import SITE, Home
from benchmarks.cluster.machines.process import Process, free_port, listens, wait_for

# As the containers of frappe_docker and of the Helm chart name and order them.
QUEUES = {"short": "short,default", "long": "long,default,short"}


class Nodes:
	def __init__(self, home: Home):
		self.home = home
		self.ports = {node: free_port() for node in (1, 2)}
		self.web = [self._web(node) for node in (1, 2)]
		self.workers = [self._worker(node, name) for node in (1, 2) for name in QUEUES]
		self.schedulers = [self._frappe(node, "schedule", "schedule") for node in (1, 2)]
		self.restarts = 0
		self._over = threading.Event()
		self._watch = threading.Thread(target=self._restart_what_died, daemon=True)

	@property
	def addresses(self) -> list[str]:
		return [f"127.0.0.1:{port}" for port in self.ports.values()]

	def _web(self, node: int) -> Process:
		command = [
			*(self.home.python, "-m", "gunicorn", "--bind", f"127.0.0.1:{self.ports[node]}"),
			*("--workers", "2", "--threads", "4", "--timeout", "120", "frappe.app:application"),
		]
		return self._process(node, "web", command)

	def _worker(self, node: int, name: str) -> Process:
		return self._frappe(node, f"worker-{name}", "worker", "--queue", QUEUES[name])

	def _frappe(self, node: int, name: str, *arguments: str) -> Process:
		return self._process(node, name, self.home.frappe_command(*arguments))

	def _process(self, node: int, name: str, command: list[str]) -> Process:
		log = self.home.logs / f"{name}-{node}.log"
		return Process(f"{name}-{node}", command, self.home.sites, log, **self.home.environment(node))

	@property
	def all(self) -> list[Process]:
		return [*self.web, *self.workers, *self.schedulers]

	def start(self) -> None:
		for process in self.all:
			process.start()
		for port in self.ports.values():
			wait_for("web server", lambda port=port: listens(port))
		self._watch.start()

	def _restart_what_died(self) -> None:
		"""What Docker, Kubernetes or supervisor does."""
		while not self._over.wait(0.2):
			for process in self.all:
				if process.wanted and not process.is_running():
					self.restarts += 1
					process.start()

	def close(self) -> None:
		self._over.set()
		if self._watch.is_alive():
			self._watch.join()
		for process in self.all:
			process.stop()


def site_header() -> dict[str, str]:
	return {"Host": SITE, "X-Frappe-Site-Name": SITE}
