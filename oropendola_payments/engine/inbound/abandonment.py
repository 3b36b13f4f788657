"""Abandoned payments: query the gateway first, and close only invoices that are certainly unpaid.

SQL runs once for each batch; only the status query is sent for each open attempt. An attempt whose status changed is settled
by itself.
"""

from datetime import datetime

import frappe
from frappe.utils import add_to_date, cint, get_datetime, now_datetime

from oropendola_payments.ai_billing.doctype.ai_invoice.ai_invoice import AIInvoice
from oropendola_payments.ai_billing.doctype.payment_attempt.payment_attempt import OPEN, PaymentAttempt
from oropendola_payments.engine.core import after_commit
from oropendola_payments.engine.core.batch import BATCH, next_names
from oropendola_payments.engine.core.transactions import in_transaction, read, write_through
from oropendola_payments.engine.gateway import polling
from oropendola_payments.engine.gateway.mode_guard import says_nothing
from oropendola_payments.engine.inbound.status_query import RefreshRun, query_status, settle_all
from oropendola_payments.engine.settlement.attempt_outcomes import ABANDONED_REASON, close_attempt
from oropendola_payments.gateways.base import Gateway, Outcome, PaymentEvent, RefundEvent

# The gateway holds no money, so an old attempt may be closed.
UNPAID = (Outcome.PENDING, Outcome.NOT_FOUND)


def abandon_due(minutes: int) -> int:
	"""Abandon invoices that have been Processing for too long. Return how many were checked."""
	seen, last = 0, ""
	run = RefreshRun()
	while True:
		names = _due(minutes, last)
		_process_batch(names, run, minutes)
		seen += len(names)
		if len(names) < BATCH:
			return seen
		last = names[-1]


def _due(minutes: int, last: str) -> list[str]:
	return next_names(
		"AI Invoice", {"status": "Processing", "processing_since": ("<", _before(minutes))}, last, BATCH
	)


def _process_batch(names: list[str], run: RefreshRun, minutes: int) -> None:
	"""Process a batch. If it fails, process its invoices one by one, so that one bad record does not block the others."""
	try:
		if names:
			_abandon_batch(names, run, minutes)
	except Exception:
		frappe.db.rollback()
		title = (
			f"Invoice {names[0]} could not be abandoned"
			if len(names) == 1
			else "A batch of invoices could not be abandoned; it is split"
		)
		frappe.log_error(title=title[:140], message=frappe.get_traceback())
		frappe.db.commit()
		for name in names if len(names) > 1 else ():
			_process_batch([name], run, minutes)


def _abandon_batch(names: list[str], run: RefreshRun, minutes: int) -> None:
	# Money in transit has a schedule of its own, and its invoices are left alone.
	attempts = [attempt for attempt in _open_attempts(names) if not attempt.in_transit]
	write_through(_note_checks, attempts)
	left = [attempt.name for attempt in attempts if _is_unpaid(attempt, run)]
	closed = in_transaction(_abandon_locked, names, left, minutes)
	if closed:
		after_commit.enqueue(
			"oropendola_payments.engine.notifications.hooks.payments_failed",
			queue=after_commit.MAILS,
			attempts=closed,
		)


def _open_attempts(invoices: list[str]) -> list:
	still_open = "`invoice` IN %s AND `status` IN %s ORDER BY `name`"
	return read("Payment Attempt", still_open, (tuple(invoices), OPEN))


def _note_checks(attempts: list) -> None:
	"""Record the status query. The next check is set by its outcome."""
	if attempts:
		table = frappe.qb.DocType("Payment Attempt")
		query = frappe.qb.update(table).set(table.last_check_at, now_datetime())
		query = query.set(table.check_count, table.check_count + 1)
		query.where(table.name.isin([attempt.name for attempt in attempts])).run()


