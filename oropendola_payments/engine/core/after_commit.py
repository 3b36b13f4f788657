"""What follows a payment and must never hurt it: it runs in a worker, may fail, and is made up for by a sweep.

Money never waits behind mails: it has the queue `short`, sweeps have `default`, and mails with their PDFs `long`.
"""

from typing import Any

import frappe

MAILS = "long"
SWEEPS = "default"


def enqueue(method: str, queue: str = "short", **arguments: Any) -> None:
	"""Queue work on something that is committed. A queue that is down is logged: sweeps do the work later."""
	try:
		frappe.enqueue(method, queue=queue, enqueue_after_commit=False, **arguments)
	except Exception:
		frappe.log_error(title=f"Could not queue {method}"[:140], message=frappe.get_traceback())


def enqueue_after_commit(method: str, **arguments: Any) -> None:
	"""As `enqueue`, for a caller whose transaction is still open."""
	frappe.db.after_commit.add(lambda: enqueue(method, **arguments))


def enqueue_once(method: str, job: str, /, queue: str = "short", **arguments: Any) -> None:
	"""As `enqueue`, unless a `job` of this name is waiting or running already."""
	enqueue(method, queue, job_id=f"oropendola::{job}", deduplicate=True, **arguments)
