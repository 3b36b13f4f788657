"""Background work that follows a payment: it starts after the commit, so a failure cannot undo the payment."""

from typing import Any

import frappe


def enqueue(method: str, **arguments: Any) -> None:
	"""Enqueue a method; call this after the commit. If the queue is down, the error is logged and a sweep does the work later."""
	try:
		frappe.enqueue(method, queue="short", enqueue_after_commit=False, **arguments)
	except Exception:
		frappe.log_error(title=f"Could not queue {method}"[:140], message=frappe.get_traceback())


def enqueue_after_commit(method: str, **arguments: Any) -> None:
	"""As `enqueue`, for a caller whose transaction is still open."""
	frappe.db.after_commit.add(lambda: enqueue(method, **arguments))
