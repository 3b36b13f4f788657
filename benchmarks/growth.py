"""Fill a site with up to a million invoices and all that belongs to them, measure what each path reads of it, compare two sites.

The figures that hold on every machine are statements and the rows that MariaDB read. Seconds are of this machine.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import frappe

GOALS = {"path": 1.2, "view": 2.0}
FEW = 50  # with fewer rows than this, a ratio means nothing
WARM = 2


def fill(options):
	from oropendola_payments.tests.growth import generator

	begin = time.perf_counter()
	for doctype, count in generator.fill(options.scale).items():
		print(f"{count:>10} {doctype}")
	print(f"filled in {time.perf_counter() - begin:.0f} s")


def clear(_options):
	from oropendola_payments.tests.growth import generator

	generator.clear()


# Measure ------------------------------------------------------------------------------------------


def measure(options):
	from oropendola_payments.tests.growth import desk, jobs, paths
	from oropendola_payments.tests.support.simulated import simulator

	simulator()
	jobs.postpone()
	found = json.loads(Path(options.out).read_text()) if options.only and Path(options.out).exists() else {}
	groups = {
		"path": (paths.paths(), options.rounds),
		"view": ({name: _again(work) for name, work in desk.views().items()}, options.rounds),
		"job": ({name: _again(work) for name, work in jobs.jobs().items()}, 1),
		"rule": ({name: _again(work) for name, work in jobs.rules().items()}, 1),
		"verify": ({name: _again(work) for name, work in jobs.verification().items()}, 1),
	}
	for group, (works, rounds) in groups.items():
		for name, prepare in works.items():
			if _is_wanted(f"{group} {name}", options):
				found[name] = {"group": group, **_figures(name, prepare, rounds)}
				Path(options.out).write_text(json.dumps(found, indent="\t"))


def _is_wanted(name: str, options) -> bool:
	is_named = not options.only or any(part in name for part in options.only)
	return is_named and not any(part in name for part in options.skip)


def _again(work: Callable) -> Callable:
	return lambda: work


def _figures(name: str, prepare: Callable, rounds: int) -> dict:
	"""Return the figures of the last round. The first ones fill the caches."""
	from oropendola_payments.tests.growth.meter import measured

	readings = []
	for _round in range(rounds + (WARM if rounds > 1 else 0)):
		try:
			work = prepare()
			frappe.db.commit()
			with measured() as reading:
				work()
			frappe.db.rollback()
			readings.append(reading)
		except Exception as error:
			frappe.db.rollback()
			print(f"{name}: {type(error).__name__}: {error}"[:400])
			return {"error": str(error)[:400]}
	last, most = readings[-1], readings[-1].most_rows()
	figures = {
		"statements": len(last.statements),
		"rows": last.rows,
		"seconds": round(statistics.median(reading.seconds for reading in readings[-rounds:]), 4),
		"memory": last.memory,
		"most": most.text[:1500] if most else "",
		"most_rows": most.rows if most else 0,
	}
	print(f"{figures['statements']:>5} {figures['rows']:>9} {figures['seconds']:>8.3f} s  {name}", flush=True)
	return figures


# Compare ------------------------------------------------------------------------------------------


def compare(options):
	small, large = (json.loads(Path(name).read_text()) for name in (options.small, options.large))
	print("| what | statements | rows read, small | rows read, large | ratio | time | memory MB | |")
	print("|---|---|---|---|---|---|---|---|")
	for name, figures in large.items():
		before = small.get(name)
		if not before or "error" in before or "error" in figures:
			print(f"| {name} | | | | | | | error |")
			continue
		ratio = max(figures["rows"], FEW) / max(before["rows"], FEW)
		goal = GOALS.get(figures["group"])
		verdict = "" if goal is None else "yes" if ratio <= goal else "**no**"
		seconds = figures["seconds"] / max(before["seconds"], 0.001)
		if not options.failed or verdict == "**no**" or (goal is None and ratio > GOALS["view"]):
			print(
				f"| {name} | {figures['statements']} | {before['rows']} | {figures['rows']} | {ratio:.1f} | {seconds:.1f}"
				f" | {figures['memory'] / 1e6:.1f} | {verdict} |"
			)


def main():
	parser = argparse.ArgumentParser(description=__doc__)
	commands = parser.add_subparsers(dest="command", required=True)
	for name, run in (("fill", fill), ("clear", clear), ("measure", measure)):
		command = commands.add_parser(name)
		command.set_defaults(run=run)
		command.add_argument("--site", required=True)
		if name == "fill":
			command.add_argument("--scale", type=float, default=1, help="1 makes a million invoices")
		if name == "measure":
			command.add_argument("--out", required=True, help="the file for the figures")
			command.add_argument("--rounds", type=int, default=3)
			command.add_argument(
				"--only", nargs="*", default=[], help="parts of the names to measure; others stay in the file"
			)
			command.add_argument("--skip", nargs="*", default=[], help="parts of the names to leave out")
	command = commands.add_parser("compare")
	command.set_defaults(run=compare, site=None)
	command.add_argument("small")
	command.add_argument("large")
	command.add_argument("--failed", action="store_true", help="only what grows more than it may")
	options = parser.parse_args()
	if not options.site:
		return options.run(options)
	frappe.init(site=options.site, sites_path=".")
	frappe.connect()
	try:
		options.run(options)
	finally:
		from oropendola_payments.tests.support.simulated import close_simulator

		close_simulator()
		frappe.db.rollback()
		frappe.destroy()


if __name__ == "__main__":
	main()
