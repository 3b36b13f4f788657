"""Run the cluster: python -m benchmarks.cluster --bench /path/to/bench --home /path/to/a/folder"""

import argparse
import os
import sys
from pathlib import Path

import frappe

from benchmarks.cluster import report
from benchmarks.cluster.load.shop import open_shop
from benchmarks.cluster.machines.home import SITE, Home
from benchmarks.cluster.run import Run
from oropendola_payments.tests.support.simulated import close_simulator, simulator


def main() -> int:
	options = _options()
	home = Home(options.bench, options.home)
	os.environ.update(home.environment())
	try:
		home.prepare()
		return _run(home, options)
	finally:
		close_simulator()
		home.close()


def _options() -> argparse.Namespace:
	parser = argparse.ArgumentParser(description=__doc__)
	parser.add_argument("--bench", type=Path, required=True, help="its programs are used, its sites are not")
	parser.add_argument("--home", type=Path, required=True, help="kept: the next run needs no new site")
	parser.add_argument("--seconds", type=float, default=600, help="how long processes are killed")
	parser.add_argument("--quiet", type=float, default=60, help="seconds of load before the first kill")
	parser.add_argument("--every", type=float, default=4, help="seconds between two kills, on average")
	parser.add_argument("--people", type=int, default=6, help="customers at a time")
	return parser.parse_args()


def _run(home: Home, options: argparse.Namespace) -> int:
	os.chdir(home.sites)
	frappe.init(site=SITE, sites_path=".")
	frappe.connect()
	gateways = simulator()
	home.configure(payment_simulator_url=gateways.url, host_name=f"http://{SITE}")
	shop = open_shop(int(options.people * (options.quiet + options.seconds) / 3) + 50)
	frappe.destroy()  # the database will go away
	run = Run(home, options, gateways, shop)
	run.whole()
	return report.show(run)


if __name__ == "__main__":
	sys.exit(main())
