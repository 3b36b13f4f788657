"""Repeat the fulfilment of a paid invoice."""

from decimal import Decimal

import frappe
from frappe import _

from oropendola_payments.engine.core.transactions import in_transaction, lock
from oropendola_payments.engine.entitlements.fulfilment import fulfil
from oropendola_payments.exceptions import Conflict, NotFound
from oropendola_payments.money import to_decimal


def fulfil_again(invoice_name: str) -> dict:
	"""Repeat the fulfilment of a paid invoice. Raises Conflict without a verified payment; a second run changes nothing."""
	return in_transaction(_fulfil_again, invoice_name)


def _captured_without_surplus(invoice: str) -> Decimal:
	"""Return the captured amount without overpayments, which are refunded or kept as credit."""
	rows = frappe.get_all("Payment Capture", {"invoice": invoice}, ["amount", "surplus"])
	return sum((to_decimal(row.amount) - to_decimal(row.surplus or 0) for row in rows), Decimal(0))


def _fulfil_again(invoice_name: str) -> dict:
	if not frappe.db.exists("AI Invoice", invoice_name):
		raise NotFound(_("There is no invoice {0}.").format(invoice_name))
	invoice = lock("AI Invoice", invoice_name)
	covered = _captured_without_surplus(invoice.name)
	if invoice.status != "Paid" or invoice.paid() < invoice.total() or (invoice.total() and not covered):
		message = _("Invoice {0} is {1} and has no verified payment, so the subscription stays as it is.")
		raise Conflict(message.format(invoice.name, _(invoice.status)))
	if not fulfil(invoice):
		raise Conflict(
			_("The subscription of invoice {0} was cancelled. Please refund the payment.").format(
				invoice.name
			)
		)
	subscription = frappe.get_doc("AI Subscription", invoice.subscription) if invoice.subscription else None
	return {
		"invoice_id": invoice.name,
		"subscription_id": invoice.subscription,
		"status": subscription.status if subscription else None,
		"end_date": subscription.end_date if subscription else None,
	}
