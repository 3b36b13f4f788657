"""Whether somebody has started a payment of an invoice whose outcome is not known."""

from frappe import _

from oropendola_payments.ai_billing.doctype.payment_attempt.payment_attempt import OPEN, has_open_attempt
from oropendola_payments.engine.core.transactions import read


def in_transit_message() -> str:
	"""For the customer, when the gateway says that money is on its way."""
	return _(
		"Your bank is still processing the payment. This can take some days. You do not need to pay again."
	)


def is_being_paid(invoice: str) -> bool:
	"""For what is shown."""
	return has_open_attempt(invoice)


def is_being_paid_now(invoice: str) -> bool:
	"""For what is changed under the invoice's lock: the snapshot of the transaction may be older than the lock."""
	return bool(
		read("Payment Attempt", "`invoice` = %s AND `status` IN %s LIMIT 1 FOR UPDATE", (invoice, OPEN))
	)
