"""What goes wrong during the load: processes die all the time, and Redis, the database and a scheduler once or twice."""

import random
import threading
import time

from benchmarks.cluster.figures import Figures
from benchmarks.cluster.machines.home import Home
from benchmarks.cluster.machines.nodes import Nodes
from benchmarks.cluster.machines.process import Process, kill

# At which share of the time each happens.
PLAN = {
	0.20: "the scheduler that leads dies and stays away",
	0.30: "Redis is emptied",
	0.50: "the database is killed and restarted",
	0.65: "both Redis are killed and restarted empty",
}


class Chaos:
	def __init__(self, home: Home, nodes: Nodes, figures: Figures, seconds: float, every: float):
		self.home, self.nodes, self.figures = home, nodes, figures
		self.seconds, self.every = seconds, every
		self._over = threading.Event()
		self._threads = [
			threading.Thread(target=work, daemon=True) for work in (self._kill_often, self._follow_plan)
		]

	def start(self) -> None:
		for thread in self._threads:
			thread.start()

	def finish(self) -> None:
		self._over.set()
		for thread in self._threads:
			thread.join()

	def _kill_often(self) -> None:
		while not self._over.wait(random.uniform(0.5, 1.5) * self.every):
			random.choice((self._kill_child, self._kill_server, self._kill_worker, self._kill_worker))()

	def _kill_child(self) -> None:
		"""One of the processes that gunicorn forked; it forks another."""
		children = random.choice(self.nodes.web).children()
		if children:
			kill(random.choice(children))
			self.figures.count("killed: web process")

	def _kill_server(self) -> None:
		self._kill(random.choice(self.nodes.web), "web server with its processes")

	def _kill_worker(self) -> None:
		"""A worker with the job that it runs, or the job alone."""
		worker = random.choice(self.nodes.workers)
		jobs = worker.children()
		if jobs and random.random() < 0.3:
			kill(jobs[0])
			return self.figures.count("killed: running job")
		self._kill(worker, "worker during a job" if jobs else "worker")

	def _kill(self, process: Process, what: str) -> None:
		if process.is_running():
			process.kill()
			self.figures.count(f"killed: {what}")

	def _follow_plan(self) -> None:
		begin = time.monotonic()
		steps = (self._lose_scheduler, self._empty_redis, self._restart_database, self._restart_redis)
		for (share, what), step in zip(PLAN.items(), steps, strict=True):
			if self._over.wait(max(0, begin + share * self.seconds - time.monotonic())):
				return
			print(f"  {time.strftime('%H:%M:%S')} {what}", flush=True)
			step()
			self.figures.count(f"happened: {what}")

	def _lose_scheduler(self) -> None:
		first = self.nodes.schedulers[0]
		first.wanted = False
		first.kill()

	def _empty_redis(self) -> None:
		import redis

		for name in ("cache", "queue"):
			redis.Redis(port=self.home.ports[name]).flushall()

	def _restart_database(self) -> None:
		self.home.restart("database")

	def _restart_redis(self) -> None:
		for name in ("cache", "queue"):
			self.home.restart(name)
