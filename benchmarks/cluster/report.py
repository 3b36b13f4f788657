"""The figures of a run, and whether it passed."""

import time

from benchmarks.cluster import verdict
from benchmarks.cluster.figures import median, percentile
from oropendola_payments.tests.support import checks

SHOWN = 5


def show(run) -> int:
	"""Print everything; 0 if each difference is 0."""
	figures = run.figures
	figures.show_counts(
		"Load", "stories", "requests", "answers", "customers'", "pay page", "browsers", "after"
	)
	figures.show_counts("Also", "payments not", "refunds", "keys", "changes", "returns")
	figures.show_counts("Messages of the gateways", "messages")
	figures.show_counts("What went wrong on purpose", "killed", "happened")
	print(f"  {'processes started again':58}{run.nodes.restarts:10,}")
	_show_recovery(run)
	_show_serving(run)
	figures.show_times("Calls")
	_show_money()
	return _show_differences(verdict.differences(run.stories, run.simulator))


def _show_recovery(run) -> None:
	print("\nWho recorded the payments")
	for source, number in verdict.recorded_by():
		print(f"  {source:58}{number:10,}")
	seconds, left = run.caught_up
	print(f"  {'seconds until nothing was due any more':58}{seconds:10,.0f}")
	for what, number in left.items():
		print(f"  {'left then: ' + what:58}{number:10,}")
	run.figures.show_counts("What only the sweeps at the end found", "found", "rounds")


def _show_serving(run) -> None:
	print("\nTime to serve                                  count    median       p99   milliseconds")
	times = verdict.serving_times(run.messages.told)
	for label, is_killing in (("", False), ("with kills", True)):
		found = [seconds for begin, seconds in times if (begin >= run.killing_since) == is_killing]
		_show_line(
			f"message to active key {label}", found, run.figures.seconds.get(f"ping {label}".strip(), [])
		)


def _show_line(what: str, found: list[float], pings: list[float]) -> None:
	if found and pings:
		print(f"  {what:42}{len(found):8,}{median(found):10.0f}{percentile(found, 99):10.0f}", end="")
		print(f"   the median is {median(found) / median(pings):.1f} pings under the same load")


def _show_money() -> None:
	print("\nBooks, in minor units                 payments         taken      refunded")
	site = checks.site_ledger(verdict.WholeSite())
	for (gateway, currency), (number, taken, back) in sorted(verdict.sums(site).items()):
		print(f"  {gateway + ' ' + currency:36}{number:8,}{taken:14,}{back:14,}")


def _show_differences(found: dict[str, list]) -> int:
	print(f"\nDifferences, {time.strftime('%Y-%m-%d %H:%M')}")
	for what, rows in found.items():
		print(f"  {what:58}{len(rows):10,}")
		for row in rows[:SHOWN]:
			print(f"      {row}")
	return int(any(found.values()))
