"""Close the unpaid invoice of a change of plan, so that the credit that it holds is free again."""

from frappe import _

from oropendola_payments.ai_billing.doctype.ai_invoice.ai_invoice import AIInvoice
from oropendola_payments.engine.core import after_commit
from oropendola_payments.engine.settlement import overpayment
from oropendola_payments.engine.settlement.under_way import is_being_paid_now
from oropendola_payments.engine.subscriptions import credit
from oropendola_payments.exceptions import Conflict


def close_invoice(invoice: AIInvoice, reason: str) -> None:
	"""Cancel an unpaid invoice. Credit comes back at once; other parts fall under the double-payment policy.

	Raises Conflict while a payment is under way. The caller holds the invoice's lock and commits.
	"""
	if payment_is_under_way(invoice):
		message = _("A payment for invoice {0} is in progress. Please complete or cancel it first.")
		raise Conflict(message.format(invoice.name))
	if invoice.can_move_to("Cancelled"):
		invoice.mark_as_cancelled()
	elif invoice.status == "Partly Paid":
		credit.release(invoice, reason)
		overpayment.apply_policy_to_parts(invoice)
		after_commit.enqueue_after_commit(
			"oropendola_payments.engine.refunds.process.process_invoice", invoice=invoice.name
		)


def payment_is_under_way(invoice: AIInvoice) -> bool:
	return invoice.status == "Processing" or is_being_paid_now(invoice.name)
