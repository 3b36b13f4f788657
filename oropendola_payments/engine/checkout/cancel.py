"""Cancel an open attempt."""

import frappe

from oropendola_payments.ai_billing.doctype.payment_attempt.payment_attempt import PaymentAttempt
from oropendola_payments.engine.checkout.payer import own_attempt
from oropendola_payments.engine.core.transactions import in_transaction, lock_attempt
from oropendola_payments.engine.gateway import polling
from oropendola_payments.engine.gateway.simulated import mock_marks
from oropendola_payments.engine.inbound.capture import settle_answer
from oropendola_payments.engine.inbound.status_query import RECENT_SECONDS, refresh, schedule_refresh
from oropendola_payments.engine.inbound.withdraw import UNPAYABLE, close_at_gateway, is_unpayable
from oropendola_payments.engine.settlement.attempt_outcomes import CANCELLED_REASON, close_invoice_if_last

# A gateway that is still closing the order is asked again this soon.
CLOSING_SECONDS = RECENT_SECONDS


def cancel(user: str, attempt_name: str) -> dict:
	"""Cancel an attempt, unless the gateway's answer says otherwise: it may be paid, not closed yet, or in the account of earlier keys.

	A gateway that cannot close an order is asked how it stands; money that arrives later is recorded all the same.
	"""
	attempt = own_attempt(user, attempt_name)
	if not attempt.is_open():
		return _status_summary(attempt.name)
	event = close_at_gateway(attempt)
	if event is None:
		refresh(attempt)
	elif event.outcome not in UNPAYABLE:
		settle_answer(attempt, event)
	if event is None or is_unpayable(attempt, event):
		in_transaction(_withdraw_locked, attempt)
	else:
		schedule_refresh(frappe.get_doc("Payment Attempt", attempt.name), CLOSING_SECONDS)
	return _status_summary(attempt.name)


def _withdraw_locked(attempt: PaymentAttempt) -> None:
	invoice, attempt = lock_attempt(attempt)
	if not attempt.is_open() or attempt.status == "Authorized" or attempt.in_transit:
		return
	before = attempt.status
	attempt.mark_as_cancelled(error_message=CANCELLED_REASON, next_check_at=polling.next_check(attempt))
	invoice.record("attempt_cancelled", attempt, before, "Cancelled")
	close_invoice_if_last(invoice, attempt, invoice.mark_as_pending)


def _status_summary(name: str) -> dict:
	row = frappe.db.get_value("Payment Attempt", name, ["status", "invoice", "mode"], as_dict=True)
	return {
		"attempt": name,
		"status": row.status,
		"invoice_status": frappe.db.get_value("AI Invoice", row.invoice, "status"),
		**mock_marks(row.mode),
	}
