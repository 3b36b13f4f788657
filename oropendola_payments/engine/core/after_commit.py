"""What follows a payment and must never hurt it: it starts after the commit and may fail and be repeated."""

from typing import Any

import frappe


def enqueue(method: str, **arguments: Any) -> None:
	"""Run in a worker after the commit. A queue that is down is logged: sweeps do the work later."""
	try:
		frappe.enqueue(method, queue="short", enqueue_after_commit=False, **arguments)
	except Exception:
		frappe.log_error(title=f"Could not queue {method}"[:140], message=frappe.get_traceback())


def enqueue_after_commit(method: str, **arguments: Any) -> None:
	"""As `later`, for a caller whose transaction is still open."""
	frappe.db.after_commit.add(lambda: enqueue(method, **arguments))
