"""Transactions that survive company: short, locked in one order, repeated when the database picked us as the victim."""

import random
import time
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import frappe
from frappe import _

from oropendola_payments.ai_billing.doctype.ai_invoice.ai_invoice import AIInvoice
from oropendola_payments.ai_billing.doctype.payment_attempt.payment_attempt import PaymentAttempt
from oropendola_payments.exceptions import ConcurrentChange

P = ParamSpec("P")
R = TypeVar("R")
MAX_TRIES = 6
NOUNS = {
	"AI Invoice": "invoice",
	"AI Subscription": "subscription",
	"Payment Attempt": "payment",
	"Payment Refund": "refund",
	"Payment Webhook Log": "message",
}
RETRYABLE = (frappe.QueryDeadlockError, frappe.QueryTimeoutError, ConcurrentChange)


def in_transaction(work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
	"""The result of `work`, committed. What the caller wrote before is committed first.

	Starting afresh matters twice: no lock is held from before, and the first plain read after the invoice's lock sees what the
	last holder of that lock committed.
	"""
	frappe.db.commit()
	tries_left = MAX_TRIES
	while True:
		tries_left -= 1
		try:
			result = work(*args, **kwargs)
			frappe.db.commit()
			return result
		except RETRYABLE:
			frappe.db.rollback()
			if not tries_left:
				raise
			time.sleep(random.uniform(0.01, 0.05) * (MAX_TRIES - tries_left))  # noqa: S311
		except Exception:
			frappe.db.rollback()
			raise


def lock(doctype: str, name: str | None) -> Any:
	"""The record as it is now, held until the transaction ends. The order is invoice, attempt, capture, subscription."""
	rows = read(doctype, "`name` = %s FOR UPDATE", (name,))
	if not rows:
		raise frappe.DoesNotExistError(_("There is no {0} {1}.").format(_(NOUNS.get(doctype, doctype)), name))
	return rows[0]


def read(doctype: str, where: str, values: tuple) -> list:
	"""Whole records in one plain statement: the query builder costs more than the database here."""
	rows = frappe.db.sql(f"SELECT * FROM `tab{doctype}` WHERE {where}", values, as_dict=True)  # noqa: S608
	return [frappe.get_doc({"doctype": doctype, **row}) for row in rows]


def safely(work: Callable[..., object]) -> None:
	"""Commit what `work` did; when it fails, undo it, log it and go on."""
	try:
		work()
		frappe.db.commit()
	except Exception:
		frappe.db.rollback()
		frappe.log_error(title="Payments: a step after the payment failed", message=frappe.get_traceback())
		frappe.db.commit()


def lock_attempt(attempt: PaymentAttempt) -> tuple[AIInvoice, PaymentAttempt]:
	"""Nothing may be read before the invoice's lock: a plain read would fix what later reads can see."""
	return lock("AI Invoice", attempt.invoice), lock("Payment Attempt", attempt.name)