def _is_unpaid(attempt: PaymentAttempt, run: RefreshRun) -> bool:
	"""Query the gateway. Return False if it reported anything else than unpaid (which is settled now), or could not be queried."""
	try:
		with run.adapter_for(attempt) as adapter:
			return adapter is not None and not _settle_changes(attempt, adapter)
	except Exception:
		frappe.db.rollback()
		title = f"The status of Payment Attempt {attempt.name} could not be checked"
		frappe.log_error(title=title[:140], message=frappe.get_traceback())
		frappe.db.commit()
		return False


def _settle_changes(attempt: PaymentAttempt, adapter: Gateway) -> list[PaymentEvent | RefundEvent]:
	"""Settle and return what speaks against giving the payment up."""
	events = query_status(attempt, adapter)
	news = [event for event in events if not _says_unpaid(event)]
	settle_all(attempt, news, adapter)
	return news or [event for event in events if says_nothing(attempt, event)]


def _says_unpaid(event: PaymentEvent | RefundEvent) -> bool:
	return isinstance(event, PaymentEvent) and event.outcome in UNPAID and not event.in_transit


def _abandon_locked(invoice_names: list[str], unpaid: list[str], minutes: int) -> list[str]:
	"""Close what is still unpaid and return one attempt for each invoice. Records that changed in the meantime are left alone."""
	# By name, so that two sweeps lock in the same order.
	processing = "`name` IN %s AND `status` = 'Processing' ORDER BY `name` FOR UPDATE"
	invoices = read("AI Invoice", processing, (tuple(invoice_names),))
	invoices = [invoice for invoice in invoices if get_datetime(invoice.processing_since) < _before(minutes)]
	if not invoices:
		return []
	still_open = "`invoice` IN %s AND `status` IN %s ORDER BY `name` FOR UPDATE"
	attempts = read("Payment Attempt", still_open, (tuple(i.name for i in invoices), OPEN))
	blocked = {attempt.invoice for attempt in attempts if not _can_be_abandoned(attempt, unpaid, minutes)}
	left = {invoice.name: invoice for invoice in invoices if invoice.name not in blocked}
	closing = [attempt for attempt in attempts if attempt.invoice in left]
	_return_to_partly_paid(left, closing)
	unpaid_ones = {name: invoice for name, invoice in left.items() if not invoice.paid()}
	closing = [attempt for attempt in closing if attempt.invoice in unpaid_ones]
	_abandon(unpaid_ones, closing)
	return list({attempt.invoice: attempt.name for attempt in closing}.values())


def _abandon(invoices: dict, attempts: list) -> None:
	for attempt in attempts:
		invoices[attempt.invoice].record(
			"attempt_expired", attempt, attempt.status, "Expired", reason=ABANDONED_REASON
		)
	PaymentAttempt.expire_many(
		attempts, ABANDONED_REASON, {a.name: polling.next_check(a, closed=True) for a in attempts}
	)
	AIInvoice.abandon_many(list(invoices.values()), ABANDONED_REASON)


def _return_to_partly_paid(invoices: dict, attempts: list) -> None:
	"""Close the attempts of partly paid invoices, which become Partly Paid again instead of Abandoned."""
	for attempt in attempts:
		invoice = invoices[attempt.invoice]
		if invoice.paid():
			close_attempt(invoice, attempt, PaymentEvent(Outcome.EXPIRED, reference=attempt.name))
	for invoice in invoices.values():
		if invoice.paid() and invoice.status == "Processing":  # none of its attempts is open
			invoice.mark_as_partly_paid(invoice.paid())


def _can_be_abandoned(attempt: PaymentAttempt, unpaid: list[str], minutes: int) -> bool:
	"""Return whether an attempt is old, was just reported unpaid, and no money of it is authorized or in transit."""
	old = get_datetime(attempt.initiated_at) <= _before(minutes)
	may_bring_money = attempt.status == "Authorized" or attempt.in_transit
	return old and attempt.name in unpaid and not may_bring_money


def _before(minutes: int) -> datetime:
	return add_to_date(now_datetime(), minutes=-cint(minutes))
