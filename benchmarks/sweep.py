"""A sweep over many invoices: statements, seconds, memory above idle. Removes what it made."""

import argparse
import sys
import threading
import time
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

import frappe
from frappe.utils import add_to_date, now_datetime

PREFIX = "BENCHMARK-"
AT_ONCE = 1000
PAGE = 4096
GATEWAY = "payu"


def invoices(count: int, user: str) -> list[dict]:
	before = add_to_date(now_datetime(), hours=-1)
	common = {
		"user": user,
		"status": "Processing",
		"processing_since": before,
		"currency": "INR",
		"purpose": "New",
	}
	money = {
		"net_amount": 499,
		"total_amount": 499,
		"outstanding_amount": 499,
		"creation": before,
		"modified": before,
	}
	return [{"name": f"{PREFIX}{number:07d}", **common, **money} for number in range(count)]


def attempts(rows: list[dict]) -> list[dict]:
	before = add_to_date(now_datetime(), hours=-1)
	common = {
		"gateway": GATEWAY,
		"mode": "Simulator",
		"flow": "redirect",
		"status": "Processing",
		"amount": 499,
		"currency": "INR",
	}
	times = {"initiated_at": before, "creation": before, "modified": before}
	return [
		{"name": f"BM{row['name'][-7:]}", "invoice": row["name"], "user": row["user"], **common, **times}
		for row in rows
	]


def insert(doctype: str, rows: list[dict]):
	for start in range(0, len(rows), AT_ONCE):
		part = rows[start : start + AT_ONCE]
		columns = ", ".join(f"`{column}`" for column in part[0])
		marks = ", ".join(["(" + ", ".join(["%s"] * len(part[0])) + ")"] * len(part))
		frappe.db.sql(
			f"INSERT INTO `tab{doctype}` ({columns}) VALUES {marks}",
			[v for row in part for v in row.values()],
		)
		frappe.db.commit()


def remove():
	for doctype, column in (
		("AI Payment Reminder", "invoice"),
		("Payment Event", "invoice"),
		("Payment Attempt", "invoice"),
		("AI Invoice", "name"),
	):
		frappe.db.sql(f"DELETE FROM `tab{doctype}` WHERE `{column}` LIKE %s", (f"{PREFIX}%",))
		frappe.db.commit()


class Memory:
	"""The most memory that this process held while it was watched."""

	def __init__(self):
		self.idle = self.most = self.now()
		self._over = threading.Event()
		self._watch = threading.Thread(target=self._look, daemon=True)

	@staticmethod
	def now() -> int:
		return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE

	def _look(self):
		while not self._over.wait(0.05):
			self.most = max(self.most, self.now())

	def __enter__(self):
		self._watch.start()
		return self

	def __exit__(self, *error):
		self._over.set()
		self._watch.join()


@contextmanager
def counted():
	database, seen = frappe.db.__class__, Counter()
	original = database.sql

	def sql(db, query, *args, **kwargs):
		seen[sys.intern(str(query)[:6].lower())] += 1
		return original(db, query, *args, **kwargs)

	with patch.object(database, "sql", sql):
		yield seen


def measure(what: str, count: int, batch: int, work):
	"""Run the job and print what it cost. Returns what it returned."""
	with Memory() as memory, counted() as seen:
		begin = time.perf_counter()
		result = work()
		seconds = time.perf_counter() - begin
	statements = seen["select"] + seen["update"] + seen["insert"]
	batches = -(-count // batch)
	print(f"{what}: {count} in {seconds:.1f} s")
	print(
		f"{statements} statements: {statements / batches:.1f} a batch of {batch}, {statements / count:.3f} each"
	)
	print(
		f"memory: {memory.idle / 1e6:.0f} MB idle, {(memory.most - memory.idle) / 1e6:.1f} MB above at most"
	)
	return result


def left(status: str, doctype: str = "AI Invoice", column: str = "name") -> int:
	query = f"SELECT COUNT(*) FROM `tab{doctype}` WHERE `{column}` LIKE %s AND status <> %s"
	return frappe.db.sql(query, (f"{PREFIX}%", status))[0][0]


def abandoned(count: int, asked: int):
	from oropendola_payments.engine.inbound import abandonment
	from oropendola_payments.engine.jobs import payment_jobs
	from oropendola_payments.tests.support.factories import create_user, enable_gateway
	from oropendola_payments.tests.support.simulated import simulator

	simulator()
	enable_gateway(GATEWAY)
	rows = invoices(count, create_user())
	insert("AI Invoice", rows)
	insert("Payment Attempt", attempts(rows[:: max(1, count // asked)] if asked else []))
	del rows
	payment_jobs.run_refunds()  # fills the caches
	measure("abandoned invoices", count, abandonment.BATCH, payment_jobs.run_abandoned)
	print(f"{asked} of them had an open attempt; {left('Abandoned')} were not abandoned")


def reminders(count: int, asked: int):
	"""Plan reminders for invoices that fell due yesterday; then send some, and stop those of invoices that were cancelled."""
	from oropendola_payments.engine.core.batch import BATCH
	from oropendola_payments.engine.dunning import planning, sending
	from oropendola_payments.tests.support.factories import create_user

	yesterday = {"status": "Pending", "due_date": add_to_date(now_datetime(), days=-1).date()}
	insert("AI Invoice", [{**row, **yesterday} for row in invoices(count, create_user())])
	measure("planned", count, BATCH, planning.plan_all)
	planned = {"invoice": ("like", f"{PREFIX}%")}
	print(f"{frappe.db.count('AI Payment Reminder', planned)} reminders")
	frappe.db.sql(
		"UPDATE `tabAI Payment Reminder` SET planned_for = NOW() - INTERVAL 1 MINUTE WHERE invoice LIKE %s",
		(f"{PREFIX}%",),
	)
	frappe.db.sql(
		"UPDATE `tabAI Invoice` SET status = 'Cancelled' WHERE name LIKE %s AND name >= %s",
		(f"{PREFIX}%", f"{PREFIX}{asked:07d}"),
	)
	frappe.db.commit()
	due = frappe.db.count("AI Payment Reminder", {**planned, "planned_for": ("<=", now_datetime())})
	measure("due", due, BATCH, sending.send_due)


JOBS = {"abandoned": abandoned, "reminders": reminders}


def main():
	parser = argparse.ArgumentParser(description=__doc__)
	parser.add_argument("--site", required=True)
	parser.add_argument("--job", choices=JOBS, default="abandoned")
	parser.add_argument("--invoices", type=int, default=100_000)
	parser.add_argument(
		"--asked",
		type=int,
		default=1000,
		help="how many of them have an open attempt, or get their reminders",
	)
	options = parser.parse_args()
	frappe.init(site=options.site, sites_path=".")
	frappe.connect()
	try:
		JOBS[options.job](options.invoices, options.asked)
	finally:
		from oropendola_payments.tests.support.simulated import close_simulator

		frappe.db.rollback()
		remove()
		close_simulator()
		frappe.destroy()


if __name__ == "__main__":
	main()
