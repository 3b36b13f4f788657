"""Process many records with bounded memory. A record that fails is logged and left for the next run."""

import operator
from collections.abc import Callable
from functools import partial

import frappe

from oropendola_payments.engine.core.after_commit import SWEEPS, enqueue_once
from oropendola_payments.engine.core.dead_jobs import revive_schedule
from oropendola_payments.engine.core.transactions import roll_back

BATCH = 200
SWEEP_SECONDS = 1500
COMPARISONS = {
	"=": operator.eq,
	"<": operator.lt,
	"<=": operator.le,
	">=": operator.ge,
	"in": lambda column, values: column.isin(values),
}


def enqueue_sweep(function: str) -> None:
	"""Enqueue a sweep, unless it is queued or running already. Not run by cron itself, whose jobs have only 300 seconds."""
	revive_schedule()
	enqueue_once(function, function.rpartition(".")[2], queue=SWEEPS, timeout=SWEEP_SECONDS)


def for_each(doctype: str, filters: dict, work: Callable[[str], object], limit: int | None = None) -> int:
	"""Call `work` with each name, in batches ordered by name. Return the number of records, failed ones included."""
	return for_each_of(doctype, partial(next_names, doctype, filters), work, limit)


def for_each_of(
	doctype: str,
	next_batch: Callable[[str, int], list[str]],
	work: Callable[[str], object],
	limit: int | None = None,
) -> int:
	"""As `for_each`, for names that `next_batch(last, count)` returns: the next ones after `last`, ordered by name."""
	done, last = 0, ""
	while limit is None or done < limit:
		names = next_batch(last, min(BATCH, (limit or BATCH + done) - done))
		for name in names:
			_process(doctype, name, work)
		done += len(names)
		if len(names) < BATCH:
			break
		last = names[-1]
	return done


def next_names(doctype: str, filters: dict, last: str, count: int) -> list[str]:
	"""Return the next names after `last`. Not with `get_all`, which treats an empty date as one in the past."""
	table = frappe.qb.DocType(doctype)
	query = frappe.qb.from_(table).select(table.name).where(table.name > last)
	for field, value in filters.items():
		comparison, operand = value if isinstance(value, tuple) else ("=", value)
		query = query.where(COMPARISONS[comparison](table[field], operand))
	return query.orderby(table.name).limit(count).run(pluck=True)


def _process(doctype: str, name: str, work: Callable[[str], object]) -> None:
	try:
		work(name)
		frappe.db.commit()
	except Exception:
		roll_back()
		frappe.log_error(
			title=f"{doctype} {name} could not be processed"[:140], message=frappe.get_traceback()
		)
		frappe.db.commit()
