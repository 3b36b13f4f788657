"""Whether somebody has started a payment of an invoice whose outcome is not known."""

import frappe

from oropendola_payments.ai_billing.doctype.payment_attempt.payment_attempt import OPEN
from oropendola_payments.engine.core.transactions import read


def is_being_paid(invoice: str) -> bool:
	"""For what is shown."""
	return bool(frappe.db.exists("Payment Attempt", {"invoice": invoice, "status": ("in", OPEN)}))


def is_being_paid_now(invoice: str) -> bool:
	"""For what is changed under the invoice's lock: the snapshot of the transaction may be older than the lock."""
	return bool(
		read("Payment Attempt", "`invoice` = %s AND `status` IN %s LIMIT 1 FOR UPDATE", (invoice, OPEN))
	)
