"""The single door through which money changes a record.

Callback, webhook, poll, Desk and payment by hand all end in `settle`. One transaction holds capture, attempt, invoice, subscription,
quota, key and events: paid and served cannot come apart. Repeating a fact changes nothing and is not an error.
"""

import frappe
from frappe import _

from oropendola_payments.ai_billing.doctype.ai_invoice.ai_invoice import SETTLED
from oropendola_payments.engine.core.after_commit import enqueue
from oropendola_payments.engine.core.transactions import in_transaction, lock, read
from oropendola_payments.engine.gateway.mode_guard import is_current_mode, require_current_mode
from oropendola_payments.engine.settlement.attempt_outcomes import (
	close_attempt,
	note_authorized,
	note_pending,
)
from oropendola_payments.engine.settlement.captures import take_money
from oropendola_payments.engine.settlement.types import Settled
from oropendola_payments.exceptions import NotFound
from oropendola_payments.gateways.base import Outcome, PaymentEvent


def settle(gateway: str, event: PaymentEvent) -> Settled:
	"""Record what a gateway says. Raises NotFound when the payment is none of ours (yet)."""
	return settle_attempt(find_attempt(gateway, event), event)


def settle_attempt(attempt, event: PaymentEvent) -> Settled:
	"""Record what a gateway says of this attempt."""
	try:
		settled = in_transaction(_settle_locked, attempt.invoice, attempt.name, event)
	except frappe.DuplicateEntryError:
		# The unique key knows this money already, from another attempt.
		settled = in_transaction(_settle_locked, attempt.invoice, attempt.name, event, look_first=True)
	follow_up(settled)
	return settled


# The order first: it is the gateway's own word, while a buyer's browser may have written the reference.
COLUMNS = {"order_id": "gateway_order_id", "reference": "name", "payment_id": "gateway_payment_id"}


def find_attempt(gateway: str, event):
	"""The attempt that an event speaks of, unlocked: by the gateway's order, our reference, or the gateway's payment id."""
	for field, column in COLUMNS.items():
		value = getattr(event, field)
		rows = value and read(
			"Payment Attempt", f"`gateway` = %s AND `{column}` = %s LIMIT 1", (gateway, value)
		)
		if rows:
			return rows[0]
	raise NotFound(_("The gateway's message does not match any payment on this site."))


def _settle_locked(
	invoice_name: str, attempt_name: str, event: PaymentEvent, look_first: bool = False
) -> Settled:
	invoice = lock("AI Invoice", invoice_name)
	attempt = lock("Payment Attempt", attempt_name)
	result = Settled(attempt.name, invoice.name, changed=False)
	require_current_mode(attempt)
	if event.outcome is Outcome.PAID:
		take_money(invoice, attempt, event, result, look_first=look_first)
	elif event.outcome is Outcome.AUTHORIZED:
		result.changed = note_authorized(invoice, attempt, event)
	elif event.outcome is Outcome.PENDING:
		note_pending(invoice, attempt, event)
	else:
		result.changed = result.failed = close_attempt(invoice, attempt, event)
	return result


def settle_manual_payment(invoice, attempt, event: PaymentEvent) -> Settled:
	"""Money that a manager saw arrive. The caller holds the invoice's lock and commits."""
	result = Settled(attempt.name, invoice.name, changed=False)
	take_money(invoice, attempt, event, result, expected_part=True)
	return result


# Money --------------------------------------------------------------------------------------------


def should_capture(attempt) -> bool:
	"""Whether money that is reserved for this attempt should be taken. Read without a lock: what changes meanwhile is a double payment."""
	if attempt.status == "Paid" or not is_current_mode(attempt):
		return False
	return frappe.db.get_value("AI Invoice", attempt.invoice, "status") not in (*SETTLED, "Cancelled")


def follow_up(settled):
	"""Queue what the outside world should learn of a settled fact."""
	if settled.changed and settled.capture:
		enqueue("oropendola_payments.engine.notifications.hooks.payment_succeeded", capture=settled.capture)
		if settled.gives_back:
			enqueue("oropendola_payments.engine.refunds.process.process_invoice", invoice=settled.invoice)
	elif settled.failed:
		enqueue("oropendola_payments.engine.notifications.hooks.payment_failed", attempt=settled.attempt)
