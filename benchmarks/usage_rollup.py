"""Sum up many rows of the usage ledger: rows a second, statements, memory above idle. Removes what it made."""

import argparse
import time

import frappe
from sweep import Memory, counted, insert

PREFIX = "BENCHMARK-"
SUBSCRIPTIONS, DAYS, MODELS = 500, 20, 4
FIRST = 20_000
COPY = """
	INSERT INTO `tabAI Usage Entry` (name, creation, modified, owner, modified_by, subscription, api_key, event_id, kind, source,
		day, model, requests, input_tokens, output_tokens, units, rolled_up)
	SELECT CONCAT('BENCHMARK-', LPAD(@number := @number + 1, 30, '0')), creation, modified, owner, modified_by, subscription, api_key,
		event_id, kind, source, day, model, requests, input_tokens, output_tokens, units, 0
	FROM `tabAI Usage Entry` WHERE subscription LIKE 'BENCHMARK-%%' LIMIT {count}
"""


def rows(count: int) -> list[dict]:
	now = frappe.utils.now()
	common = {
		"creation": now,
		"modified": now,
		"owner": "Administrator",
		"modified_by": "Administrator",
		"event_id": "event",
		"kind": "Use",
		"source": "Plan",
		"requests": 1,
		"input_tokens": 900,
		"output_tokens": 100,
		"units": 1000,
		"rolled_up": 0,
	}
	day = frappe.utils.getdate()
	return [
		{
			"name": f"{PREFIX}{number:030d}",
			"subscription": f"{PREFIX}{number % SUBSCRIPTIONS:04d}",
			"api_key": f"{PREFIX}{number % (2 * SUBSCRIPTIONS):04d}",
			"day": frappe.utils.add_days(day, -(number // SUBSCRIPTIONS % DAYS)),
			"model": f"model-{number % MODELS}",
			**common,
		}
		for number in range(count)
	]


def fill(count: int):
	insert("AI Usage Entry", rows(min(FIRST, count)))
	made = min(FIRST, count)
	# Names in order: the index of random ones would take most of the time.
	frappe.db.sql("SET @number := %s", (made,))
	while made < count:
		part = min(made, count - made, 500_000)
		frappe.db.sql(COPY.format(count=part))
		frappe.db.commit()
		made += part


def remove():
	for doctype in ("AI Usage Entry", "AI Usage Day"):
		while frappe.db.sql(
			f"DELETE FROM `tab{doctype}` WHERE subscription LIKE 'BENCHMARK-%%' LIMIT 50000"
		) or (frappe.db._cursor.rowcount):
			frappe.db.commit()
		frappe.db.commit()


def run(count: int):
	from oropendola_payments.engine.usage_ledger import rollup

	rollup.roll_up()  # what is there already, and the caches
	fill(count)
	with Memory() as memory, counted() as seen:
		begin = time.perf_counter()
		done = rollup.roll_up()
		seconds = time.perf_counter() - begin
	summed = frappe.db.sql(
		"SELECT COUNT(*), SUM(entries), SUM(requests) FROM `tabAI Usage Day` WHERE subscription LIKE 'BENCHMARK-%%'"
	)[0]
	batches = -(-done // rollup.BATCH)
	print(f"{done} rows into {summed[0]} sums in {seconds:.1f} s, {done / seconds:.0f} rows a second")
	print(f"the sums hold {summed[1]} rows with {summed[2]} requests")
	print(f"{seen.total()} statements, {seen.total() / batches:.1f} a batch of {rollup.BATCH}")
	print(
		f"memory: {memory.idle / 1e6:.0f} MB idle, {(memory.most - memory.idle) / 1e6:.1f} MB above at most"
	)


def main():
	parser = argparse.ArgumentParser(description=__doc__)
	parser.add_argument("--site", required=True)
	parser.add_argument("--rows", type=int, default=10_000_000)
	options = parser.parse_args()
	frappe.init(site=options.site, sites_path=".")
	frappe.connect()
	try:
		run(options.rows)
	finally:
		frappe.db.rollback()
		remove()
		frappe.destroy()


if __name__ == "__main__":
	main()
