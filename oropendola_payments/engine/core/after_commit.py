"""Background work after a payment, in a worker. It may fail without harm to the payment, because a sweep repeats it.

Payments use the queue `short`, sweeps `default`, and emails with their PDFs `long`, so that payments never wait for emails.
"""

from contextlib import suppress
from typing import Any

import frappe
from frappe.utils.background_jobs import is_job_enqueued

from oropendola_payments.engine.core.dead_jobs import forget_if_dead

MAILS = "long"
SWEEPS = "default"


def enqueue(method: str, queue: str = "short", **arguments: Any) -> None:
	"""Enqueue a method; call this after the commit. If the queue is down, the error is logged and a sweep does the work later."""
	try:
		frappe.enqueue(method, queue=queue, enqueue_after_commit=False, **arguments)
	except Exception:
		frappe.log_error(title=f"Could not queue {method}"[:140], message=frappe.get_traceback())


def enqueue_after_commit(method: str, **arguments: Any) -> None:
	"""As `enqueue`, for a caller whose transaction is still open."""
	frappe.db.after_commit.add(lambda: enqueue(method, **arguments))


def enqueue_once(method: str, job: str, /, queue: str = "short", **arguments: Any) -> None:
	"""As `enqueue`, unless a job with this id is queued or running already."""
	job_id = f"oropendola::{job}"
	with suppress(Exception):  # `enqueue` logs that the queue is down
		forget_if_dead(job_id)
	enqueue(method, queue, job_id=job_id, deduplicate=True, **arguments)


def is_busy(job: str) -> bool:
	"""Return whether a job with this id is queued or running."""
	job_id = f"oropendola::{job}"
	with suppress(Exception):  # a queue that is down runs nothing
		forget_if_dead(job_id)
		return bool(is_job_enqueued(job_id))
	return False
