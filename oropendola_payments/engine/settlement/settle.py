"""The only code that changes records because of a payment.

Callbacks, webhooks, polling, the Desk and manual payments all end here. Capture, attempt, invoice, subscription, quota, key and
events change in one transaction, so an invoice is never paid without service. Repeating an event changes nothing and is no error.
"""

from collections.abc import Callable

import frappe
from frappe import _

from oropendola_payments.ai_billing.doctype.ai_invoice.ai_invoice import SETTLED, AIInvoice
from oropendola_payments.ai_billing.doctype.payment_attempt.payment_attempt import PaymentAttempt
from oropendola_payments.engine.core.after_commit import MAILS, enqueue
from oropendola_payments.engine.core.transactions import in_transaction, lock, read
from oropendola_payments.engine.gateway.mode_guard import is_current_mode, require_current_mode
from oropendola_payments.engine.notifications.untold import tell_soon
from oropendola_payments.engine.settlement.attempt_outcomes import (
	close_attempt,
	note_authorized,
	note_pending,
)
from oropendola_payments.engine.settlement.captures import take_money
from oropendola_payments.engine.settlement.types import Settled
from oropendola_payments.exceptions import NotFound
from oropendola_payments.gateways.base import DisputeEvent, Notice, Outcome, PaymentEvent


def settle(gateway: str, event: PaymentEvent) -> Settled:
	"""Settle an event of a gateway. Raises NotFound if no attempt matches it (yet)."""
	return settle_attempt(find_attempt(gateway, event), event)


def settle_attempt(
	attempt: PaymentAttempt, event: PaymentEvent, at_end: Callable[[AIInvoice], None] | None = None
) -> Settled:
	"""Settle an event for this attempt. `at_end` is called in the same transaction, with the locked invoice."""
	try:
		settled = in_transaction(_settle_locked, attempt.invoice, attempt.name, event, at_end)
	except frappe.DuplicateEntryError:
		# This payment is already recorded, perhaps for another attempt.
		settled = in_transaction(
			_settle_locked, attempt.invoice, attempt.name, event, at_end, after_duplicate_key=True
		)
	follow_up(settled)
	return settled


# The order id first: it comes from the gateway, while the reference may come from the customer's browser.
COLUMNS = {"order_id": "gateway_order_id", "reference": "name", "payment_id": "gateway_payment_id"}


def find_attempt(gateway: str, event: PaymentEvent | DisputeEvent | Notice) -> PaymentAttempt:
	"""Return the attempt of an event, unlocked: by the gateway's order id, our reference, or the gateway's payment id."""
	for field, column in COLUMNS.items():
		value = getattr(event, field)
		rows = value and read(
			"Payment Attempt", f"`gateway` = %s AND `{column}` = %s LIMIT 1", (gateway, value)
		)
		if rows:
			return rows[0]
	raise NotFound(_("The gateway's message does not match any payment on this site."))


def _settle_locked(
	invoice_name: str,
	attempt_name: str,
	event: PaymentEvent,
	at_end: Callable[[AIInvoice], None] | None,
	after_duplicate_key: bool = False,
) -> Settled:
	invoice = lock("AI Invoice", invoice_name)
	attempt = lock("Payment Attempt", attempt_name)
	result = Settled(attempt.name, invoice.name, changed=False)
	require_current_mode(attempt)
	if event.outcome is Outcome.PAID:
		take_money(invoice, attempt, event, result, after_duplicate_key=after_duplicate_key)
	elif event.outcome is Outcome.AUTHORIZED:
		result.changed = note_authorized(invoice, attempt, event)
	elif event.outcome is Outcome.PENDING:
		result.changed = note_pending(invoice, attempt, event)
	else:
		result.changed = result.failed = close_attempt(invoice, attempt, event)
	if at_end:
		at_end(invoice)
	return result


def settle_manual_payment(invoice: AIInvoice, attempt: PaymentAttempt, event: PaymentEvent) -> Settled:
	"""Settle a manual payment. The caller holds the invoice's lock and commits."""
	result = Settled(attempt.name, invoice.name, changed=False)
	take_money(invoice, attempt, event, result, expected_part=True)
	return result


# Money --------------------------------------------------------------------------------------------


def should_capture(attempt: PaymentAttempt) -> bool:
	"""Return whether an authorized payment should be captured. Read without a lock: a change in between makes it a double payment."""
	if not is_current_mode(attempt):
		return False
	# Not the attempt in memory: another payment of the same order may have been settled since, from the same answer.
	attempts, invoices = frappe.qb.DocType("Payment Attempt"), frappe.qb.DocType("AI Invoice")
	query = frappe.qb.from_(attempts).join(invoices).on(invoices.name == attempts.invoice)
	query = query.select(attempts.status, invoices.status).where(attempts.name == attempt.name)
	((attempt_status, invoice_status),) = query.run()
	return attempt_status != "Paid" and invoice_status not in (*SETTLED, "Cancelled", "Closed")


def follow_up(settled: Settled) -> None:
	"""Queue notifications and refunds after a settlement."""
	if settled.changed and settled.capture:
		tell_soon(settled.capture)
		if settled.policy_applied:
			enqueue("oropendola_payments.engine.refunds.process.process_invoice", invoice=settled.invoice)
	elif settled.failed:
		enqueue(
			"oropendola_payments.engine.notifications.hooks.payment_failed",
			queue=MAILS,
			attempt=settled.attempt,
		)
