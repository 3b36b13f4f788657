"""How many calls the Python client decides in a second, how often it asks the site, and whether many processes pass a limit together."""

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "clients" / "python" / "src")]

from oropendola_usage import AsyncClient, AsyncMeter, Client, Meter, Refused, Unavailable  # noqa: E402

GOALS = {"decisions a second": 50_000, "decisions for each call": 1_000, "overspent": 0}
# A quota is used up when this worker has been refused for so long: until then others may still give something back.
PATIENCE = 3.0
ENOUGH = 500_000


class CountingClient(Client):
	calls = 0

	def post(self, endpoint, key, values):
		self.calls += 1
		return super().post(endpoint, key, values)


class CountingAsyncClient(AsyncClient):
	calls = 0

	async def post(self, endpoint, key, values):
		self.calls += 1
		return await super().post(endpoint, key, values)


def work(url: str, key: str, decisions: int) -> dict:
	"""Decide so many calls, or until the quota is used up."""
	client = CountingClient(url)
	with Meter(client) as meter:
		begin, passed, refused_since = time.perf_counter(), 0, None
		while passed < decisions:
			try:
				meter.check(key)
			except (Refused, Unavailable):
				now = time.perf_counter()
				refused_since = refused_since or now
				if now - refused_since > PATIENCE:
					break
				time.sleep(0.02)
			else:
				passed, refused_since = passed + 1, None
		seconds = (refused_since or time.perf_counter()) - begin
	return {"passed": passed, "seconds": seconds, "calls": client.calls}


async def work_async(url: str, key: str, decisions: int) -> dict:
	client = CountingAsyncClient(url)
	async with AsyncMeter(client) as meter:
		begin = time.perf_counter()
		for _number in range(decisions):
			await meter.check(key)
		seconds = time.perf_counter() - begin
	return {"passed": decisions, "seconds": seconds, "calls": client.calls}


class Site:
	"""A bench's site, or one of benchless that lives as long as this program."""

	def __init__(self, url: str, key_of: Callable[[int], tuple[str, str]], left: Callable[[str], int]):
		self.url, self.customer, self.left = url, key_of, left


@contextmanager
def bench_site(name: str, url: str):
	import frappe

	frappe.init(site=name, sites_path=".")
	frappe.connect()
	try:
		yield Site(url, *_customers())
	finally:
		frappe.destroy()


@contextmanager
def benchless_site():
	sys.path[:0] = [str(ROOT), str(ROOT / "benchless" / "host")]
	import frappe

	from benchless import site as sites
	from benchless.server import Server

	with tempfile.TemporaryDirectory() as folder:
		path = Path(folder, "bench.localhost")
		sites.create_site(
			path, apps=["oropendola_payments"], config={"allow_tests": True, "developer_mode": 1}
		)
		server = Server(path, 0)
		server.start()
		sites.connect(path)
		try:
			yield Site(f"http://127.0.0.1:{server.port}", *_customers())
		finally:
			frappe.destroy()
			server.close()


def _customers():
	import frappe

	from oropendola_payments.engine.keys.rotate import rotate
	from oropendola_payments.tests.support.factories import create_active_subscription

	def customer(limit: int) -> tuple[str, str]:
		doc = create_active_subscription(requests_limit_per_day=limit)
		key = rotate(doc.user, doc.name)["api_key"]
		frappe.db.commit()
		return doc.name, key

	def left(subscription: str) -> int:
		frappe.db.rollback()
		return frappe.db.get_value("AI Subscription", subscription, "daily_quota_remaining")

	return customer, left


def in_processes(count: int, kind: str, url: str, key: str, decisions: int) -> list[dict]:
	command = [sys.executable, __file__, "--worker", kind, "--url", url, "--decisions", str(decisions)]
	workers = [
		subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
		for _n in range(count)
	]
	for worker in workers:
		worker.stdin.write(f"{key}\n")
		worker.stdin.flush()
	return [json.loads(worker.communicate()[0]) for worker in workers]


def measure(site: Site, processes: int, limit: int):
	for kind in ("threads", "event loop"):
		_name, key = site.customer(0)
		(one,) = in_processes(1, kind, site.url, key, ENOUGH)
		rate, each = one["passed"] / one["seconds"], one["passed"] / one["calls"]
		show(f"one process, {kind}: decisions a second", rate, GOALS["decisions a second"])
		show(f"one process, {kind}: decisions for each call", each, GOALS["decisions for each call"])
	name, key = site.customer(limit)
	results = in_processes(processes, "threads", site.url, key, limit)
	passed, calls = (sum(result[field] for result in results) for field in ("passed", "calls"))
	show(f"{processes} processes, limit {limit}: passed", passed, limit)
	show("decisions for each call", passed / calls, GOALS["decisions for each call"])
	show("overspent", max(0, passed - limit), GOALS["overspent"])
	show("not accounted for", limit - passed - site.left(name), 0)


def show(what: str, figure: float, goal: float):
	print(f"{what:58}{figure:12,.0f}   goal {goal:,.0f}", flush=True)


def main():
	parser = argparse.ArgumentParser(description=__doc__)
	parser.add_argument("--site", help="a bench's site; without it, one of benchless is made")
	parser.add_argument("--url", default="http://127.0.0.1:8000", help="the web server of the bench")
	parser.add_argument("--processes", type=int, default=8)
	parser.add_argument(
		"--limit", type=int, default=1_000_000, help="the daily quota that all processes share"
	)
	parser.add_argument("--worker", choices=("threads", "event loop"), help=argparse.SUPPRESS)
	parser.add_argument("--decisions", type=int, default=ENOUGH, help=argparse.SUPPRESS)
	options = parser.parse_args()
	if options.worker:
		arguments = (options.url, sys.stdin.readline().strip(), options.decisions)
		result = work(*arguments) if options.worker == "threads" else asyncio.run(work_async(*arguments))
		print(json.dumps(result))
		return
	with bench_site(options.site, options.url) if options.site else benchless_site() as site:
		measure(site, options.processes, options.limit)


if __name__ == "__main__":
	main()
