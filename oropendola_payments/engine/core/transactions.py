"""Transactions for concurrent requests: short, locks in a fixed order, retried after a deadlock or lock timeout."""

import random
import time
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import frappe
from frappe import _

from oropendola_payments.ai_billing import outbox
from oropendola_payments.ai_billing.doctype.ai_invoice.ai_invoice import AIInvoice
from oropendola_payments.ai_billing.doctype.payment_attempt.payment_attempt import PaymentAttempt
from oropendola_payments.ai_billing.doctype.payment_event import payment_event
from oropendola_payments.compat import commit, is_conflict, see_what_is_committed
from oropendola_payments.exceptions import ConcurrentChange, NotFound

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


def in_transaction(work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
	"""Run `work` in a new transaction, commit it and return its result. The caller's own changes are committed first.

	The new transaction holds no earlier locks, and its snapshot starts after the invoice's lock, so it sees what the last
	holder of that lock committed.
	"""
	commit()
	outer, frappe.flags.oropendola_transaction = frappe.flags.oropendola_transaction, True
	try:
		return _try(work, *args, **kwargs)
	finally:
		frappe.flags.oropendola_transaction = outer


def _try(work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
	tries_left = MAX_TRIES
	while True:
		tries_left -= 1
		try:
			see_what_is_committed()
			result = work(*args, **kwargs)
			commit()
			return result
		except Exception as error:
			roll_back()
			if not tries_left or not (isinstance(error, ConcurrentChange) or is_conflict(error)):
				raise
			time.sleep(random.uniform(0.01, 0.05) * (MAX_TRIES - tries_left))  # noqa: S311


def write_through(work: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> None:
	"""Run and commit a small write about something that was read before, if need be in a new transaction.

	As `in_transaction`, without the commit before it: the caller has changed nothing yet.
	"""
	try:
		work(*args, **kwargs)
		commit()
	except Exception as error:
		roll_back()
		if not is_conflict(error):
			raise
		in_transaction(work, *args, **kwargs)


def tried(work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R | None:
	"""Return what it returns, or None, and roll back, if another transaction was in the way. For callers with another way to go on."""
	try:
		return work(*args, **kwargs)
	except Exception as error:
		if not is_conflict(error):
			raise
		roll_back()
		return None


def roll_back() -> None:
	"""Roll back, and forget the events of this transaction.

	When a commit fails, Frappe has dropped the callbacks that would do so. What stays queued would look as if it were to be
	written, and the events of the next transactions would not be.
	"""
	frappe.db.rollback()
	outbox.discard()
	payment_event.discard()


def lock(doctype: str, name: str | None) -> Any:
	"""Return the current record, locked until the transaction ends. Lock in this order: invoice, attempt, capture, subscription."""
	rows = read(doctype, "`name` = %s FOR UPDATE", (name,))
	if not rows:
		raise frappe.DoesNotExistError(_("There is no {0} {1}.").format(_(NOUNS.get(doctype, doctype)), name))
	return rows[0]


def lock_own_invoice(user: str, name: str) -> AIInvoice:
	"""Return the locked invoice of this user. A foreign one and a missing one get the same refusal."""
	rows = read("AI Invoice", "`name` = %s AND `user` = %s FOR UPDATE", (name, user))
	if not rows:
		raise NotFound(_("You have no invoice {0}.").format(name))
	return rows[0]


def read(doctype: str, where: str, values: tuple) -> list:
	"""Return whole records with one SQL statement: here the query builder takes longer than the database."""
	rows = frappe.db.sql(f"SELECT * FROM `tab{doctype}` WHERE {where}", values, as_dict=True)  # noqa: S608
	return [frappe.get_doc({"doctype": doctype, **row}) for row in rows]


def safely(work: Callable[..., object], what: str = "a step after the payment") -> None:
	"""Run and commit `work`. If it fails, roll back and log the error instead of raising it."""
	try:
		work()
		frappe.db.commit()
	except Exception:
		roll_back()
		frappe.log_error(title=f"Payments: {what} failed"[:140], message=frappe.get_traceback())
		frappe.db.commit()


def lock_attempt(attempt: PaymentAttempt) -> tuple[AIInvoice, PaymentAttempt]:
	"""Lock and return the invoice and the attempt. Read nothing before: a plain read would start the snapshot too early."""
	return lock("AI Invoice", attempt.invoice), lock("Payment Attempt", attempt.name)
