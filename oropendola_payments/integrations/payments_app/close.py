"""Keep the invoice of another app's document in step with the document: cancelled, paid elsewhere, or paid there in part."""

from decimal import Decimal

import frappe
from frappe import _

from oropendola_payments.ai_billing import invoice_price
from oropendola_payments.ai_billing.doctype.ai_invoice.ai_invoice import OPEN, AIInvoice
from oropendola_payments.engine.core.transactions import lock
from oropendola_payments.engine.settlement.under_way import is_being_paid_now
from oropendola_payments.exceptions import Conflict
from oropendola_payments.integrations.payments_app.link import invoices_of


def require_nothing_under_way(doctype: str, name: str) -> None:
	"""Raise Conflict while a payment of this document is open at a gateway: its money would arrive for nothing."""
	if any(is_being_paid_now(invoice) for invoice in invoices_of(doctype, name)):
		message = _(
			"A payment of {0} {1} is under way. Please wait for its outcome, then cancel the document."
		)
		raise Conflict(message.format(doctype, name))


def close(doctype: str, name: str) -> None:
	"""Let nobody pay a document that was cancelled. Money that comes all the same falls under the double-payment policy."""
	for invoice in _open_invoices(doctype, name):
		_end(invoice, _("The document was cancelled."))


def follow(doctype: str, name: str, outstanding: Decimal) -> None:
	"""Ask only for what the document still needs, after somebody else paid or corrected it. The caller commits."""
	for invoice in _open_invoices(doctype, name):
		if invoice.outstanding() == outstanding:
			continue
		if invoice.paid() or is_being_paid_now(invoice.name):
			message = _("The document {0} was also paid elsewhere. Please compare the amounts.")
			invoice.flag_for_review(message.format(name))
		elif outstanding > 0:
			invoice_price.change(invoice, net_amount=outstanding)
		else:
			_end(invoice, _("The document was paid elsewhere."))


def _open_invoices(doctype: str, name: str) -> list[AIInvoice]:
	locked: list[AIInvoice] = [lock("AI Invoice", invoice) for invoice in invoices_of(doctype, name)]
	return [invoice for invoice in locked if invoice.status in OPEN]


def _end(invoice: AIInvoice, reason: str) -> None:
	if not invoice.paid() and invoice.can_move_to("Cancelled"):
		invoice.mark_as_cancelled()
	else:
		invoice.flag_for_review(reason)
	for link in frappe.get_all("AI Payment Link", {"invoice": invoice.name, "revoked": 0}, pluck="name"):
		frappe.get_doc("AI Payment Link", link).revoke()
	invoice.flush_events()
