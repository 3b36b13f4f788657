"""Unfinished invoices: give up the rest of an invoice that was paid only in part."""

from oropendola_payments.ai_billing.doctype.ai_invoice.ai_invoice import AIInvoice
from oropendola_payments.engine.core import after_commit
from oropendola_payments.engine.coupons import redemptions
from oropendola_payments.engine.settlement import overpayment

# Stored in English and translated when shown.
NOT_COMPLETED_REASON = "Not all parts were paid in time. The rest is not owed."
ENDED_REASON = "The subscription was cancelled. The rest is not owed."
CLOSED = "oropendola_payments.engine.notifications.hooks.invoice_closed"


def close(invoice: AIInvoice, reason: str) -> None:
	"""Close a partly paid invoice. Days that parts have bought stay; parts that bought none fall under the double-payment policy.

	The caller holds the invoice's lock, commits, and then has the refunds sent.
	"""
	invoice.mark_as_closed(reason)
	redemptions.close(invoice, reason)
	if not invoice.covered_days:
		overpayment.apply_policy_to_parts(invoice)
	after_commit.enqueue_after_commit(CLOSED, queue=after_commit.MAILS, invoice=invoice.name)
