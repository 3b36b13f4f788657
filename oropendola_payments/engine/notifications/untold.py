"""Mails about payments and refunds are sent once, also when the queue was emptied or the worker died before they were."""

from collections.abc import Callable
from datetime import timedelta
from typing import TypeAlias

import frappe
from frappe.utils import now_datetime

from oropendola_payments.ai_billing.doctype.payment_capture.payment_capture import PaymentCapture
from oropendola_payments.ai_billing.doctype.payment_refund.payment_refund import PaymentRefund
from oropendola_payments.engine.core import after_commit
from oropendola_payments.engine.core.gathered import gather
from oropendola_payments.engine.core.transactions import in_transaction, safely

Record: TypeAlias = PaymentCapture | PaymentRefund
HOOKS = "oropendola_payments.engine.notifications.hooks"
PAYMENT_SUCCEEDED = f"{HOOKS}.payment_succeeded"
# The first job gets so long. A queue that is fuller than that sends nothing twice, it only gets a second job.
LOST_AFTER = timedelta(minutes=10)
# After this a receipt would only puzzle its reader.
TOO_LATE = timedelta(days=7)
AT_ONCE = 500


class ToldByAnother(Exception):
	"""Another job was faster."""


def tell_soon(capture: str) -> None:
	"""Have a job send the receipt. Call this after the commit."""
	gather(PAYMENT_SUCCEEDED, capture)


def tell_once(record: Record, tell: Callable[[], None]) -> bool:
	"""Queue the mail and mark the record in one transaction. Return False if another job was faster, whose mail is sent instead.

	A mail that cannot be made is logged and not tried again.
	"""
	try:
		in_transaction(_tell_and_mark, record, tell)
	except ToldByAnother:
		return False
	except Exception:
		frappe.log_error(title=f"{record.doctype} {record.name} could not be told"[:140])
		mark_as_told(record)
	return True


def _tell_and_mark(record: Record, tell: Callable[[], None]) -> None:
	tell()
	if not record.mark_as_told():
		raise ToldByAnother


def mark_as_told(record: Record) -> None:
	"""Note that there is nothing to send."""
	safely(record.mark_as_told)


def tell_untold() -> int:
	"""Queue again what was lost, or waits so long that it could be. Return how many."""
	captures = _names("Payment Capture", "creation")
	refunds = _names("Payment Refund", "completed_at")
	for name in captures:
		tell_soon(name)
	for name in refunds:
		_enqueue("refund_finished", name, refund=name)
	return len(captures) + len(refunds)


def unsent_documents() -> dict[str, list[str]]:
	"""Return the tax documents that were issued and not sent, by invoice. The mail that brings them is repeated before."""
	now = now_datetime()
	lost = {"untold": 1, "creation": ("between", (now - TOO_LATE, now - 2 * LOST_AFTER))}
	rows = frappe.get_all(
		"AI Tax Document", lost, ["name", "invoice"], order_by="creation, name", limit=AT_ONCE
	)
	numbers: dict[str, list[str]] = {}
	for row in rows:
		numbers.setdefault(row.invoice, []).append(row.name)
	return numbers


def _names(doctype: str, moment: str) -> list[str]:
	now = now_datetime()
	when = {moment: ("between", (now - TOO_LATE, now - LOST_AFTER))}
	return frappe.get_all(doctype, {"untold": 1, **when}, pluck="name", order_by=moment, limit=AT_ONCE)


def _enqueue(hook: str, name: str, **argument: str) -> None:
	after_commit.enqueue_once(f"{HOOKS}.{hook}", f"told-{name}", queue=after_commit.MAILS, **argument)
