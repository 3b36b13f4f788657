"""Transactions that survive company: short, locked in one order, repeated when the database picked us as the victim."""

import random
import time
from collections.abc import Callable

import frappe

from oropendola_payments.exceptions import ConcurrentChange

TRIES = 6
VICTIM = (frappe.QueryDeadlockError, frappe.QueryTimeoutError, ConcurrentChange)


def in_transaction(work: Callable, *args, **kwargs):
	"""The result of `work`, committed. What the caller wrote before is committed first.

	Starting afresh matters twice: no lock is held from before, and the first plain read after the invoice's lock sees what the
	last holder of that lock committed.
	"""
	frappe.db.commit()
	for tries_left in reversed(range(TRIES)):
		try:
			result = work(*args, **kwargs)
			frappe.db.commit()
			return result
		except VICTIM:
			frappe.db.rollback()
			if not tries_left:
				raise
			time.sleep(random.uniform(0.01, 0.05) * (TRIES - tries_left))  # noqa: S311
		except Exception:
			frappe.db.rollback()
			raise


def lock(doctype: str, name: str):
	"""The record as it is now, held until the transaction ends. The order is invoice, attempt, capture, subscription."""
	return frappe.get_doc(doctype, name, for_update=True)
